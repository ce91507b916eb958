// The cost of networks as users ask for it: by name, of weights, with training, as JSON; and what is refused.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import type { CostEstimate } from '../src/cost/estimate.ts';
import { estimateSchema } from '../src/cost/estimate-schema.ts';
import type { TrainingEstimate } from '../src/cost/training-energy.ts';
import { checkPareto } from '../src/experiment/pareto-record-schema.ts';
import { parseRecord } from '../src/report/json.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-cost-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);
const results = (path: string): string => resolve(import.meta.dirname, '../results', path);

type TwinsOfRecord = {
  readonly pairs: readonly {
    readonly inCells: { readonly history: readonly { readonly pulses: number }[] };
  }[];
};
type Output = { readonly estimate: CostEstimate; readonly training?: TrainingEstimate };

async function costOf(...args: string[]): Promise<Output> {
  const { code, out, err } = await ohmic(['cost', ...args, '--json']);
  assert.equal(code, 0, err);
  const output = JSON.parse(out) as Output;
  assert.deepEqual(estimateSchema.parse(output.estimate), output.estimate);
  return output;
}

test('ResNet-32 on the measured chip: 43 tiles, in words that state mode, boundary and interval', async () => {
  const start = performance.now();
  const { code, out, err } = await ohmic(['cost', '--model', 'resnet32']);
  assert.equal(code, 0, err);
  // Counting costs no more than a trace; a start of Node is in it. Some ten times what it takes on a quiet machine.
  assert.ok(performance.now() - start < 10_000);
  assert.match(out, /^resnet32 on hermes256, read in four phases; cost hermes; for one image\n/);
  assert.match(out, /\ntiles +43\n/);
  assert.match(out, /energy of the chip +\d+ µJ \([\d.]+ µJ to \d+ µJ\)/);
  assert.match(out, /No publication says which holds/);
  assert.match(out, /Not in these sums: leakage/);
});

test('weights have the cost of their network; other tiles and bits have the bottom-up one', async () => {
  const weights = results('joshi2020/noise-trained/weights.safetensors');
  const [named, trained, changed] = await Promise.all([
    costOf('--model', 'resnet32'),
    costOf('--weights', weights),
    costOf('--weights', weights, '--set', 'adc.bits=6', '--replicas', 'stem=2'),
  ]);
  assert.deepEqual(named, trained);
  assert.deepEqual([named.estimate.cost, changed.estimate.cost], ['hermes', 'bottom-up-14nm']);
  assert.equal(changed.estimate.hardware, 'hermes256 (adc.bits=6)');
  assert.equal(changed.estimate.tilesPlaced, 44);
});

test('all kinds of networks have a cost', async () => {
  const networks: readonly (readonly string[])[] = [
    ['mlp'],
    ['cnn'],
    ['lenet5'],
    ['char-lstm', '--context', '3'],
    ['gan', '--layers', 'generator.*'],
  ];
  const outputs = await Promise.all(networks.map((args) => costOf('--model', ...args)));
  const multiplyAdds = outputs.map(({ estimate }) => estimate.multiplyAdds);
  assert.deepEqual(multiplyAdds.slice(0, 1), [784 * 250 + 250 * 10]);
  assert.equal(multiplyAdds[3], 3 * (2048 + 3 * 512 * 2048 + 512 * 50));
});

test('a training has the pulses that its record counted', async () => {
  const record = results('nandakumar2020/mlp/record.json');
  const told = join(folder, 'told.yaml');
  const { out } = await ohmic(['presets', 'bottom-up-14nm']);
  writeFileSync(told, out.replace(/(pulse:\n\s+value: )null/, '$110'));
  const { training } = await costOf(
    '--model',
    'mlp',
    '--hardware',
    'inCellTraining',
    '--cost',
    told,
    '--twins',
    record,
  );
  // All pulses of five seeds in 20 epochs of 60,000 images.
  const { pairs } = JSON.parse(readFileSync(record, 'utf8')) as TwinsOfRecord;
  const epochs = pairs.flatMap(({ inCells }) => inCells.history);
  assert.equal(epochs.length, 5 * 20);
  const counted = epochs.reduce((sum, { pulses }) => sum + pulses, 0);
  const pulses = training!.terms.find(({ step }) => step === 'pulses')!.picojoules!;
  assert.ok(Math.abs(pulses / ((10 * counted) / 5 / 20 / 60_000) - 1) < 1e-9, `${pulses}`);
  assert.equal(training!.batchSize, 64);
});

test('copies without a cost are refused, not ignored', async () => {
  const weights = results('joshi2020/noise-trained/weights.safetensors');
  const { code, err } = await ohmic([
    'evaluate',
    '--weights',
    weights,
    '--out',
    'none',
    '--replicas',
    'stem=2',
  ]);
  assert.notEqual(code, 0);
  assert.match(err, /evaluate: --replicas: expected --cost beside it, got none/);
});

test('what has no cost is refused by name', async () => {
  const refused: readonly (readonly [RegExp, ...string[]])[] = [
    [/expected --model or --weights, got neither/],
    [/--model: expected one of mlp, .*got "resnet33"; did you mean "resnet32"/, '--model', 'resnet33'],
    [/readMode: expected one-phase, got four-phase/, '--model', 'mlp', '--cost', 'hermes-core'],
    [/--replicas: expected a layer and its copies, got "stem"/, '--model', 'resnet8', '--replicas', 'stem'],
    [
      /expected a training of cnn, got one of mlp/,
      '--model', 'cnn', '--twins', results('nandakumar2020/mlp/record.json'),
    ],
  ]; // biome-ignore format: flags and values in pairs
  const outcomes = await Promise.all(refused.map(([, ...args]) => ohmic(['cost', ...args])));
  for (const [k, { code, err }] of outcomes.entries()) {
    assert.notEqual(code, 0);
    assert.match(err, refused[k]![0]);
  }
});

test('costs stand beside accuracies, and a sweep of hardware gives accuracy against energy', async () => {
  const images = [
    '--train-images',
    '60',
    '--test-images',
    '20',
    '--backend',
    'wasm',
    '--threads',
    '1',
    '--quiet',
  ];
  const train = [
    'train',
    '--dataset',
    'synthetic',
    '--model',
    'small-cnn',
    '--epochs',
    '1',
    '--batch-size',
    '20',
  ];
  const trained = await ohmic([...train, ...images, '--out', 'digital']);
  assert.equal(trained.code, 0, trained.err);
  const common = [...images, '--chips', '1', '--calibration-images', '20'];
  const weights = ['--weights', 'digital/weights.safetensors'];
  const [evaluated, swept, refused] = await Promise.all([
    ohmic([
      'evaluate', ...weights, ...common, '--hardware', 'hermes256', '--cost', 'bottom-up-14nm', '--replicas', 'conv1=2',
      '--times', '25s,1y', '--methods', 'none', '--out', 'costed',
    ]),
    ohmic([
      'pareto', ...weights, ...common, '--adc-bits', '8', '--read-modes', 'one-phase,four-phase', '--copies', '1,2',
      '--out', 'swept',
    ]),
    ohmic(['pareto', ...weights, ...common, '--adc-bits', 'x', '--read-modes', 'two', '--copies', '', '--out', 'refused']),
  ]); // biome-ignore format: flags and values in pairs
  assert.equal(evaluated.code, 0, evaluated.err);
  assert.match(evaluated.out, /energy and latency of one example, cost bottom-up-14nm/);
  const record = parseRecord(readFileSync(join(folder, 'costed/record.json'), 'utf8'));
  const { cost } = record.networks[0]!;
  assert.equal(cost!.tilesPlaced, cost!.tiles + 1);
  const [fresh, old] = cost!.overTime!;
  assert.ok(old!.arrayPicojoules < fresh!.arrayPicojoules, 'drift');
  assert.match(readFileSync(join(folder, 'costed/cost.csv'), 'utf8'), /,conv1,/);
  assert.equal(swept.code, 0, swept.err);
  const pareto = checkPareto(JSON.parse(readFileSync(join(folder, 'swept/pareto.json'), 'utf8')));
  assert.equal(pareto.points.length, 4);
  const of = (name: string) => pareto.points.find((point) => point.name === name)!;
  const [one, four] = [of('8-bit ADC, one phase'), of('8-bit ADC, four phases')];
  assert.ok(one.cost.energy.chip.picojoules < four.cost.energy.chip.picojoules);
  assert.deepEqual(of('8-bit ADC, one phase, 2 copies').accuracy, one.accuracy);
  assert.notEqual(refused.code, 0);
  for (const fault of [
    /--adc-bits: expected whole numbers from 1 to 1000000, got "x"/,
    /--read-modes: expected one-phase/,
    /--copies: expected at least one value, got none; leave it out/,
  ])
    assert.match(refused.err, fault);
});
