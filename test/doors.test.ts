// The library refuses what the command refuses, in the same words; one mistake is one fault; amounts that 32 bits do not
// carry, and scores that are no numbers, never become a result.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { throwFaults } from '../src/base/errors.ts';
import { check, type Json } from '../src/base/schema.ts';
import type { CellSpec } from '../src/cells/cell.ts';
import { publishedCells } from '../src/cells/published-cells.ts';
import { publishedPulseDevices } from '../src/cells/published-pulse-devices.ts';
import { checkPulseDevice } from '../src/cells/pulse-schema.ts';
import { checkRunSettings } from '../src/cli/check-settings.ts';
import { type CostFlags, costCommand } from '../src/cli/cost-command.ts';
import { checkMeasurement, digestsOf, type MeasurementFlags } from '../src/cli/evaluation-flags.ts';
import { type ExportFlags, exportCommand } from '../src/cli/export-command.ts';
import { hardwareFromFlags } from '../src/cli/hardware-flag.ts';
import { presetNames, presetText } from '../src/cli/presets-command.ts';
import { silentProgress } from '../src/cli/progress.ts';
import { runFaults } from '../src/cli/run-stages.ts';
import { checkCost } from '../src/cost/cost-schema.ts';
import { publishedCosts } from '../src/cost/published-costs.ts';
import type { HardwareSpec } from '../src/crossbar/hardware.ts';
import { hardwarePresets, resolveHardware } from '../src/crossbar/hardware-choice.ts';
import { checkHardware } from '../src/crossbar/hardware-schema.ts';
import { hermes256, joshi2020, standardEvaluation } from '../src/crossbar/presets.ts';
import { generateDigits } from '../src/data/generated-digits.ts';
import { engineOn } from '../src/engine.ts';
import { attributionVariants } from '../src/experiment/attribute.ts';
import { evaluate } from '../src/experiment/evaluate.ts';
import { evaluationSchema } from '../src/experiment/evaluation-settings.ts';
import { attributionPointsSchema } from '../src/experiment/record-schema.ts';
import { startOfTraining } from '../src/experiment/training-start.ts';
import { networkByName } from '../src/nn/networks.ts';
import { pointCost } from '../src/sweep/summary.ts';
import type { Provenance } from '../src/train/provenance.ts';
import { backends } from './compare.ts';
import { tinyData } from './deployed.ts';
import { plainSettings, randomParameters, tinyConvolutional } from './tiny.ts';

// Before the first test: one that is registered after a wait would find the folder gone.
const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());
const folder = mkdtempSync(join(tmpdir(), 'ohmic-doors-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const place = (name: string): string => join(folder, name);

/** What a function says when it refuses. */
function refusal(refuses: () => unknown): string {
  let message = '';
  assert.throws(refuses, (thrown: Error) => {
    message = thrown.message;
    return thrown.name === 'UsageError';
  });
  return message;
}

type Changes = { readonly [field: string]: unknown };

const { programmingNoise, drift, readNoise } = joshi2020.cell;
const fullScale = (value: number): Changes => ({
  adc: { kind: 'uniform', bits: 8, range: { kind: 'fixed', fullScale: value } },
});
const noise = (value: number): Changes => ({
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: value },
});
const cell = (changes: Changes): Changes => ({ cell: { ...joshi2020.cell, ...changes } });
const programming = (changes: Changes): Changes =>
  cell({ programmingNoise: { ...programmingNoise, ...changes } });
const drifting = (changes: Changes): Changes => cell({ drift: { ...drift, ...changes } });
const reading = (changes: Changes): Changes => cell({ readNoise: { ...readNoise, ...changes } });
const constant = (value: number): Changes => ({ kind: 'polynomial', coefficients: [value] });

/** Amounts beyond what 32 bits carry, each at its place. */
const beyond: readonly (readonly [changes: Changes, place: string])[] = [
  ...[1e-300, 1e-45, 0, -1, 1e38, 1e300].map((value) => [fullScale(value), 'adc.range.fullScale'] as const),
  ...[-1, 1e38, 1e300].map((value) => [noise(value), 'outputNoise.relativeStandardDeviation'] as const),
  ...[1e-300, 0, -5, 1e300].map((value) => [cell({ gMaxMicrosiemens: value }), 'cell.gMaxMicrosiemens'] as const),
  [cell({ driftReferenceSeconds: 1e300 }), 'cell.driftReferenceSeconds'],
  [programming({ fittedAtMicrosiemens: 1e-300 }), 'cell.programmingNoise.fittedAtMicrosiemens'],
  [programming({ coefficientsMicrosiemens: [1, 1e300] }), 'cell.programmingNoise.coefficientsMicrosiemens.1'],
  [drifting({ exponentMean: constant(1e300) }), 'cell.drift.exponentMean.coefficients.0'],
  [drifting({ exponentSpread: constant(1e38) }), 'cell.drift.exponentSpread.coefficients.0'],
  [drifting({ exponentMean: { kind: 'limited-power', factor: 1, exponent: -9, high: 1 } }), 'cell.drift.exponentMean.exponent'],
  [drifting({ exponentMean: { kind: 'table', points: [[0, 0], [1e-300, 1]] } }), 'cell.drift.exponentMean.points'],
  [reading({ readSeconds: 1e-300 }), 'cell.readNoise.readSeconds'],
  [reading({ strength: constant(1e30) }), 'cell.readNoise.strength.coefficients.0'],
]; // biome-ignore format: one case a line

for (const [changes, path] of beyond) {
  test(`${path} is refused where 32 bits do not carry it: ${JSON.stringify(changes).slice(0, 60)}`, () => {
    const raw = { ...standardEvaluation, ...changes };
    const message = refusal(() => checkHardware(raw));
    assert.match(message, new RegExp(`^hardware: ${path.replaceAll('.', '\\.')}: expected `));
    // In the same words as a choice, and as the command.
    assert.equal(
      refusal(() => resolveHardware(raw as unknown as HardwareSpec)),
      message,
    );
    writeFileSync(place('hardware.json'), JSON.stringify(raw));
    const file = place('hardware.json');
    assert.equal(
      refusal(() => hardwareFromFlags({ hardware: file })),
      message.replace('hardware:', `${file}:`),
    );
  });
}

test('amounts at their limits give accuracies that are numbers, or no result', async () => {
  const limits = [1e-6, 1e6].flatMap((value) => [
    fullScale(value),
    noise(value),
    cell({ gMaxMicrosiemens: value }),
    programming({ coefficientsMicrosiemens: [value] }),
    drifting({ exponentMean: constant(value) }),
    reading({ strength: constant(value) }),
  ]);
  const provenance = { ohmic: '0', model: 'm', dataset: 'd', seed: 0, backend: 'b', history: [] };
  const trained = { parameters: randomParameters(tinyConvolutional), provenance };
  let results = 0;
  for (const changes of limits) {
    const hardware = checkHardware({ ...standardEvaluation, ...changes });
    const evaluation = { chips: 1, timesSeconds: [1e6], methods: ['global'], calibrationImages: 16 } as const;
    try {
      const { deployed, layers } = await evaluate({
        engine,
        network: tinyConvolutional,
        trained,
        data: tinyData,
        label: 'a',
        hardware,
        evaluation,
      });
      for (const { mean } of deployed) assert.ok(mean >= 0 && mean <= 1);
      for (const { weightErrors } of layers)
        for (const { none, global } of weightErrors) assert.ok(Number.isFinite(none + global));
      results += 1;
    } catch (thrown) {
      assert.match((thrown as Error).message, /^evaluate: .*expected a number for the accuracy, got NaN/);
    }
  }
  assert.equal(results, limits.length);
});

test('one mistake is one fault, whichever parts of a run have it from another', () => {
  const run = (more: object): Json => ({
    data: { dataset: 'synthetic' },
    model: 'small-cnn',
    hardware: 'ideal',
    training: { epochs: 2 },
    noiseTraining: {},
    noiseSweep: { relativeToMax: [0.1] },
    controlEvaluation: {},
    ...more,
  });
  const wrong = { training: { epochs: 2, batchSize: -1 }, evaluation: { chips: 0 } };
  assert.equal(
    refusal(() => checkRunSettings('run', run(wrong))),
    'run: 2 faults\n  - training.batchSize: expected number to be >=1, got -1\n  - evaluation.chips: expected number to be >=1, got 0',
  );
  // What a part says itself is its own.
  assert.equal(
    refusal(() => checkRunSettings('run', run({ noiseTraining: { batchSize: -2 } }))),
    'run: noiseTraining.batchSize: expected number to be >=1, got -2',
  );
  assert.equal(
    refusal(() => check(evaluationSchema, 'evaluation', { timesSeconds: [-1, -1] })).split('\n').length,
    3,
  );
});

test('published figures are of networks that the run has', () => {
  const figure = { what: 'a', accuracy: 0.9, locator: 'b' };
  const run = (network: string, more: object = {}): Json => ({
    data: { dataset: 'synthetic' },
    model: 'small-cnn',
    hardware: 'ideal',
    training: { epochs: 2 },
    published: { source: 'c', figures: [{ ...figure, network }] },
    ...more,
  });
  assert.equal(
    refusal(() => checkRunSettings('run', run('noise-trained'))),
    'run: published.figures.0.network: expected one of digital, got "noise-trained"',
  );
  assert.equal(
    checkRunSettings('run', run('noise-trained', { noiseTraining: {} })).published?.figures.length,
    1,
  );
});

test('a normalisation that is asked for must be that of the weights to start from', () => {
  const of = (mean: number): { provenance: Provenance } =>
    ({ provenance: { normalization: { mean: [mean], std: [1] } } }) as unknown as { provenance: Provenance };
  const initial = { ...of(0.5), parameters: {} };
  const images = generateDigits({ trainCount: 10, testCount: 10 });
  const start = (asked: number): unknown =>
    startOfTraining(plainSettings, images, { asked: of(asked), initial });
  assert.doesNotThrow(() => start(0.5));
  assert.equal(
    refusal(() => start(0.4)),
    'train: data.normalization and the weights to start from: expected images normalised alike, got {"mean":[0.4],"std":[1]} and {"mean":[0.5],"std":[1]}',
  );
});

test('texts that no machine can lay out are refused at once', async () => {
  const asked = { model: 'char-lstm', hardware: 'hermes256', symbols: 1e15, context: 1e12 };
  await assert.rejects(costCommand(asked as unknown as CostFlags), {
    name: 'UsageError',
    message:
      'cost: 2 faults\n  - --context: expected at most 10000, got 1000000000000\n  - --symbols: expected at most 10000, got 1000000000000000',
  });
});

test('a network is not exported over weights', async () => {
  for (const out of ['weights.safetensors', 'other.safetensors'])
    await assert.rejects(exportCommand('weights.safetensors', { out } as ExportFlags, silentProgress), {
      name: 'UsageError',
      message: `export: --out: expected an ONNX file, as network.onnx, got "${out}"`,
    });
});

test('the cost of a point of a sweep is a finite number', () => {
  assert.equal(pointCost('2 ** bits', { bits: 4 }), 16);
  for (const [cost, value] of [
    ['(1 - bits) ** 0.5', 'NaN'],
    ['bits / 0', 'Infinity'],
    ['bits > 2', 'true'],
  ] as const)
    assert.equal(
      refusal(() => pointCost(cost, { bits: 4 })),
      `cost: expected a finite number, got ${value} from "${cost}"`,
    );
});

test('every training of a run is checked before the first step', () => {
  const run = (more: object): string[] => {
    const base = { data: { dataset: 'digits' }, model: 'mlp', hardware: 'ideal', training: { epochs: 1 } };
    const settings = checkRunSettings('run', { ...base, ...more } as unknown as Json);
    const data = generateDigits({ trainCount: 300, testCount: 300 });
    return runFaults(settings, networkByName('mlp', { inputShape: [28, 28, 1], classes: 10 }), data);
  };
  assert.deepEqual(run({ noiseTraining: {} }), []);
  assert.deepEqual(run({ noiseTraining: { batchSize: 1000, normalizesBy: 'running' } }), [
    'noiseTraining.batchSize must be at most the 300 training examples, got 1000',
    'noiseTraining.normalizesBy has no effect on mlp, which has no batch normalisation; leave it out',
  ]);
  const cells = { noise: { kind: 'cells' }, hardware: 'joshi2020' };
  assert.deepEqual(run({ noiseTraining: cells, noiseSweep: { relativeToMax: [0, 0.1] } }), []);
  const [fault] = run({
    training: { epochs: 1, rule: { kind: 'mixed-precision' } },
    noiseSweep: { relativeToMax: [0, 0.1] },
  });
  assert.match(fault!, /^noiseSweep\.training: noise has no effect with the rule/);
});

const flags: MeasurementFlags = { out: 'out', seed: '0', hardware: 'ideal' };

test('the augmentation of AdaBS is two numbers', () => {
  const measured = (adabsAugmentation: string): unknown =>
    checkMeasurement('evaluate', { ...flags, adabsAugmentation }, () => ({})).evaluation.adabs.augmentation;
  assert.deepEqual(measured('4,8'), { cropPadding: 4, flip: true, cutout: 8 });
  assert.equal(
    refusal(() => measured('4,8,2')),
    'evaluate: --adabs-augmentation: expected padding and cutout, got "4,8,2"; write for example 4,8',
  );
});

test('weights that are given twice, under whatever names, are refused', async () => {
  for (const [name, content] of Object.entries({ a: 'same', b: 'other', c: 'same' }))
    writeFileSync(place(name), content);
  assert.equal((await digestsOf([place('a'), place('b')])).length, 2);
  await assert.rejects(digestsOf([place('a'), place('b'), place('c')]), {
    name: 'UsageError',
    message: `--weights: ${place('a')} and ${place('c')} hold the same network; give each network once`,
  });
});

test('points and groups of an attribution stand once', () => {
  const point = { timeSeconds: 25, method: 'none' } as const;
  assert.equal(
    refusal(() => check(attributionPointsSchema, 'points', [point, { ...point, method: 'global' }, point])),
    'points: must differ from one another, got 25 s with none twice',
  );
  const groups = ['conv*', 'dense', 'conv*'];
  assert.equal(
    refusal(() =>
      attributionVariants({ network: tinyConvolutional, hardware: joshi2020, points: [point], groups }),
    ),
    'attribute: the group "conv*" stands twice',
  );
});

test('every preset is printed as a file in which one field can be changed', () => {
  assert.ok(presetNames.length >= 8);
  for (const name of presetNames) {
    const text = presetText(name);
    if (Object.hasOwn(publishedPulseDevices, name)) {
      const changed = text.replace(/^name: .*$/m, 'name: ours');
      const expected = { ...publishedPulseDevices[name], name: 'ours' };
      assert.deepEqual(checkPulseDevice('device', parse(changed)), expected);
      assert.deepEqual(JSON.parse(presetText(name, { json: true })), parse(text), name);
      continue;
    }
    if (Object.hasOwn(publishedCosts, name)) {
      const changed = text.replace(/^name: .*$/m, 'name: ours');
      assert.deepEqual(checkCost(parse(changed)), { ...publishedCosts[name], name: 'ours' });
      assert.deepEqual(JSON.parse(presetText(name, { json: true })), parse(text), name);
      continue;
    }
    const isCell = Object.hasOwn(publishedCells, name);
    const changed = text.replace(/^(( {2})?gMaxMicrosiemens: )[\d.]+$/m, '$117.5');
    assert.notEqual(changed, text, name);
    writeFileSync(place('cell.yaml'), changed);
    writeFileSync(
      place('hardware.yaml'),
      isCell ? presetText('hermes256').replace(/^cell:\n( .*\n)+/m, 'cell: cell.yaml\n') : changed,
    );
    const expected: CellSpec = isCell ? publishedCells[name]! : hardwarePresets[name as 'ideal'].cell;
    const found = hardwareFromFlags({ hardware: place('hardware.yaml') });
    assert.deepEqual(found.cell, { ...expected, gMaxMicrosiemens: 17.5 }, name);
    const base = isCell ? hermes256 : hardwarePresets[name as 'ideal'];
    assert.deepEqual({ ...found, cell: base.cell }, base, name);
    assert.deepEqual(JSON.parse(presetText(name, { json: true })), parse(text), name);
  }
});

test('a published cell goes by its name: in flags, files, changes and layers', () => {
  const cellOf = (hardware: HardwareSpec): CellSpec => hardware.cell;
  for (const [name, spec] of Object.entries(publishedCells)) {
    assert.deepEqual(cellOf(hardwareFromFlags({ hardware: 'hermes256', set: [`cell=${name}`] })), spec);
    assert.deepEqual(cellOf(checkHardware({ ...hermes256, cell: name })), spec);
  }
  const set = ['cell=hermes-one-device', 'cell.gMaxMicrosiemens=5', 'layers.dense={cell: ideal-cell}'];
  const { cell: changed, layers, name } = hardwareFromFlags({ hardware: 'joshi2020', set });
  assert.deepEqual(changed, { ...publishedCells['hermes-one-device'], gMaxMicrosiemens: 5 });
  assert.deepEqual(layers, { dense: { cell: publishedCells['ideal-cell'] } });
  assert.match(name, /^joshi2020 \(cell="hermes-one-device"; cell\.gMaxMicrosiemens=5; layers\.dense=/);
  assert.match(
    refusal(() => hardwareFromFlags({ hardware: 'hermes256', set: ['cell=hermes-one-devise'] })),
    /^hardware: cell: expected one of pcm-nandakumar-2019, .*did you mean "hermes-one-device"\?$/,
  );
});

test('hardware that --set names can be changed by --set', () => {
  const { adc, name } = hardwareFromFlags({ set: ['hardware=hermes256', 'adc.bits=4'] });
  assert.deepEqual(adc, { ...hermes256.adc, bits: 4 });
  assert.equal(name, 'hermes256 (adc.bits=4)');
});

test('values that hold themselves, bigints, and very many faults end in words too', () => {
  const law: { [field: string]: unknown } = { kind: 'piecewise', below: 0.5, upper: constant(1) };
  law['lower'] = law;
  const hardware = { ...joshi2020, ...drifting({ exponentMean: law }) };
  const levels = 'hardware: expected at most 64 levels of fields in fields, got more';
  assert.equal(
    refusal(() => checkHardware(hardware)),
    levels,
  );
  assert.equal(
    refusal(() => resolveHardware(hardware as unknown as HardwareSpec)),
    levels,
  );
  assert.equal(
    refusal(() => check(evaluationSchema, 'evaluation', { chips: 5n })),
    'evaluation: expected numbers, got the bigint 5n',
  );
  const many = refusal(() =>
    throwFaults(
      'here',
      Array.from({ length: 50_000 }, (_, k) => `fault ${k}`),
    ),
  );
  assert.match(many, /^here: 50000 faults\n/);
  assert.ok(many.endsWith('\n  - fault 99\n  and 49900 more'));
});
