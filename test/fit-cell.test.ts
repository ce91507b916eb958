// `ohmic fit-cell` as users meet it: from a CSV file to a cell file that a hardware file names, and to errors.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { cellSchema } from '../src/cells/cell-schema.ts';
import { pcmNandakumar2019 } from '../src/cells/published-cells.ts';
import { softBoundsDevice } from '../src/cells/published-pulse-devices.ts';
import { checkPulseDevice } from '../src/cells/pulse-schema.ts';
import { upThenDown } from '../src/cells/pulse-train.test-data.ts';
import { csvOf, simulateMeasurements } from '../src/cells/simulate-measurements.test-data.ts';
import { pulseCsvOf, simulatePulses } from '../src/cells/simulate-pulses.test-data.ts';
import { hardwareFromFlags } from '../src/cli/hardware-flag.ts';
import { joshi2020 } from '../src/crossbar/presets.ts';
import { commandIn } from './command.ts';
import { backends, withEngine } from './compare.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-fit-cell-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);
const place = (name: string): string => join(folder, name);

before(() => {
  const measurements = simulateMeasurements(pcmNandakumar2019, {
    targets: [2.5, 5, 10, 15, 20, 25],
    devicesEach: 40,
    times: [20, 60, 200, 1000, 5000],
    seed: 1,
  });
  writeFileSync(place('measured.csv'), csvOf(measurements));
});

test('a cell file, its page and a summary come from measurements, and hardware files name the cell', async () => {
  const { code, out, err } = await ohmic([
    ...['fit-cell', 'measured.csv', '--read-seconds', '250e-9', '--out', 'cells/ours.yaml', '--name', 'ours'],
  ]);
  assert.equal(code, 0, err);
  assert.match(out, /^ours: 240 devices at 6 levels, 1200 reads, Gmax 25 µS, t₀ 20 s\n/);
  assert.match(out, /programmingNoise\.coefficientsMicrosiemens\.0 +\d\.\d+ ± \d\.\d+ +µS/);
  assert.match(out, /cell: cells\/ours\.yaml\nreport: cells\/ours\.html\n$/);
  const text = readFileSync(place('cells/ours.yaml'), 'utf8');
  assert.match(text, /^# Written by ohmic [\d.]+ fit-cell from measured\.csv; ours\.html shows/);
  const cell = cellSchema.parse(parse(text));
  assert.match(cell.source, /^measured: measured\.csv \(SHA-256 [0-9a-f]{16}…\), fitted by ohmic /);
  assert.deepEqual(
    [cell.programmingNoise.kind, cell.drift.kind, cell.readNoise.kind, cell.fit!.devices],
    ['polynomial', 'power-law', 'one-over-f', 240],
  );
  assert.match(readFileSync(place('cells/ours.html'), 'utf8'), /<h1>ours<\/h1>/);

  mkdirSync(place('chips'));
  const { cell: _, ...rest } = joshi2020;
  writeFileSync(place('chips/chip.json'), JSON.stringify({ ...rest, cell: '../cells/ours.yaml' }));
  assert.deepEqual(hardwareFromFlags({ hardware: place('chips/chip.json') }), { ...joshi2020, cell });
});

test('JSON of the cell goes to stdout and, by the ending, to the file; tables where asked for', async () => {
  const { code, out } = await ohmic([
    ...['fit-cell', 'measured.csv', '--law', 'table', '--g-max', '20', '--out', 'ours.json', '--json'],
  ]);
  assert.equal(code, 0);
  assert.equal(out, readFileSync(place('ours.json'), 'utf8'));
  const cell = cellSchema.parse(JSON.parse(out));
  assert.deepEqual([cell.name, cell.gMaxMicrosiemens, cell.programmingNoise.kind], ['ours', 20, 'table']);
  assert.ok(
    cell.readNoise.kind === 'none' && /duration of a read is not given/.test(cell.readNoise.unknown!),
  );
});

test('faults of the file come with their lines, and nothing is written', async () => {
  writeFileSync(
    place('bad.csv'),
    'device,targetMicrosiemens,timeSeconds,conductanceMicrosiemens\na,5,20,x\na,5,-1,5\n',
  );
  const { code, err } = await ohmic(['fit-cell', 'bad.csv', '--out', 'bad.yaml']);
  assert.equal(code, 1);
  assert.match(
    err,
    /^ohmic: bad\.csv: 2 faults\n {2}- line 2: conductanceMicrosiemens: .*\n {2}- line 3: timeSeconds: /,
  );
  assert.ok(!existsSync(place('bad.yaml')) && !existsSync(place('bad.html')));
});

test('impossible flags are refused, all at once', async () => {
  const wrong = await ohmic(['fit-cell', 'measured.csv', '--out', 'measured.csv']);
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.err,
    /^ohmic: fit-cell: 2 faults\n.*ends in \.yaml.*\n.*another file than the measurements/,
  );
  const faults = await ohmic([
    ...[
      'fit-cell',
      'measured.csv',
      '--out',
      'c.yaml',
      '--g-max',
      'big',
      '--read-seconds',
      '50',
      '--degree',
      '9',
    ],
  ]);
  assert.match(faults.err, /fitting a cell: 3 faults\n.*got NaN.*\n.*readSeconds.*got 50\n.*degree.*got 9/);
  const missing = await ohmic(['fit-cell', 'nowhere.csv', '--out', 'c.yaml']);
  assert.match(missing.err, /nowhere\.csv: can't be read/);
});

test('pulse responses are told by their columns, and give the file of a device that learns', async () => {
  const spec = softBoundsDevice({ states: 20, cycleSpread: 0.2, noise: 'multiplicative', stepSpread: 0.2 });
  await withEngine(backends[0]!, 1, async (engine) => {
    const isUp = upThenDown(60, 60);
    writeFileSync(
      place('pulses.csv'),
      pulseCsvOf(await simulatePulses(engine, spec, { count: 20, isUp, seed: 1 })),
    );
  });
  const { code, out, err } = await ohmic(['fit-cell', 'pulses.csv', '--out', 'learning.yaml']);
  assert.equal(code, 0, err);
  assert.match(out, /^learning: 20 devices, 2400 steps\n/);
  assert.match(out, /\ndevice: learning\.yaml\n$/);
  const text = readFileSync(place('learning.yaml'), 'utf8');
  assert.match(text, /^# Written by ohmic [\d.]+ fit-cell from pulses\.csv: 2400 steps of 20 devices\.\n/);
  const device = checkPulseDevice('learning.yaml', parse(text));
  assert.ok(device.kind === 'steps' && device.law.kind === 'piecewise');
  assert.match(device.source, /^measured: pulses\.csv \(SHA-256 [0-9a-f]{16}…\), fitted by ohmic /);
  assert.ok(Math.abs(device.step.mean / 0.1 - 1) < 0.1, `${device.step.mean}`);
  const wrong = await ohmic([
    ...['fit-cell', 'pulses.csv', '--out', 'no.yaml', '--g-max', '25', '--law', 'table'],
  ]);
  assert.match(
    wrong.err,
    /^ohmic: fit-cell: 2 faults\n {2}- --law: expected for reads over time only, got table for a file of pulse responses; leave it out\n {2}- --g-max: /,
  );
  const json = await ohmic(['fit-cell', 'pulses.csv', '--out', 'learning.json', '--json']);
  assert.deepEqual(checkPulseDevice('stdout', JSON.parse(json.out)), { ...device, name: 'learning' });
});

test('a cell file with faults is refused with the hardware that names it', () => {
  writeFileSync(place('broken.yaml'), JSON.stringify({ ...pcmNandakumar2019, gMaxMicrosiemens: 0 }));
  writeFileSync(place('broken-chip.json'), JSON.stringify({ ...joshi2020, cell: 'broken.yaml' }));
  assert.throws(
    () => hardwareFromFlags({ hardware: place('broken-chip.json') }),
    /cell\.gMaxMicrosiemens: .*got 0/,
  );
});

test('the schema of cells is printed', async () => {
  const { out } = await ohmic(['schema', 'cell']);
  assert.ok('gMaxMicrosiemens' in JSON.parse(out).properties);
});
