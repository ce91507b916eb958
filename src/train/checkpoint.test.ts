// Files of a run: what comes back, what is told apart, and which tensors do not belong to a network.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import {
  fullSettings,
  randomParameters,
  tinyConvolutional,
  tinyPerceptron,
  tinySplit,
} from '../../test/tiny.ts';
import { hostTensor } from '../base/parameters.ts';
import { updateRule } from '../insitu/update-rule.ts';
import { encodeTensors } from '../interop/safetensors.ts';
import {
  type Checkpoint,
  checkParameters,
  checkTensors,
  decodeCheckpoint,
  decodeWeights,
  encodeCheckpoint,
  encodeWeights,
  isKept,
  parametersDigest,
} from './checkpoint.ts';
import { prepareFit } from './fit.ts';
import type { Provenance } from './provenance.ts';
import { initialTrainingState } from './step.ts';

const network = tinyConvolutional;
const parameters = randomParameters(network);
const rule = updateRule(fullSettings.rule);
const momenta = initialTrainingState({ network, rule, settings: fullSettings });
const provenance: Provenance = {
  ohmic: '0.0.0',
  model: network.name,
  dataset: 'tiny',
  settings: fullSettings,
  seed: 3,
  backend: 'none',
  history: [{ epoch: 1, trainLoss: 0.1 + 0.2, trainAccuracy: 1 / 3, testAccuracy: 0.5 }],
};
const checkpoint: Checkpoint = {
  provenance,
  state: {
    step: 6,
    tensors: { ...parameters, ...momenta },
    history: provenance.history,
    running: { loss: Math.PI, correct: 17 },
  },
};

test('a checkpoint comes back to the bit', async () => {
  assert.deepEqual(await decodeCheckpoint('c', await encodeCheckpoint(checkpoint)), checkpoint);
});

test('the history of a checkpoint is that of its state', async () => {
  const stale = { ...checkpoint, provenance: { ...provenance, history: [] } };
  assert.deepEqual(await decodeCheckpoint('c', await encodeCheckpoint(stale)), checkpoint);
});

test('weights come back with their provenance', async () => {
  const network = { parameters, provenance };
  assert.deepEqual(await decodeWeights('w', await encodeWeights(network)), network);
});

test('weights can be taken out of a checkpoint, without its momenta', async () => {
  const bytes = await encodeCheckpoint(checkpoint);
  assert.deepEqual(await decodeWeights('c', bytes), { parameters, provenance });
});

test('a file of weights is no checkpoint', async () => {
  await assert.rejects(decodeCheckpoint('w', await encodeWeights({ parameters, provenance })), {
    name: 'UsageError',
    message: 'w: expected a checkpoint (ohmic-checkpoint-1), got ohmic-weights-1',
  });
});

test('a file of another program is no checkpoint and tells nothing of its training', async () => {
  const bytes = await encodeTensors({ tensors: parameters, metadata: {} });
  await assert.rejects(decodeCheckpoint('f', bytes), {
    name: 'UsageError',
    message: 'f: expected a checkpoint (ohmic-checkpoint-1), got another file',
  });
  await assert.rejects(decodeWeights('f', bytes), {
    name: 'UsageError',
    message: 'f: it does not say what it was trained on; use a file that ohmic wrote',
  });
});

test('metadata that are not JSON are refused', async () => {
  const metadata = { format: 'ohmic-checkpoint-1', provenance: '{', progress: '{' };
  const bytes = await encodeTensors({ tensors: parameters, metadata });
  for (const decode of [decodeCheckpoint, decodeWeights]) {
    await assert.rejects(decode('f', bytes), {
      name: 'UsageError',
      message: /^f: its metadata are damaged \(.*\); use an earlier file$/,
    });
  }
});

test('metadata that do not say what they must are refused, not believed', async () => {
  const format = 'ohmic-checkpoint-1';
  const whole = JSON.stringify(provenance);
  const { seed: _, ...part } = provenance;
  for (const [texts, what] of [
    [{ provenance: 'null', progress: '{}' }, 'expected object, got null'],
    [{ provenance: JSON.stringify(part), progress: '{}' }, 'seed: expected number, got nothing'],
    [{ provenance: whole, progress: '{"step":-1,"running":{}}' }, 'step: expected number to be >=0, got -1'],
  ] as const) {
    const bytes = await encodeTensors({ tensors: parameters, metadata: { format, ...texts } });
    await assert.rejects(decodeCheckpoint('f', bytes), {
      name: 'UsageError',
      message: `f: its metadata are damaged; use an earlier file: ${what}`,
    });
  }
});

test('the digest of parameters depends on their names, shapes and values, and on nothing else', async () => {
  const one = { w: hostTensor([2, 1], Float32Array.of(1, 2)) };
  const digest = await parametersDigest(one);
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(await parametersDigest({ w: hostTensor([2, 1], Float32Array.of(1, 2)) }), digest);
  for (const other of [
    { v: one.w },
    { w: hostTensor([1, 2], one.w.data) },
    { w: hostTensor([2, 1], Float32Array.of(1, 3)) },
  ])
    assert.notEqual(await parametersDigest(other), digest);
});

test('damage anywhere in a checkpoint is found out', async () => {
  const bytes = await encodeCheckpoint(checkpoint);
  const text = Buffer.from(bytes).toString('latin1');
  const places = {
    'the step': text.indexOf('step\\":6') + 'step\\":'.length,
    'the seed': text.indexOf('seed\\":3') + 'seed\\":'.length,
    'a name': text.indexOf('conv1.weights'),
    'a shape': text.indexOf('"shape":[') + '"shape":['.length,
    'a weight': bytes.length - 1,
  };
  for (const [what, at] of Object.entries(places)) {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ 1;
    await assert.rejects(decodeCheckpoint('c', damaged), { name: 'UsageError', message: /damaged/ }, what);
  }
});

test('parameters of the network are accepted, with and without momenta', () => {
  checkParameters('here', network, parameters);
  checkParameters('here', network, checkpoint.state.tensors);
});

test('all tensors that are missing or wrong are listed at once', () => {
  const { 'norm1.scale': _, ...others } = parameters;
  const wrong = { ...others, 'dense.bias': hostTensor([5], new Float32Array(5)) };
  assert.throws(() => checkParameters('here', network, wrong), {
    name: 'UsageError',
    message: `here: not the parameters of tiny-convolutional: 2 faults
  - "norm1.scale" (6) is missing
  - "dense.bias" must have shape (4), got (5)`,
  });
});

test('transposed weights are told apart from other shapes, and values that are no numbers are named', () => {
  const square = { name: 'w', shape: [2, 2] };
  const specs = [{ name: 'a.weights', shape: [2, 3] }, { name: 'b.weights', shape: [2, 3] }, square];
  const tensors = {
    'a.weights': hostTensor([3, 2], new Float32Array(6)),
    'b.weights': hostTensor([6], new Float32Array(6)),
    w: hostTensor([2, 2], Float32Array.of(0, 1, Number.NEGATIVE_INFINITY, Number.NaN)),
  };
  assert.throws(() => checkTensors('here', specs, tensors), {
    name: 'UsageError',
    message: `here: 3 faults
  - "a.weights" must have shape (2, 3), got (3, 2) (transposed: weights are (in, out))
  - "b.weights" must have shape (2, 3), got (6)
  - "w" must be finite, got -Infinity at element 2`,
  });
});

test('momenta are kept for trained parameters, not for running statistics', async () => {
  assert.ok('norm2.scale.momentum' in checkpoint.state.tensors);
  assert.ok(!('norm2.runningMean.momentum' in checkpoint.state.tensors));
  const { 'dense1.bias.momentum': _, ...others } = {
    ...randomParameters(tinyPerceptron),
    ...initialTrainingState({ network: tinyPerceptron, rule, settings: fullSettings }),
  };
  const state = { step: 0, history: [], running: {}, tensors: others };
  const wasm = backends.find(({ name }) => name === 'wasm')!;
  await withEngine(wasm, 1, async (engine) => {
    const options = { engine, network: tinyPerceptron, data: tinySplit(), settings: fullSettings, state };
    await assert.rejects(prepareFit(options), {
      name: 'UsageError',
      message: 'train: not a state of tiny-perceptron: "dense1.bias.momentum" (24) is missing',
    });
  });
});

test('what a rule keeps is no part of a trained network; ranges of converters are', () => {
  for (const name of ['w.momentum', 'w.firstMoment', 'w.secondMoment', 'fc.inputRange.momentum'])
    assert.ok(!isKept(name), name);
  for (const name of ['fc.weights', 'fc.inputRange', 'fc.outputRange', 'norm.runningMean'])
    assert.ok(isKept(name), name);
});
