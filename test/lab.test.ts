// The lab from end to end, in a headless Chromium: every scene by mouse and by keyboard, on a wide and on a narrow page,
// loaded again from its link; nobody is kept out (axe); the digits are those of the command.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { BrowserContext, Page } from 'playwright-core';
import { drawsOf, floats, type Sketch, writeSketch } from '../src/interop/onnx/oracle.test-data.ts';
import { parseRecord } from '../src/report/json.ts';
import { encodePng } from '../src/report/png.ts';
import { MAIN } from './command.ts';
import { driverOf, type LabDriver, NARROW, type Size, WIDE } from './lab-driver.ts';
import { type LabPage, openLab, skip } from './lab-page.ts';

const root = resolve(import.meta.dirname, '..');
const record = readFileSync(join(root, 'results', 'synthetic-small-cnn', 'record.json'), 'utf8');
const axe = readFileSync(join(root, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
/** A training of seconds. */
const SHORT = 'epochs=2&chips=1';
/** Hardware with converters, whose ranges are calibrated on training images. */
const CONVERTERS = '{"adc":{"kind":"uniform","bits":8,"range":{"kind":"calibrated"}}}';
/** Much, for machines that have other work. */
const PATIENCE = 180_000;
/** Frames that are drawn while the slider moves at each; answers are asked for all the while. */
const DRAG_FOR_A_SECOND = `(async () => {
  const slider = document.querySelector('input[type=range]');
  const map = document.querySelector('[data-frames]');
  const [before, begin] = [Number(map.dataset.frames), performance.now()];
  for (let k = 0; performance.now() - begin < 1000; k++) {
    await new Promise(requestAnimationFrame);
    slider.valueAsNumber = 0.02 * (k % 400);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  }
  return Number(map.dataset.frames) - before;
})()`;

describe('the lab', { skip, concurrency: 1 }, () => {
  let lab: LabPage;
  let context: BrowserContext;
  /** One page for all scenes, so that it trains once; links are loaded again on it. */
  let on: LabDriver;
  let page: Page;
  /** What the page says to its console. */
  const said: string[] = [];
  /** The command on what the lab saved: it works while the tests go on. */
  let command: Promise<unknown> | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ohmic-lab-test-'));

  before(async () => {
    lab = await openLab(record);
    context = await lab.browser.newContext({ viewport: WIDE, acceptDownloads: true });
    context.setDefaultTimeout(PATIENCE);
    page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() !== 'log') said.push(message.text());
    });
    page.on('pageerror', (error) => said.push(String(error)));
    on = driverOf(page, lab.address);
  });
  after(async () => {
    await command?.catch(() => undefined);
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  /** Runs a line of a shell that calls `ohmic`, in the folder of the test. */
  async function inShell(line: string): Promise<void> {
    const call = line.replace(/^ohmic /, `"${process.execPath}" "${MAIN}" `);
    await promisify(execFile)('sh', ['-c', call], { cwd: folder });
  }

  test('the page is at most 500 kB compressed, and nothing comes from elsewhere', (t) => {
    const files = readdirSync(lab.folder, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const sizes = files.map(
      (one) => gzipSync(readFileSync(join(one.parentPath, one.name)), { level: 9 }).length,
    );
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    t.diagnostic(`${(bytes / 1000).toFixed(0)} kB`);
    assert.ok(bytes > 100_000 && bytes <= 500_000, `${bytes} bytes`);
    const html = readFileSync(join(lab.folder, 'index.html'), 'utf8');
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
  });

  test('a network trains by mouse, stops, goes on to the end, and is there again after a reload', async (t) => {
    const began = performance.now();
    await on.visit(`#train?${SHORT}`);
    await on.button('Train').waitFor();
    t.diagnostic(`first control after ${Math.round(performance.now() - began)} ms`);
    assert.equal(await page.evaluate('crossOriginIsolated'), true);
    await on.button('Train').click();
    await page.getByText(/step (?!0 )\d+ of 92/).waitFor();
    await on.button('Stop').click();
    await on.button('Train on').waitFor();
    assert.match((await page.getByRole('status').first().textContent())!, /Stopped/);
    await on.button('Train on').click();
    await on.button(/Program it/).waitFor();
    await page.getByText('Trained: small-cnn').waitFor();
    const words = await on.verdictText();
    assert.match(words, /gets \d+\.\d % of the test images right/);
    await page.reload();
    await page.getByText('Trained: small-cnn').waitFor();
    assert.equal(await on.verdictText(), words);
    // The same network gives each of its images a name, and a drawn one too.
    await on.button('Put one there').click();
    await page.getByText('floating point', { exact: true }).waitFor();
    const pad = (await page.locator('.draw canvas').boundingBox())!;
    await on.button('Clear').click();
    await page.mouse.move(pad.x + 84, pad.y + 30);
    await page.mouse.down();
    for (let y = 30; y <= 140; y += 10) await page.mouse.move(pad.x + 84, pad.y + y);
    await page.mouse.up();
    await page.locator('.bars').getByText(/^1 \(/).first().waitFor();
  });

  test('its weights are programmed; changed hardware is checked in words, and a link restores it', async () => {
    await on.button(/Program it/).click();
    await page.getByText(/cells of pcm-nandakumar-2019/).waitFor();
    const first = await on.verdictText();
    await page.getByRole('combobox', { name: 'Layer' }).selectOption('dense');
    await page.getByRole('img', { name: /^Programmed: 64 rows/ }).hover();
    await page.getByText(/row \d+, column \d+: target .* µS, programmed .* µS/).waitFor();
    await page.getByText('Change the hardware').click();
    const json = page.getByRole('textbox');
    await json.fill('{"adc": {"kind": "uniform", "bits": 1, "range": {"kind": "calibrated"}}}');
    await json.blur();
    const alert = page.getByRole('alert').filter({ hasText: 'adc.bits' });
    await alert.waitFor();
    assert.match((await alert.textContent())!, /adc\.bits: expected .*2.*, got 1/);
    await json.fill('{');
    await json.blur();
    await page.getByText(/Expected fields with values as JSON/).waitFor();
    await json.fill('{"cell": {"gMaxMicrosiemens": 20}}');
    await json.blur();
    const scale = page.locator('.legend', { hasText: /^−20\s*20 µS$/ }).first();
    await scale.waitFor();
    const words = await on.verdictText();
    assert.notEqual(words, first);
    await on.visit(await on.address('gMax'));
    await scale.waitFor();
    await page.getByRole('heading', { name: /Layer dense/ }).waitFor();
    assert.equal(await on.verdictText(), words);
    await on.button('As the preset').click();
    await page
      .locator('.legend', { hasText: /^−25\s*25 µS$/ })
      .first()
      .waitFor();
  });

  /** Of the record that the lab saves, and of what the command does with the saved weights. */
  let saved: ReturnType<typeof parseRecord>;
  let chipOnnx: Buffer;
  let networkOnnx: Buffer;

  test('after an hour the chip guesses, compensation brings it back; a link restores it', async () => {
    await on.follow(`#time?${SHORT}&log=3.56&changes=${encodeURIComponent(CONVERTERS)}`);
    await page.getByText(/1 hour after programming, no compensation/).waitFor();
    const uncompensated = await on.share();
    const flips = page.getByRole('heading', { name: /of 50 test images flip/ });
    assert.ok(Number((await flips.textContent())!.split(' ')[0]) > 10);
    await on.button('Compensate').click();
    await page.getByText(/1 hour after programming, global/).waitFor();
    assert.ok((await on.share()) > uncompensated + 30, `${await on.share()} % from ${uncompensated} %`);
    const words = await on.verdictText();
    await on.button('Save the record').waitFor();
    saved = parseRecord((await on.savedBy(() => on.button('Save the record').click())).toString());
    chipOnnx = await on.saved(/^Chip 0 as it is read 1 hour after programming, global/);
    networkOnnx = await on.saved(/^Network as it was trained/);
    await page.getByText(/Its images are pixels from 0 to 1, minus \d/).waitFor();
    writeFileSync(join(folder, 'weights.safetensors'), await on.saved(/^Weights/));
    await on.visit(await on.address('method=global'));
    await page.getByText(/1 hour after programming, global/).waitFor();
    assert.equal(await on.verdictText(), words);
    await page.getByText('The same by the command').click();
    const evaluate = (await page.locator('details code').textContent())!;
    assert.match(evaluate, /^ohmic evaluate --backend wasm --weights weights\.safetensors .* --chips 1 /);
    const setting = `--set 'adc=${JSON.stringify(JSON.parse(CONVERTERS).adc)}'`;
    command = Promise.all([
      inShell(evaluate),
      inShell(
        `ohmic export weights.safetensors --backend wasm --hardware joshi2020 ${setting} --time 3630 --method global --chip 1 --seed 2 --out chip.onnx`,
      ),
    ]);
  });

  test('dragging the time draws the arrays again and again', async (t) => {
    await page.getByRole('combobox', { name: 'Layer' }).selectOption('conv4');
    const map = page.getByRole('img', { name: /Conductances of layer conv4/ });
    await map.waitFor();
    const stop = on.button('Stop');
    if (await stop.isVisible()) await stop.click();
    const slider = page.getByRole('slider');
    const { x, y, width, height } = (await slider.boundingBox())!;
    const before = Number(await map.getAttribute('data-frames'));
    await page.mouse.move(x + 10, y + height / 2);
    await page.mouse.down();
    for (let k = 0; k <= 12; k++) await page.mouse.move(x + 10 + (k / 12) * (width - 20), y + height / 2);
    await page.mouse.up();
    const frames = Number(await map.getAttribute('data-frames')) - before;
    assert.ok(frames >= 6, `${frames} frames`);
    assert.match(await slider.getAttribute('aria-valuetext').then(String), /^(9|10|9\.\d) years$/);
    // What the page is able to: the slider moves at every frame for a second. The rate depends on the machine, and is told.
    const rate = await page.evaluate<number>(DRAG_FOR_A_SECOND);
    t.diagnostic(`${rate.toFixed(0)} frames a second for a layer of 288 x 64`);
  });

  test('pulses, RESET and years on single cells; a link restores them', async () => {
    await on.follow('#cells');
    await page.getByRole('img', { name: /Values of devices after 41/ }).waitFor();
    await on.button('20 up').click();
    await on.button('RESET').click();
    await page.getByRole('img', { name: /after 62 pulses and RESETs: u20,r1,u40,r1/ }).waitFor();
    // Pulses drive this device one way.
    assert.equal(await on.button('20 down').isDisabled(), true);
    await page.getByRole('combobox', { name: 'Device' }).selectOption('reram-sb');
    await on.button('20 down').click();
    await page.getByRole('combobox', { name: 'Cell' }).selectOption('hermes-two-devices');
    await page.getByRole('img', { name: /Conductance of programmed cells/ }).waitFor();
    await on.visit(await on.address('cell=hermes'));
    await page.getByRole('img', { name: /u20,r1,u20,d20/ }).waitFor();
    assert.equal(await page.getByRole('combobox', { name: 'Cell' }).inputValue(), 'hermes-two-devices');
    await page.getByText(/soft-bounds-reference/).waitFor();
    // Exponents are raised, not written.
    await page.locator('.formula sup').first().waitFor();
  });

  test('a record of the command shows its curves; other files are refused in words', async () => {
    await on.visit('#record?from=record.json');
    await page.getByRole('heading', { name: 'noise-trained: 91.7 % in floating point' }).waitFor();
    await page.getByRole('img', { name: /^Accuracy over time of noise-trained/ }).waitFor();
    await page.getByRole('img', { name: /^Accuracy over time of digital/ }).waitFor();
    await page.getByText('The numbers').first().click();
    await page
      .getByRole('cell', { name: /73\.\d % … 77\.\d %/ })
      .first()
      .waitFor();
    await on.open('network.pt', 'x');
    await on.alert(/expected weights of ohmic .* a network \(\.onnx\) or a record/).waitFor();
    await on.open('record.json', '{"format": "other"}');
    await on.alert(/expected the format "ohmic-record-1"/).waitFor();
    await on.open('weights.safetensors', 'no weights');
    await on.alert(/weights\.safetensors/).waitFor();
    await on.follow('#time?noise=2');
    await on.alert(/values that the lab does not know: noise=2/).waitFor();
  });

  test('a network of an ONNX file is tested, programmed and read as any other; others are refused in words', async () => {
    await on.follow(`#train?${SHORT}`);
    await page.getByText('Trained: small-cnn').waitFor();
    const share = await on.share();
    await on.open('mine.onnx', networkOnnx);
    await page.getByText('Imported: mine').waitFor();
    // Exported, a normalisation is products and sums in another order: no image of 500 may change its class for that.
    assert.equal(await on.share(), share);
    const normalized = page.getByRole('combobox', { name: 'Its images were normalised' });
    await normalized.selectOption({ label: 'to pixels from −1 to 1' });
    const told = page.getByText(`Opened mine.onnx: it classifies digits, ${share.toFixed(1)} % right`);
    await told.waitFor({ state: 'detached' });
    await page.getByText('Opened mine.onnx').waitFor();
    assert.ok((await on.share()) < share);
    await normalized.selectOption({ label: 'by mean and deviation of these images' });
    await told.waitFor();
    assert.equal(await on.share(), share);
    await on.button(/Program it/).click();
    await page.getByText(/hold the weights of 5 layers/).waitFor();
    await on.button(/Let time pass/).click();
    await page.getByText(/1 second after programming, no compensation/).waitFor();
    const read = await on.share();
    assert.ok(read > 50, `${read} % of ${share} %`);
    // Without batch normalisations, there is nothing that AdaBS could estimate.
    assert.equal(await page.getByRole('radio').count(), 3);
    const again = await on.saved(/^Weights/);
    await on.open('again.safetensors', again);
    await page.getByText('Opened again.safetensors: mine, trained on digits.').waitFor();
    // The chip as it was read is a network whose weights are off by what the cells did.
    await on.follow(`#train?${SHORT}`);
    await on.open('chip.onnx', chipOnnx);
    await page.getByText('Imported: chip').waitFor();
    const chip = await on.share();
    assert.ok(chip > 50, `${chip} % of ${share} %`);
    // Another program's network for other images: biases of convolutions get normalisations, whose statistics AdaBS estimates.
    await on.open('colours.onnx', Buffer.from(writeSketch(COLOURS)));
    await page
      .getByText(/Opened colours\.onnx: it classifies synthetic, .* little better than guessing/)
      .waitFor();
    await normalized.selectOption({ label: 'as for ImageNet' });
    await page.getByText(/Opened colours\.onnx/).waitFor();
    await page.getByRole('link', { name: 'Time' }).click();
    await page.getByRole('radio', { name: 'AdaBS' }).waitFor();
    await page.getByRole('link', { name: 'Train' }).click();
    await on.open('small.onnx', Buffer.from(writeSketch(SMALL)));
    await on
      .alert(/small\.onnx: expected a network that classifies images of the lab.*– digits: /s)
      .waitFor();
    await on.open('damaged.onnx', networkOnnx.subarray(0, 3000));
    await on.alert(/damaged\.onnx: .*it is damaged or no ONNX file/).waitFor();
    // What was there stays.
    await page.getByText('Imported: colours').waitFor();
  });

  test('images of a folder are learned; weights of a file are opened, and their link says that they are missing', async () => {
    const images = mkdtempSync(join(folder, 'own-'));
    for (const [name, shade] of [
      ['dark', 40],
      ['light', 200],
    ] as const) {
      mkdirSync(join(images, name));
      for (let k = 0; k < 10; k++) {
        const pixels = Uint8Array.from({ length: 32 * 32 }, (_, pixel) => shade + ((pixel * (k + 7)) % 23));
        const png = await encodePng({ height: 32, width: 32, channels: 1, pixels });
        writeFileSync(join(images, name, `${k}.png`), png);
      }
    }
    await on.visit('#train?set=own&model=mlp&epochs=8&noise=0');
    await on.alert('expected a folder of yours').waitFor();
    await page.getByLabel('Folder with a folder for each class').setInputFiles(images);
    await page.getByText('16 images of 2 classes to train on, 4 to test.').waitFor();
    await page.getByRole('img', { name: 'light' }).first().waitFor();
    await on.button('Train').click();
    await page.getByText('Trained: mlp').waitFor();
    assert.equal(await on.share(), 100);

    await on.follow(`#train?${SHORT}`);
    await page.getByText('Trained: small-cnn').waitFor();
    const words = await on.verdictText();
    await on.follow('#train?seed=77');
    await on.button('Train').waitFor();
    await on.open('w.safetensors', readFileSync(join(folder, 'weights.safetensors')));
    await page.getByText(/Opened w\.safetensors: small-cnn, trained on digits/).waitFor();
    assert.equal(await on.verdictText(), words);
    await on.visit(await on.address(/weights=[0-9a-f]{16}/));
    await page.getByText(/came from a file, which a link cannot hold/).waitFor();
  });

  const atSize = async (size: Size): Promise<void> => {
    await page.setViewportSize(size);
    await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
  };
  const nothingSticksOut = async ({ width }: Size): Promise<void> =>
    assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= width);

  test('on a narrow page everything is done by mouse too', async () => {
    await on.visit(`#train?${SHORT}&from=record.json`);
    await atSize(NARROW);
    await on.button('Put one there').click();
    await page.getByText('floating point', { exact: true }).waitFor();
    await on.button(/Program it/).click();
    await page.getByRole('img', { name: /^Targets/ }).click();
    await page.getByText(/row \d+, column \d+: target/).waitFor();
    await on.button(/Let time pass/).click();
    const slider = page.getByRole('slider');
    const { x, y, width, height } = (await slider.boundingBox())!;
    await page.mouse.click(x + 0.7 * width, y + height / 2);
    await page.getByText(/(days|months?) after programming, no compensation/).waitFor();
    await page.getByRole('radio', { name: 'per column' }).click();
    await page.getByText(/(days|months?) after programming, per column/).waitFor();
    await page.getByRole('link', { name: 'Cells' }).click();
    await on.button('20 up').click();
    await page.getByRole('img', { name: /u20,r1,u40/ }).waitFor();
    await page.getByRole('link', { name: 'Record' }).click();
    await page.getByText('The numbers').last().click();
    await page.getByRole('cell').last().waitFor();
  });

  for (const size of [NARROW, WIDE])
    test(`at ${size.width} pixels everything is done by keyboard, and nothing sticks out`, async () => {
      const { keyboard } = page;
      // Weights and curves are those of the page as it is; what was changed is as at the start.
      await on.follow(`#train?${SHORT}`);
      await atSize(size);
      await on.button(/Program it/).waitFor();
      await on.reach(page.getByRole('slider'));
      await keyboard.press('ArrowRight');
      await on.button('Train').waitFor();
      await keyboard.press('ArrowLeft');
      await page.getByText('Trained: small-cnn').waitFor();
      await nothingSticksOut(size);
      await on.reach(page.locator('.menu summary'));
      await keyboard.press('Enter');
      await on.reach(on.button(/^Network as it was trained/));
      await keyboard.press('Escape');
      assert.equal(await on.button(/^Network as it was trained/).count(), 0);
      await on.reach(on.button(/Program it/));
      await keyboard.press('Enter');
      await on.reach(page.getByRole('img', { name: /^Error/ }));
      await keyboard.press('ArrowRight');
      await page.getByText(/row 1, column 1: target/).waitFor();
      await nothingSticksOut(size);
      await on.reach(on.button(/Let time pass/));
      await keyboard.press('Enter');
      await on.reach(page.getByRole('slider'));
      await keyboard.press('End');
      await page.getByText(/10 years after programming, no compensation/).waitFor();
      await keyboard.press('Tab');
      await keyboard.press('ArrowDown');
      await page.getByText(/10 years after programming, global/).waitFor();
      await nothingSticksOut(size);
      await on.reach(page.getByRole('link', { name: 'Cells' }));
      await keyboard.press('Enter');
      await on.reach(on.button('RESET'));
      await keyboard.press('Enter');
      await page.getByRole('img', { name: /u20,r1,u20,r1/ }).waitFor();
      await nothingSticksOut(size);
      await on.reach(page.getByRole('link', { name: 'Record' }));
      await keyboard.press('Enter');
      await on.reach(page.getByText('The numbers').first());
      await keyboard.press('Enter');
      await page.getByRole('cell').first().waitFor();
      await nothingSticksOut(size);
      await page.goBack();
      await page.goBack();
      await page.getByText(/10 years after programming, global/).waitFor();
    });

  test('axe finds no violation in any scene, at any width, light or dark', async () => {
    await page.evaluate(`(() => { ${axe} })()`);
    for (const scene of ['train', 'program', 'time', 'cells', 'record']) {
      const changes = scene === 'program' ? '&changes={"tile":{"kind":"unlimited"}}' : '';
      await on.follow(`#${scene}?${SHORT}&log=4${changes}`);
      await page.getByRole('heading', { level: 2, name: TITLES[scene]! }).waitFor();
      await page.getByRole('img').first().waitFor();
      if (scene === 'time') await page.getByText(/test images flip/).waitFor();
      await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true');
      for (const size of [WIDE, NARROW])
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize(size);
          await page.emulateMedia({ colorScheme });
          const violations = await page.evaluate<readonly string[]>(
            `(async () => (await axe.run({ resultTypes: ['violations'] })).violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))()`,
          );
          assert.deepEqual(violations, [], `${scene} ${size.width} ${colorScheme}`);
        }
    }
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('on a host without headers a service worker isolates the page; without that, one thread computes', async () => {
    const plain = await context.newPage();
    await plain.goto(lab.plainAddress);
    await plain.getByText(/WebAssembly SIMD, \d+ threads?;/).waitFor();
    assert.equal(await plain.evaluate('crossOriginIsolated'), true);
    await plain.close();
    const blocked = await lab.browser.newContext({ serviceWorkers: 'block' });
    blocked.setDefaultTimeout(PATIENCE);
    const single = await blocked.newPage();
    await single.goto(`${lab.plainAddress}#cells`);
    await single.getByText(/One thread: computing on the calling thread/).waitFor();
    await single.getByRole('img', { name: /Values of devices after 41/ }).waitFor();
    await blocked.close();
  });

  test('the command gives the digits of the lab: every accuracy, and the very bytes of the chip that was read', async () => {
    await command;
    const again = parseRecord(readFileSync(join(folder, 'runs', 'lab-chips', 'record.json'), 'utf8'));
    const { deployed, digitalAccuracy } = saved.networks[0]!;
    assert.equal(deployed.length, 32);
    assert.deepEqual(again.networks[0]!.deployed, deployed);
    assert.equal(again.networks[0]!.digitalAccuracy, digitalAccuracy);
    assert.ok(readFileSync(join(folder, 'chip.onnx')).equals(chipOnnx));
  });

  test('the console had nothing to say', () => {
    assert.deepEqual(said, []);
  });
});

const draw = drawsOf(8);
/** A network for images of 32 x 32 in three colours, as other programs write it. */
const COLOURS: Sketch = {
  inputs: { pixels: ['n', 3, 32, 32] },
  constants: {
    'conv1.weight': floats(draw, [4, 3, 4, 4]),
    'conv1.bias': floats(draw, [4]),
    'fc.weight': floats(draw, [10, 64]),
  },
  nodes: [
    {
      op: 'Conv',
      inputs: ['pixels', 'conv1.weight', 'conv1.bias'],
      outputs: ['c'],
      attributes: { strides: [8, 8] },
    },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'Flatten', inputs: ['r'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'fc.weight'], outputs: ['logits'], attributes: { transB: 1 } },
  ],
  outputs: ['logits'],
};
/** A network for images that the lab does not have. */
const SMALL: Sketch = {
  inputs: { pixels: ['n', 1, 8, 8] },
  constants: { 'fc.weight': floats(draw, [3, 64]) },
  nodes: [
    { op: 'Flatten', inputs: ['pixels'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'fc.weight'], outputs: ['logits'], attributes: { transB: 1 } },
  ],
  outputs: ['logits'],
};

const TITLES: Readonly<Record<string, string>> = {
  train: 'Train a small network',
  program: 'Program it onto memory cells',
  time: 'Let time pass',
  cells: 'Look at single cells',
  record: 'A record',
};
