// Evaluations over chips, times and methods: the same chips for every method, the same record however often it is
// interrupted, and what physics says of the numbers.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { tinyConvolutional, tinyPerceptron, tinySplit, trainedNetwork } from '../../test/tiny.ts';
import { hostTensor } from '../base/parameters.ts';
import { confidenceInterval95, meanOf } from '../base/statistics.ts';
import { ideal, joshi2020, standardEvaluation } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { classification } from '../train/classification.ts';
import type { Task } from '../train/task.ts';
import { type EvaluateOptions, type EvaluationEvent, evaluate, evaluateNetwork } from './evaluate.ts';
import { evaluationFaults, methodFaults, methodsFor } from './evaluation-settings.ts';
import type { EvaluationProgress } from './progress-schema.ts';
import type { CompensationMethod, EvaluationSettings, NetworkResult } from './record.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

// Noisy enough that neither network knows every test image.
const data = tinySplit({ train: 96, test: 80, noise: 100 });
const convolutional = await trainedNetwork(engine, tinyConvolutional, data);
const perceptron = await trainedNetwork(engine, tinyPerceptron, data);
const [DAY, YEAR] = [86_400, 31_536_000];

const evaluation: EvaluationSettings = {
  chips: 3,
  timesSeconds: [0, DAY, YEAR],
  methods: ['none', 'global', 'per-column', 'adabs'],
  adabs: { batches: 3, batchSize: 16, memory: 0.015 },
  calibrationImages: 32,
  ranges: { kind: 'root-mean-squares', count: 6 },
};

/** For a network that normalises nothing. */
const withoutAdabs: EvaluationSettings = { ...evaluation, methods: ['none', 'global', 'per-column'] };

type Change = Partial<EvaluateOptions>;

function optionsOf(change: Change = {}): EvaluateOptions {
  return {
    engine,
    network: tinyConvolutional,
    data,
    trained: convolutional,
    label: 'tiny',
    hardware: joshi2020,
    evaluation,
    seed: 4,
    ...change,
  };
}

/** All events of an evaluation and its result; undefined where `isEnough` ends it before. */
async function follow(
  change: Change = {},
  isEnough: (event: EvaluationEvent) => boolean = () => false,
): Promise<{ readonly events: EvaluationEvent[]; readonly result: NetworkResult | undefined }> {
  const evaluating = evaluateNetwork(optionsOf(change));
  const events: EvaluationEvent[] = [];
  for (;;) {
    const { done, value } = await evaluating.next();
    if (done === true) return { events, result: value };
    events.push(value);
    if (!isEnough(value)) continue;
    await evaluating.return(undefined as never);
    return { events, result: undefined };
  }
}

async function resultOf(change: Change = {}): Promise<NetworkResult> {
  return (await follow(change)).result!;
}

/** Accuracies of the chips under a method at a time. */
function accuraciesOf(
  result: NetworkResult,
  method: CompensationMethod,
  timeSeconds: number,
): readonly number[] {
  return result.deployed.find((one) => one.method === method && one.timeSeconds === timeSeconds)!.accuracies;
}

const whole = await follow();
const result = whole.result!;

// One record.

test('the same seed gives the same record, another seed other chips', async () => {
  assert.deepEqual(await resultOf(), result);
  const other = await resultOf({ seed: 5 });
  assert.equal(other.digitalAccuracy, result.digitalAccuracy);
  assert.notDeepEqual(other.histogram.programmed, result.histogram.programmed);
});

test('images are normalized as the network says that it saw them, whatever the data say', async () => {
  const { normalization } = data;
  const other = {
    mean: normalization.mean.map((mean) => mean + 0.3),
    std: normalization.std.map((std) => 3 * std),
  };
  const trained = { ...convolutional, provenance: { ...convolutional.provenance, normalization } };
  const told = await resultOf({ trained, data: { ...data, normalization: other } });
  assert.deepEqual({ ...told, training: result.training }, result);
  // Without being told, it goes by the data.
  const untold = await resultOf({ data: { ...data, normalization: other } });
  assert.notEqual(untold.digitalAccuracy, result.digitalAccuracy);
});

test('a record has every method at every time, with the mean and the interval over chips', () => {
  assert.deepEqual(
    result.deployed.map(({ method, timeSeconds }) => [method, timeSeconds]),
    evaluation.methods.flatMap((method) => evaluation.timesSeconds.map((time) => [method, time])),
  );
  for (const { accuracies, mean, interval95 } of result.deployed) {
    assert.equal(accuracies.length, 3);
    assert.equal(mean, meanOf(accuracies));
    assert.deepEqual(interval95, confidenceInterval95(accuracies));
  }
  assert.equal(result.label, 'tiny');
  assert.equal(result.training, convolutional.provenance);
  assert.deepEqual(
    result.layers.map(({ name }) => name),
    ['conv1', 'conv2', 'dense'],
  );
});

test('chips differ from each other', () => {
  const perChip = [0, 1, 2].map((chip) => result.deployed.map(({ accuracies }) => accuracies[chip]!).join());
  assert.equal(new Set(perChip).size, 3);
});

test('a single chip has no interval', async () => {
  const { deployed } = await resultOf({ evaluation: { ...evaluation, chips: 1 } });
  assert.ok(deployed.every((one) => one.accuracies.length === 1 && !('interval95' in one)));
});

test('more chips leave the earlier ones as they are', async () => {
  const { deployed } = await resultOf({ evaluation: { ...evaluation, chips: 4 } });
  assert.deepEqual(
    deployed.map(({ accuracies }) => accuracies.slice(0, 3)),
    result.deployed.map(({ accuracies }) => accuracies),
  );
});

test('methods and times are evaluated on the same chips, whichever others are asked for', async () => {
  for (const method of evaluation.methods) {
    const alone = await resultOf({ evaluation: { ...evaluation, methods: [method], timesSeconds: [YEAR] } });
    assert.deepEqual(accuraciesOf(alone, method, YEAR), accuraciesOf(result, method, YEAR));
  }
});

test('output noise, too, is the same for every method', async () => {
  const hardware = { ...standardEvaluation, cell: ideal.cell };
  const settings = { ...evaluation, methods: ['none', 'global', 'per-column'] as const };
  const { deployed } = await resultOf({ hardware, evaluation: settings });
  const [none, global, perColumn] = settings.methods.map((method) =>
    deployed.filter((one) => one.method === method).map(({ accuracies }) => accuracies),
  );
  assert.deepEqual(global, none);
  assert.deepEqual(perColumn, none);
});

// Read noise of products.

for (const [name, hardware] of [
  ['one product', joshi2020],
  ['tiles and converters', { ...standardEvaluation, tile: { kind: 'limited', rows: 16, columns: 16 } }],
] as const) {
  test(`read noise in every product: the chips of one read, other numbers, much the same accuracy; ${name}`, async () => {
    const perProduct = { ...hardware, readNoise: { kind: 'per-product' } } as const;
    const [one, drawn] = [await resultOf({ hardware }), await resultOf({ hardware: perProduct })];
    assert.deepEqual(await resultOf({ hardware: perProduct }), drawn);
    assert.deepEqual(drawn.histogram.programmed, one.histogram.programmed);
    assert.notDeepEqual(drawn.histogram.read, one.histogram.read);
    assert.notDeepEqual(drawn.deployed, one.deployed);
    for (const method of evaluation.methods)
      for (const time of evaluation.timesSeconds) {
        const [a, b] = [drawn, one].map((all) => meanOf(accuraciesOf(all, method, time)));
        // Noise of one size costs about as much. Both see the same 80 images on three chips, so each has a standard error
        // from 0.033 to 0.056 over images: 3 to 5 σ of a difference, if they were not paired.
        assert.ok(Math.abs(a! - b!) < 5 * Math.SQRT2 * 0.033, `${method} at ${time} s: ${a}, ${b}`);
      }
  });
}

test('read noise in every product of cells that have none changes nothing', async () => {
  const exact = await resultOf({ hardware: ideal });
  assert.deepEqual(await resultOf({ hardware: { ...ideal, readNoise: { kind: 'per-product' } } }), exact);
});

test('only the first test images are used where so asked', async () => {
  const { digitalAccuracy, deployed } = await resultOf({ evaluation: { ...evaluation, testImages: 7 } });
  for (const accuracy of [digitalAccuracy, ...deployed.flatMap(({ accuracies }) => accuracies)])
    assert.ok(Math.abs(accuracy * 7 - Math.round(accuracy * 7)) < 1e-9);
});

// What physics says.

test('on ideal hardware every method but AdaBS has the digital accuracy, on every chip, at every time', async () => {
  const exact = await resultOf({ hardware: ideal });
  assert.ok(exact.digitalAccuracy > 0.5 && exact.digitalAccuracy < 1);
  for (const { method, accuracies } of exact.deployed) {
    if (method === 'adabs') continue;
    assert.deepEqual(accuracies, new Array<number>(3).fill(exact.digitalAccuracy), method);
  }
});

test('on ideal hardware a network without normalisation has the digital accuracy under every method', async () => {
  const exact = await resultOf({
    hardware: ideal,
    network: tinyPerceptron,
    trained: perceptron,
    evaluation: withoutAdabs,
  });
  for (const { accuracies } of exact.deployed)
    assert.deepEqual(accuracies, new Array<number>(3).fill(exact.digitalAccuracy));
});

test('after a year drift has cost accuracy, and global compensation has brought some of it back', async () => {
  const easier = tinySplit({ test: 100 });
  const trained = await trainedNetwork(engine, tinyPerceptron, easier);
  const drifted = await resultOf({
    network: tinyPerceptron,
    trained,
    data: easier,
    evaluation: withoutAdabs,
  });
  const none = accuraciesOf(drifted, 'none', YEAR);
  const global = accuraciesOf(drifted, 'global', YEAR);
  for (const [chip, accuracy] of none.entries()) assert.ok(global[chip]! >= accuracy, `chip ${chip}`);
  assert.ok(meanOf(none) < drifted.digitalAccuracy - 0.05);
  assert.ok(meanOf(global) > meanOf(none));
});

// Interruptions.

test('progress counts every test run once, and chips follow their accuracies', () => {
  const accuracies = whole.events.filter((event) => event.kind === 'accuracy');
  assert.deepEqual(
    accuracies.map(({ done }) => done),
    Array.from({ length: 36 }, (_, k) => k + 1),
  );
  assert.ok(accuracies.every(({ total }) => total === 36));
  assert.deepEqual(
    whole.events.flatMap((event) => (event.kind === 'accuracy' ? [] : [event.kind])),
    ['digital', 'chip', 'chip', 'chip'],
  );
});

const interruptions: readonly (readonly [when: string, isThen: (event: EvaluationEvent) => boolean])[] = [
  ['after the digital accuracy', ({ kind }) => kind === 'digital'],
  ...[0, 1, 2].map((chip): (typeof interruptions)[number] => [
    `after chip ${chip}`,
    (event) => event.kind === 'chip' && event.result.chip === chip,
  ]),
];

for (const [when, isThen] of interruptions) {
  test(`an evaluation interrupted ${when} continues to the same record`, async () => {
    const { events } = await follow({}, isThen);
    const last = events.at(-1)!;
    assert.ok(last.kind !== 'accuracy');
    // As it comes back from a file.
    const finished = JSON.parse(JSON.stringify(last.progress)) as EvaluationProgress;
    const rest = await follow({ finished });
    assert.deepEqual(rest.result, result);
    assert.deepEqual([...events, ...rest.events], whole.events);
  });
}

test('an evaluation stops with the reason of its signal', async () => {
  const controller = new AbortController();
  const seen: EvaluationEvent[] = [];
  const stopped = follow({ signal: controller.signal }, (event) => {
    seen.push(event);
    if (seen.length === 3) controller.abort(new Error('enough'));
    return false;
  });
  await assert.rejects(stopped, /^Error: enough$/);
  assert.equal(seen.length, 3);
  await assert.rejects(follow({ signal: AbortSignal.abort(new Error('at once')) }), /^Error: at once$/);
});

test('`evaluate` runs to the result', async () => {
  assert.deepEqual(await evaluate(optionsOf()), result);
  await assert.rejects(evaluate(optionsOf({ signal: AbortSignal.abort(new Error('at once')) })), {
    message: 'at once',
  });
});

test('settings that are left out have their defaults', async () => {
  const { chips, timesSeconds, methods } = evaluation;
  const { deployed } = await resultOf({
    evaluation: { chips, timesSeconds, methods, adabs: { batches: 2, batchSize: 16 }, calibrationImages: 32 },
  });
  const own = await resultOf({
    evaluation: { ...evaluation, adabs: { batches: 2, batchSize: 16, memory: 0.015 } },
  });
  assert.deepEqual(deployed, own.deployed);
});

// Other tasks.

/** Classification of the same images, with another score. */
function scored(of: Task['score']['of']): Task {
  return { ...classification(data), score: { name: 'made up', of } };
}

test('a task of one’s own is scored as it says', async () => {
  const other = await resultOf({ data: undefined, task: scored((sums, n) => sums['correct']! + n) });
  assert.equal(other.digitalAccuracy, result.digitalAccuracy * data.test.count + data.test.count);
  // Training examples, too, are those of the task: here the same, so that chips and read-outs are.
  assert.deepEqual(other.histogram, result.histogram);
});

test('a score that is no number ends the evaluation, wherever it comes up; it is no accuracy of 0', async () => {
  const never = scored(() => Number.NaN);
  await assert.rejects(follow({ data: undefined, task: never }), {
    name: 'UsageError',
    message:
      'evaluate: digital: expected a number for the made up, got NaN; the weights, the hardware or the data give values that are not finite',
  });
  let asked = 0;
  // The digital score, and then those of two times under four methods.
  const later = scored(() => (++asked === 7 ? Number.POSITIVE_INFINITY : 0.5));
  await assert.rejects(follow({ data: undefined, task: later }), {
    name: 'UsageError',
    message:
      'evaluate: chip 0, 86400 s, global: expected a number for the made up, got Infinity; the weights, the hardware or the data give values that are not finite',
  });
});

test('logits that are not finite end the evaluation of a classifier', async () => {
  const name = 'dense.weights';
  const { shape, data: weights } = convolutional.parameters[name]!;
  // Sums of both signs, each beyond float32.
  const huge = hostTensor(
    shape,
    weights.map((w) => (w < 0 ? -3e38 : 3e38)),
  );
  const trained = { ...convolutional, parameters: { ...convolutional.parameters, [name]: huge } };
  await assert.rejects(follow({ trained }), {
    name: 'UsageError',
    message:
      'evaluate: digital: expected a number for the accuracy, got NaN; the weights, the hardware or the data give values that are not finite',
  });
});

// Which methods.

test('AdaBS is left out for a network that normalises nothing; a fault if no method is left', () => {
  assert.deepEqual(methodsFor(evaluation.methods, tinyConvolutional), evaluation.methods);
  assert.deepEqual(methodsFor(evaluation.methods, tinyPerceptron), ['none', 'global', 'per-column']);
  assert.deepEqual(methodFaults({ methods: ['adabs', 'none'] }, tinyPerceptron), []);
  assert.deepEqual(methodFaults({ methods: ['adabs'] }, tinyPerceptron), [
    'methods must name another than adabs: tiny-perceptron has no batch normalisation',
  ]);
});

// Faults.

const faulty: readonly (readonly [change: Partial<EvaluationSettings>, fault: string])[] = [
  [{ chips: 0 }, 'chips: expected number to be >=1, got 0'],
  [{ chips: 100_001 }, 'chips: expected number to be <=100000, got 100001'],
  [{ adabs: { batches: 1.5, batchSize: 1, memory: 0.1 } }, 'adabs.batches: expected int, got 1.5'],
  [
    { adabs: { batches: 1, batchSize: 1, memory: -0.1 } },
    'adabs.memory: expected number to be >=0, got -0.1',
  ],
  [{ adabs: { batches: 1, batchSize: 1, memory: 1 } }, 'adabs.memory: expected number to be <1, got 1'],
  [{ timesSeconds: [] }, 'timesSeconds: expected array to have >=1 items, got []'],
  [{ timesSeconds: [1, 5, 1] }, 'timesSeconds: must differ from one another, got 1 twice'],
  [{ methods: ['none', 'global', 'none'] }, 'methods: must differ from one another, got none twice'],
  [{ timesSeconds: [1, -2] }, 'timesSeconds.1: expected number to be >=0, got -2'],
  [{ timesSeconds: [2e12] }, 'timesSeconds.0: expected number to be <=1000000000000, got 2000000000000'],
  [{ methods: [] }, 'methods: expected array to have >=1 items, got []'],
  [
    { methods: ['globl' as CompensationMethod] },
    'methods.0: expected one of none, global, per-column, adabs, lora, got "globl"; did you mean "global"?',
  ],
  [
    { ranges: { kind: 'root-mean-squares', count: 0 } },
    'ranges.count: expected number to be >=0.000001, got 0',
  ],
];

for (const [change, fault] of faulty) {
  test(`an evaluation is refused: ${fault}`, async () => {
    await assert.rejects(follow({ evaluation: { ...evaluation, ...change } }), {
      name: 'UsageError',
      message: `evaluate: evaluation: ${fault}`,
    });
  });
}

const tooMany: readonly (readonly [change: Partial<EvaluationSettings>, fault: string])[] = [
  [
    { adabs: { batches: 1, batchSize: 97, memory: 0 } },
    'adabs.batchSize must be a whole number from 1 to 96, got 97',
  ],
  [{ calibrationImages: 97 }, 'calibrationImages must be a whole number from 1 to 96, got 97'],
  [{ testImages: 81 }, 'testImages must be a whole number from 1 to 80, got 81'],
];

for (const [change, fault] of tooMany) {
  test(`an evaluation is refused: ${fault}`, async () => {
    const asked = { ...evaluation, ...change };
    assert.deepEqual(evaluationFaults(asked, { trainCount: 96, testCount: 80 }), [fault]);
    await assert.rejects(follow({ evaluation: asked }), { name: 'UsageError', message: `deploy: ${fault}` });
  });
}

test('all faults are listed at once, before anything is computed', async () => {
  const impossible: EvaluationSettings = {
    chips: -1,
    timesSeconds: [-1, Number.NaN],
    methods: [],
    adabs: { batches: 0, batchSize: 0, memory: 2 },
    calibrationImages: 0,
    ranges: { kind: 'maximum' },
    testImages: 0,
  };
  await assert.rejects(follow({ evaluation: impossible }), {
    name: 'UsageError',
    message: `evaluate: evaluation: 9 faults
  - chips: expected number to be >=1, got -1
  - timesSeconds.0: expected number to be >=0, got -1
  - timesSeconds.1: expected number, got NaN
  - methods: expected array to have >=1 items, got []
  - adabs.batches: expected number to be >=1, got 0
  - adabs.batchSize: expected number to be >=1, got 0
  - adabs.memory: expected number to be <1, got 2
  - calibrationImages: expected number to be >=1, got 0
  - testImages: expected number to be >=1, got 0`,
  });
  assert.deepEqual(evaluationFaults(evaluation, { trainCount: 96, testCount: 80 }), []);
});

test('parameters of another network are refused', async () => {
  await assert.rejects(follow({ network: tinyPerceptron, evaluation: withoutAdabs }), {
    name: 'UsageError',
    message:
      /^deploy: not the parameters of tiny-perceptron: 4 faults\n {2}- "dense1.weights" \(128, 24\) is missing/,
  });
});
