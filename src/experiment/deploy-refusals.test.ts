// What `deploy` and a deployment refuse, in what words: each fault is provoked, and all faults come at once.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { deploying, type Given, tinyData, tinyEvaluation, YEAR } from '../../test/deployed.ts';
import { randomParameters, tinyConvolutional, tinyPerceptron, watch } from '../../test/tiny.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256, ideal, joshi2020 } from '../crossbar/presets.ts';
import { dataSplit } from '../data/image-set.ts';
import { engineOn } from '../engine.ts';
import { classification } from '../train/classification.ts';
import type { ChipRead } from './deploy.ts';
import type { CompensationMethod } from './record.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const parameters = randomParameters(tinyConvolutional);
const deployed = deploying({ engine, parameters, hardware: joshi2020 });

/** The parameters with other values in one of them. */
function changed(name: string, change: (data: Float32Array) => void): Parameters {
  const { shape, data } = parameters[name]!;
  const copy = data.slice();
  change(copy);
  return { ...parameters, [name]: hostTensor(shape, copy) };
}

/** Hardware as it comes from a file: the type was not asked. */
function unchecked(hardware: object): HardwareSpec {
  return hardware as HardwareSpec;
}

const none = new Uint8Array(0);
const oneColour = { ...tinyData.train, pixels: new Uint8Array(tinyData.train.pixels.length).fill(7) };
const task = classification(tinyData);

const refused: readonly (readonly [what: string, change: Partial<Given>, message: string])[] = [
  [
    'a transposed matrix, with a hint',
    { parameters: { ...parameters, 'dense.weights': hostTensor([4, 8], new Float32Array(32)) } },
    'deploy: not the parameters of tiny-convolutional: "dense.weights" must have shape (8, 4), got (4, 8) (transposed: weights are (in, out))',
  ],
  [
    'weights that are NaN',
    { parameters: changed('conv2.weights', (data) => data.fill(Number.NaN, 3, 4)) },
    'deploy: not the parameters of tiny-convolutional: "conv2.weights" must be finite, got NaN at element 3',
  ],
  [
    'statistics that are infinite',
    { parameters: changed('norm1.runningVariance', (data) => data.fill(Number.POSITIVE_INFINITY)) },
    'deploy: not the parameters of tiny-convolutional: "norm1.runningVariance" must be finite, got Infinity at element 0',
  ],
  [
    'converter ranges that are NaN',
    {
      hardware: hermes256,
      parameters: { ...parameters, 'conv1.inputRange': hostTensor([], Float32Array.of(Number.NaN)) },
    },
    'deploy: converter ranges: "conv1.inputRange" must be finite, got NaN at element 0',
  ],
  [
    'a variance below 0',
    { parameters: changed('norm1.runningVariance', (data) => data.fill(-1, 2, 3)) },
    'deploy: not the parameters of tiny-convolutional: "norm1.runningVariance" must be at least 0, as a variance is, got -1 at element 2',
  ],
  [
    'converter ranges that are not above 0',
    {
      hardware: hermes256,
      parameters: {
        ...parameters,
        'conv1.inputRange': hostTensor([], Float32Array.of(0)),
        'conv2.outputRange': hostTensor([], Float32Array.of(-2)),
      },
    },
    'deploy: converter ranges: 2 faults\n  - "conv1.inputRange" must be above 0, got 0\n  - "conv2.outputRange" must be above 0, got -2',
  ],
  [
    'images normalised by a deviation that 32 bits do not carry',
    { data: { ...tinyData, normalization: { mean: [0.5, 0.5], std: [0.2, 1e-308] } } },
    'classification: data: normalization: standard deviations must lie in 0.000001 … 1000000, got 0.2, 1e-308',
  ],
  [
    'images of one colour, which have no deviation',
    { data: dataSplit(oneColour, oneColour) },
    'classification: data: normalization: standard deviations must lie in 0.000001 … 1000000, got 0, 0',
  ],
  [
    'no test images',
    { data: { ...tinyData, test: { ...tinyData.test, count: 0, labels: none, pixels: none } } },
    'classification: data: test: expected at least one image, got none',
  ],
  [
    'a task without examples',
    { data: undefined, task: { ...task, examples: { ...task.examples, testCount: 0 } } },
    'deploy: expected at least one test example, got 0',
  ],
  [
    'a seed that is NaN',
    { seed: Number.NaN },
    'deploy: seed must be a whole number from 0 to 2^53 - 1, got NaN',
  ],
  [
    'a seed with a fraction',
    { seed: 0.5 },
    'deploy: seed must be a whole number from 0 to 2^53 - 1, got 0.5',
  ],
  [
    'hardware with faults',
    {
      hardware: unchecked({
        ...ideal,
        dac: { kind: 'uniform', bits: 1 },
        tile: { kind: 'limited', rows: 0, columns: 16 },
      }),
    },
    'hardware: 2 faults\n  - tile.rows: expected number to be >=1, got 0\n  - dac.bits: expected number to be >=2, got 1',
  ],
  [
    'hardware of a layer with faults',
    { hardware: unchecked({ ...ideal, layers: { conv1: { mapping: { scale: 'per-row' } } } }) },
    'hardware: layers.conv1.mapping.scale: Invalid option: expected one of "per-layer"|"per-column", got "per-row"',
  ],
  [
    'patterns that fit no layer',
    { hardware: { ...ideal, layers: { 'stem*': 'digital' } } },
    'deploy: layers: "stem*" fits no layer; there are conv1, conv2, dense',
  ],
  [
    'more calibration images than there are',
    { evaluation: { ...tinyEvaluation, calibrationImages: 65 } },
    'deploy: calibrationImages must be a whole number from 1 to 64, got 65',
  ],
  [
    'more test images than there are',
    { evaluation: { ...tinyEvaluation, testImages: 61 } },
    'deploy: testImages must be a whole number from 1 to 60, got 61',
  ],
  [
    'AdaBS of a network without normalisation, instead of passing it off as something else',
    { network: tinyPerceptron, parameters: randomParameters(tinyPerceptron) },
    'deploy: AdaBS re-estimates statistics of batch normalisation, and tiny-perceptron has none; leave the method out',
  ],
  ['neither data nor a task', { data: undefined }, 'deploy: expected `data` or a `task`, got neither'],
  [
    'several faults at once',
    {
      seed: -1,
      hardware: { ...ideal, layers: { 'stage*': 'digital' } },
      evaluation: { ...tinyEvaluation, calibrationImages: 100 },
    },
    `deploy: 3 faults
  - calibrationImages must be a whole number from 1 to 64, got 100
  - layers: "stage*" fits no layer; there are conv1, conv2, dense
  - seed must be a whole number from 0 to 2^53 - 1, got -1`,
  ],
];

for (const [what, change, message] of refused) {
  test(`refused before anything is computed: ${what}`, async () => {
    const watched = watch(engine);
    await assert.rejects(
      deployed({ ...change, engine: watched.engine }, () => Promise.resolve()),
      { name: 'UsageError', message },
    );
    assert.equal(watched.executables.length, 0);
    assert.equal(watched.stores.length, 0);
  });
}

test('evaluation settings that cannot be are refused with the place of each fault', async () => {
  const evaluation = { ...tinyEvaluation, chips: 0, adabs: { batches: 3, batchSize: 8, memory: 1 } };
  await assert.rejects(
    deployed({ evaluation }, () => Promise.resolve()),
    {
      name: 'UsageError',
      message:
        'deploy: evaluation: 2 faults\n  - chips: expected number to be >=1, got 0\n  - adabs.memory: expected number to be <1, got 1',
    },
  );
});

const numbers: readonly (readonly [read: ChipRead, message: string])[] = [
  [{ chip: -1, timeSeconds: 0 }, 'deployment: chip must be a whole number from 0, got -1'],
  [{ chip: 0.5, timeSeconds: 0 }, 'deployment: chip must be a whole number from 0, got 0.5'],
  [{ chip: Number.NaN, timeSeconds: 0 }, 'deployment: chip must be a whole number from 0, got NaN'],
  [{ chip: 0, timeSeconds: 0, read: -1 }, 'deployment: read must be a whole number from 0, got -1'],
  [{ chip: 0, timeSeconds: 0, read: 1.5 }, 'deployment: read must be a whole number from 0, got 1.5'],
  [
    { chip: 0, timeSeconds: -5 },
    'reading a chip: time must be from 0 to 1000000000000 s since programming, got -5',
  ],
  [
    { chip: 0, timeSeconds: 2e12 },
    'reading a chip: time must be from 0 to 1000000000000 s since programming, got 2000000000000',
  ],
  [
    { chip: 0, timeSeconds: Number.NaN },
    'reading a chip: time must be from 0 to 1000000000000 s since programming, got NaN',
  ],
];

test('chips, reads and times that cannot be are refused, and nothing is disturbed', async () => {
  await deployed({}, async (deployment) => {
    const before = await deployment.reading({ chip: 0, timeSeconds: YEAR });
    for (const [read, message] of numbers) {
      const fault = { name: 'UsageError', message };
      await assert.rejects(deployment.reading(read), fault);
      await assert.rejects(deployment.accuracy({ ...read, method: 'none' }), fault);
      if (!message.includes('chip must')) continue;
      await assert.rejects(deployment.chip(read.chip), fault);
      await assert.rejects(deployment.baseline(read.chip), fault);
    }
    assert.deepEqual(await deployment.reading({ chip: 0, timeSeconds: YEAR }), before);
  });
});

test('a method that the deployment was not made for is refused', async () => {
  const evaluation = { ...tinyEvaluation, methods: ['none', 'global'] } as const;
  await deployed({ evaluation }, async (deployment) => {
    const ask = (method: string): Promise<number> =>
      deployment.accuracy({ chip: 0, timeSeconds: 0, method: method as CompensationMethod });
    for (const method of ['adabs', 'row-wise'])
      await assert.rejects(ask(method), {
        name: 'UsageError',
        message: `accuracy: method must be one the deployment was made for (none, global), got "${method}"`,
      });
  });
});

test('an aborted question ends with the reason of its signal, and the next one is answered', async () => {
  await deployed({}, async (deployment) => {
    const read = { chip: 0, timeSeconds: YEAR } as const;
    const exact = await deployment.accuracy({ ...read, method: 'adabs' });
    const signal = AbortSignal.abort(new Error('enough'));
    for (const method of tinyEvaluation.methods)
      await assert.rejects(deployment.accuracy({ ...read, method }, signal), /^Error: enough$/);
    await assert.rejects(deployment.digitalAccuracy(signal), /^Error: enough$/);
    assert.equal(await deployment.accuracy({ ...read, method: 'adabs' }), exact);
  });
});
