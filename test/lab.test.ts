// The lab from end to end, in a headless Chromium: every scene by mouse and by keyboard, on a wide and on a narrow page,
// loaded again from its link; nobody is kept out (axe); the digits are those of Node.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { generateDigits } from '../src/data/generated-digits.ts';
import { evaluate } from '../src/experiment/evaluate.ts';
import { networkByName } from '../src/nn/networks.ts';
import { createEngine } from '../src/node/create-engine.ts';
import { parseRecord } from '../src/report/json.ts';
import { encodePng } from '../src/report/png.ts';
import { decodeWeights } from '../src/train/checkpoint.ts';
import { type LabPage, openLab, skip } from './lab-page.ts';

const root = resolve(import.meta.dirname, '..');
const record = readFileSync(join(root, 'results', 'synthetic-small-cnn', 'record.json'), 'utf8');
const axe = readFileSync(join(root, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
/** A training of seconds. */
const SHORT = 'epochs=2&chips=1';
/** Much, for machines that have other work. */
const WAIT = { timeout: 60_000 };
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
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };

describe('the lab', { skip, concurrency: 1 }, () => {
  let lab: LabPage;
  let context: BrowserContext;
  let page: Page;
  /** What the page says to its console beside what it should. */
  const said: string[] = [];

  before(async () => {
    lab = await openLab(record);
    context = await lab.browser.newContext({ viewport: WIDE, acceptDownloads: true });
    page = await opened('');
  });
  after(() => lab.close());

  async function opened(hash: string, size = WIDE): Promise<Page> {
    const one = await context.newPage();
    one.setDefaultTimeout(WAIT.timeout);
    await one.setViewportSize(size);
    one.on('console', (message) => {
      if (message.type() !== 'log') said.push(message.text());
    });
    one.on('pageerror', (error) => said.push(String(error)));
    await one.goto(lab.address + hash);
    return one;
  }
  const button = (name: string | RegExp, on = page): Locator =>
    on.getByRole('button', { name, exact: typeof name === 'string' });
  const verdict = (on = page): Locator => on.locator('.verdict');
  /** Goes to a link as somebody does who was sent it. */
  const visit = async (hash: string, on = page): Promise<void> => {
    await on.goto('about:blank');
    await on.goto(lab.address + hash);
  };
  /** The address, once a change has reached it. */
  const address = async (part: string | RegExp, on = page): Promise<string> => {
    await on.waitForURL((url) => (typeof part === 'string' ? url.hash.includes(part) : part.test(url.hash)));
    return new URL(on.url()).hash;
  };
  const savedBy = async (click: () => Promise<void>): Promise<Buffer> => {
    const [download] = await Promise.all([page.waitForEvent('download'), click()]);
    return readFileSync((await download.path())!);
  };

  test('the page is at most 500 kB compressed, and nothing comes from elsewhere', () => {
    const files = readdirSync(lab.folder, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const texts = files.map((one) => readFileSync(join(one.parentPath, one.name)));
    const bytes = texts.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
    assert.ok(bytes > 100_000 && bytes <= 500_000, `${bytes} bytes`);
    const html = readFileSync(join(lab.folder, 'index.html'), 'utf8');
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
  });

  test('a network trains by mouse, stops, goes on to the end, and is there again after a reload', async (t) => {
    const began = performance.now();
    await visit(`#train?${SHORT}`);
    await button('Train').waitFor();
    t.diagnostic(`first control after ${Math.round(performance.now() - began)} ms`);
    assert.equal(await page.evaluate('crossOriginIsolated'), true);
    await button('Train').click();
    await page.getByText(/step (?!0 )\d+ of 92/).waitFor();
    await button('Stop').click();
    await button('Train on').waitFor();
    assert.match((await page.getByRole('status').first().textContent())!, /Stopped/);
    await button('Train on').click();
    await button(/Program it/).waitFor();
    await page.getByText('Trained: small-cnn').waitFor();
    const words = await verdict().textContent();
    assert.match(words!, /gets \d+\.\d % of the test images right/);
    await page.reload();
    await page.getByText('Trained: small-cnn').waitFor();
    assert.equal(await verdict().textContent(), words);
    // The same network gives each of its images a name, and a drawn one too.
    await button('Put one there').click();
    await page.getByText('floating point', { exact: true }).waitFor();
    const pad = (await page.locator('.draw canvas').boundingBox())!;
    await button('Clear').click();
    await page.mouse.move(pad.x + 84, pad.y + 30);
    await page.mouse.down();
    for (let y = 30; y <= 140; y += 10) await page.mouse.move(pad.x + 84, pad.y + y);
    await page.mouse.up();
    await page.locator('.bars').getByText(/^1 \(/).first().waitFor();
  });

  test('its weights are programmed; changed hardware is checked in words, and a link restores it', async () => {
    await button(/Program it/).click();
    await page.getByText(/cells of pcm-nandakumar-2019/).waitFor();
    const first = await verdict().textContent();
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
    await page.getByText(/−20 … 20 µS/).waitFor();
    const words = await verdict().textContent();
    assert.notEqual(words, first);
    const hash = await address('gMax');
    await visit(hash);
    await page.getByText(/−20 … 20 µS/).waitFor();
    await page.getByRole('heading', { name: /Layer dense/ }).waitFor();
    assert.equal(await verdict().textContent(), words);
    await button('As the preset').click();
    await page.getByText(/−25 … 25 µS/).waitFor();
  });

  test('after an hour the chip guesses, compensation brings it back; the record has the digits of Node', async () => {
    await visit(`#time?${SHORT}&log=3.56`);
    await page.getByText(/1 hour after programming, no compensation/).waitFor();
    const share = async (): Promise<number> =>
      Number((await verdict().locator('strong').textContent())!.split(' ')[0]);
    const uncompensated = await share();
    const flips = page.getByRole('heading', { name: /of 50 test images flip/ });
    assert.ok(Number((await flips.textContent())!.split(' ')[0]) > 10);
    await button('Compensate').click();
    await page.getByText(/1 hour after programming, global/).waitFor();
    assert.ok((await share()) > uncompensated + 30, `${await share()} % from ${uncompensated} %`);
    const words = await verdict().textContent();
    await button('Save the record').waitFor(WAIT);
    const saved = parseRecord((await savedBy(() => button('Save the record').click())).toString());
    const weights = await savedBy(() => button('Save weights').click());
    await visit(await address('method=global'));
    await page.getByText(/1 hour after programming, global/).waitFor();
    assert.equal(await verdict().textContent(), words);

    const { engine } = await createEngine({ backend: 'wasm', threads: 2 });
    try {
      const trained = await decodeWeights('weights', weights);
      const { hardware, evaluation, seed, networks } = saved;
      const network = networkByName('small-cnn', { inputShape: [28, 28, 1], classes: 10 });
      const { label } = networks[0]!;
      const data = generateDigits();
      // A result depends on its arguments only, so some of the times are enough.
      const some = { ...evaluation, timesSeconds: [3600, 315_576_000] };
      const again = await evaluate({
        ...{ engine, network, trained, data, label, hardware, evaluation: some, seed },
      });
      const { deployed, digitalAccuracy } = networks[0]!;
      assert.equal(deployed.length, 32);
      assert.deepEqual(
        deployed.filter(({ timeSeconds }) => some.timesSeconds.includes(timeSeconds)),
        JSON.parse(JSON.stringify(again.deployed)),
      );
      assert.equal(digitalAccuracy, again.digitalAccuracy);
    } finally {
      await engine.close();
    }
  });

  test('dragging the time draws the arrays again and again', async (t) => {
    await visit(`#time?${SHORT}&layer=conv4`);
    const map = page.getByRole('img', { name: /Conductances of layer conv4/ });
    await map.waitFor();
    await button('Stop').click();
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
    await visit('#cells');
    const chart = page.getByRole('img', { name: /Values of devices after 41/ });
    await chart.waitFor();
    await button('20 up').click();
    await button('RESET').click();
    await page.getByRole('img', { name: /after 62 pulses and RESETs: u20,r1,u40,r1/ }).waitFor();
    await page.getByRole('combobox', { name: 'Device' }).selectOption('reram-sb');
    await button('20 down').click();
    await page.getByRole('combobox', { name: 'Cell' }).selectOption('hermes-two-devices');
    await page.getByRole('img', { name: /Conductance of programmed cells/ }).waitFor();
    const hash = await address('cell=hermes');
    await visit(hash);
    await page.getByRole('img', { name: /u20,r1,u20,d20/ }).waitFor();
    assert.equal(await page.getByRole('combobox', { name: 'Cell' }).inputValue(), 'hermes-two-devices');
    await page.getByText(/soft-bounds-reference/).waitFor();
  });

  test('a record of the command shows its curves; other files are refused in words', async () => {
    await visit('#record?from=record.json');
    await page.getByRole('heading', { name: 'noise-trained: 91.7 % in floating point' }).waitFor();
    await page.getByRole('img', { name: /^Accuracy over time of noise-trained/ }).waitFor();
    await page.getByRole('img', { name: /^Accuracy over time of digital/ }).waitFor();
    await page.getByText('The numbers').first().click();
    await page
      .getByRole('cell', { name: /73\.\d % … 77\.\d %/ })
      .first()
      .waitFor();
    const choose = (name: string, content: string): Promise<void> =>
      page
        .locator('.files input')
        .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
    await choose('network.onnx', 'x');
    await page
      .getByRole('alert')
      .getByText(/expected weights of ohmic .* or a record/)
      .waitFor();
    await choose('record.json', '{"format": "other"}');
    await page
      .getByRole('alert')
      .getByText(/expected the format "ohmic-record-1"/)
      .waitFor();
    await choose('weights.safetensors', 'no weights');
    await page
      .getByRole('alert')
      .getByText(/weights\.safetensors/)
      .waitFor();
    await visit('#time?noise=2');
    await page
      .getByRole('alert')
      .getByText(/values that the lab does not know: noise=2/)
      .waitFor();
  });

  test('images of a folder are learned; weights of a file are opened, and their link says that they are missing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ohmic-own-'));
    for (const [name, shade] of [
      ['dark', 40],
      ['light', 200],
    ] as const) {
      mkdirSync(join(folder, name));
      for (let k = 0; k < 10; k++) {
        const pixels = Uint8Array.from({ length: 32 * 32 }, (_, pixel) => shade + ((pixel * (k + 7)) % 23));
        const png = await encodePng({ height: 32, width: 32, channels: 1, pixels });
        writeFileSync(join(folder, name, `${k}.png`), png);
      }
    }
    const own = '#train?set=own&model=mlp&epochs=20&noise=0';
    try {
      await visit(own);
      await page.getByRole('alert').getByText('expected a folder of yours').waitFor();
      await page.getByLabel('Folder with a folder for each class').setInputFiles(folder);
      await page.getByText('16 images of 2 classes to train on, 4 to test.').waitFor();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    await page.getByRole('img', { name: 'light' }).first().waitFor();
    await button('Train').click();
    await page.getByText('Trained: mlp').waitFor();
    assert.match((await verdict().textContent())!, /100\.0 % of the test images/);

    await visit(`#train?${SHORT}`);
    await page.getByText('Trained: small-cnn').waitFor();
    const words = await verdict().textContent();
    const buffer = await savedBy(() => button('Save weights').click());
    const input = page.locator('.files input');
    await visit('#train?seed=77');
    await button('Train').waitFor();
    await input.setInputFiles({ name: 'w.safetensors', mimeType: 'application/octet-stream', buffer });
    await page.getByText(/Opened w\.safetensors: small-cnn, trained on digits/).waitFor();
    assert.equal(await verdict().textContent(), words);
    const hash = await address(/weights=[0-9a-f]{16}/);
    await visit(hash);
    await page.getByText(/came from a file, which a link cannot hold/).waitFor();
  });

  test('on a narrow page everything is done by keyboard, and nothing sticks out', async () => {
    const narrow = await opened(`#train?${SHORT}`, NARROW);
    /** Tab by tab to a control. */
    const reach = async (target: Locator): Promise<void> => {
      await target.waitFor();
      for (let k = 0; k < 60; k++) {
        if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
        await narrow.keyboard.press('Tab');
      }
      throw new Error(`60 tabs do not lead to ${target}`);
    };
    const fits = async (): Promise<void> =>
      assert.ok((await narrow.evaluate<number>('document.documentElement.scrollWidth')) <= NARROW.width);
    await button(/Program it/, narrow).waitFor();
    await reach(narrow.getByRole('slider'));
    await fits();
    await reach(button(/Program it/, narrow));
    await narrow.keyboard.press('Enter');
    await reach(narrow.getByRole('img', { name: /^Error/ }));
    await narrow.keyboard.press('ArrowRight');
    await narrow.getByText(/row 1, column 1: target/).waitFor();
    await fits();
    await reach(button(/Let time pass/, narrow));
    await narrow.keyboard.press('Enter');
    await reach(narrow.getByRole('slider'));
    await narrow.keyboard.press('End');
    await narrow.getByText(/10 years after programming, no compensation/).waitFor();
    await narrow.keyboard.press('Tab');
    await narrow.keyboard.press('ArrowDown');
    await narrow.getByText(/10 years after programming, global/).waitFor();
    await fits();
    await reach(narrow.getByRole('link', { name: 'Cells' }));
    await narrow.keyboard.press('Enter');
    await reach(button('RESET', narrow));
    await narrow.keyboard.press('Enter');
    await narrow.getByRole('img', { name: /u20,r1,u20,r1/ }).waitFor();
    await fits();
    await narrow.goBack();
    await narrow.getByText(/10 years after programming, global/).waitFor();
    await narrow.close();
  });

  test('axe finds no violation, wide and narrow, light and dark', async () => {
    for (const scene of ['train', 'program', 'time', 'cells', 'record']) {
      await visit(`#${scene}?${SHORT}&from=record.json&changes={"tile":{"kind":"unlimited"}}&log=4`);
      await page.getByRole('img').first().waitFor();
      if (scene === 'time') await page.getByText(/test images flip/).waitFor();
      await page.evaluate(
        `(() => { ${axe} })(); for (const one of document.querySelectorAll('details')) one.open = true;`,
      );
      for (const [size, colorScheme] of [
        [WIDE, 'light'],
        [NARROW, 'dark'],
      ] as const) {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme });
        const violations = await page.evaluate<readonly string[]>(
          `(async () => (await axe.run()).violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))()`,
        );
        assert.deepEqual(violations, [], `${scene} ${colorScheme}`);
      }
    }
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('on a host without headers a service worker isolates the page; without that, one thread computes', async () => {
    const plain = await context.newPage();
    await plain.goto(lab.plainAddress);
    await plain.getByText(/WebAssembly SIMD, \d+ threads?;/).waitFor();
    assert.equal(await plain.evaluate('crossOriginIsolated'), true);
    await plain.close();
    const blocked = await lab.browser.newContext({ serviceWorkers: 'block' });
    const single = await blocked.newPage();
    await single.goto(`${lab.plainAddress}#cells`);
    await single.getByText(/One thread: computing on the calling thread/).waitFor();
    await single.getByRole('img', { name: /Values of devices after 41/ }).waitFor();
    await blocked.close();
  });

  test('the console had nothing to say but of the records and files that were refused', () => {
    assert.deepEqual(said, []);
  });
});
