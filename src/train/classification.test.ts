// Classification as a task: its batches, its loss, and how much of it is towards a teacher.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float64Step, type StepSetup, startOf } from '../../test/float64-step.ts';
import { plainSettings, randomParameters, tinyImages, tinyPerceptron, tinySplit } from '../../test/tiny.ts';
import { keyFromSeed } from '../base/random.ts';
import { emptyBatch, fillBatch, fillBatchInto } from '../data/batches.ts';
import { channelStatistics } from '../data/image-set.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { initialParameters, isTrained } from '../nn/network.ts';
import { mlp } from '../nn/networks.ts';
import { batchesOf, classification, classificationGoal } from './classification.ts';
import type { Distillation } from './settings.ts';
import { teacherState } from './step.ts';

const set = tinyImages('accuracy', 23, 60);
const normalization = channelStatistics(set);
const indices = Uint8Array.from({ length: set.count }, (_, index) => index);
const whole = fillBatch({ set, indices, normalization });

test('batches hold every image once, in order; empty places are no class', () => {
  const batches = batchesOf(set, normalization, 10);
  assert.deepEqual(
    batches.map(({ values, count }) => [values['labels']!.length, count]),
    [
      [10, 10],
      [10, 10],
      [10, 3],
    ],
  );
  const labels = batches.flatMap(({ values }) => [...values['labels']!]);
  assert.deepEqual(labels, [...whole.labels, ...new Array<number>(7).fill(-1)]);
  const pixels = whole.images.length;
  const images = Float32Array.from(batches.flatMap(({ values }) => [...values['images']!]));
  assert.deepEqual(images.subarray(0, pixels), whole.images);
  assert.ok(images.subarray(pixels).every((value) => value === 0));
});

test('training batches are changed as the settings say, test batches are not', () => {
  const data = tinySplit();
  const augmentation = { cropPadding: 1, flip: true, cutout: 2 };
  const { examples, batch, score } = classification(data, { augmentation });
  assert.deepEqual(batch, { images: [8, 8, 2], labels: [] });
  assert.deepEqual([examples.trainCount, examples.testCount], [64, 60]);
  const some = Uint32Array.of(3, 1, 60);
  const draw = { key: keyFromSeed(4), epoch: 2 };
  const [own, expected] = [emptyBatch(data.train, 3), emptyBatch(data.train, 3)];
  examples.fillTraining(own, some, draw);
  const fill = { set: data.train, indices: some, normalization: data.normalization };
  fillBatchInto(expected.images, expected.labels, { ...fill, augment: { settings: augmentation, ...draw } });
  assert.deepEqual(own, expected);
  assert.notDeepEqual(own.images, fillBatch(fill).images);
  assert.deepEqual(examples.testBatches(25), batchesOf(data.test, data.normalization, 25));
  assert.equal(score.name, 'accuracy');
  assert.equal(score.of({ correct: 15 }, 60), 0.25);
});

// Distillation

const [N, CLASSES] = [4, 3];
const labels = [2, 0, 1, 2];
const student = [0.3, -1.2, 0.7, 2, 0.1, -0.4, -0.9, 1.5, 0, 0.2, 0.2, -2];
const teacher = [1, -1, 0.5, 1.5, 0.5, -1, -2, 2, 0.3, -0.7, 0.1, 1.2];

/** The loss of given logits, and its gradient for the student's. */
function lossOf(
  distillation: Distillation | undefined,
  logits: readonly number[] = student,
  teacherLogits: readonly number[] = teacher,
): { readonly loss: number; readonly slope: Float64Array; readonly teacherSlope: Float64Array } {
  const goal = classificationGoal([1], { distillation, labelSmoothing: 0.1 });
  const graph = trace((t) => {
    const [own, other] = [t.input('student', [N, CLASSES]), t.input('teacher', [N, CLASSES])];
    const batch = { images: t.input('images', [N, 1]), labels: t.input('labels', [N]) };
    const { objectives } = goal.evaluate(
      () => ({ logits: own }),
      batch,
      () => ({ logits: other }),
    );
    const { loss } = objectives[0]!;
    const [slope, teacherSlope] = gradients(loss, [own, other]);
    return { outputs: { loss, slope: slope!, teacherSlope: teacherSlope! } };
  });
  const { outputs } = interpret(graph, {
    student: logits,
    teacher: teacherLogits,
    labels,
    images: [0, 0, 0, 0],
  });
  return {
    loss: outputs['loss']![0]!,
    slope: outputs['slope']!,
    teacherSlope: outputs['teacherSlope']!,
  };
}

function probabilities(logits: readonly number[], temperature: number): number[][] {
  return Array.from({ length: N }, (_, row) => {
    const powers = logits
      .slice(row * CLASSES, (row + 1) * CLASSES)
      .map((logit) => Math.exp(logit / temperature));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  });
}

test('the distilled loss is (1 − α) of the cross-entropy and α T² of the divergence from the teacher', () => {
  const hard = lossOf(undefined).loss;
  for (const [weight, temperature] of [
    [0.3, 2],
    [1, 4],
    [0, 2],
  ] as const) {
    const [p, q] = [probabilities(teacher, temperature), probabilities(student, temperature)];
    const divergence =
      p
        .flatMap((row, i) => row.map((share, k) => share * Math.log(share / q[i]![k]!)))
        .reduce((a, b) => a + b) / N;
    const expected = (1 - weight) * hard + weight * temperature ** 2 * divergence;
    const { loss } = lossOf({ weight, temperature });
    assert.ok(Math.abs(loss - expected) < 1e-12, `${loss} is not ${expected}`);
  }
});

test('its gradient is its slope, and α T (q − p) / n where all of it is towards the teacher', () => {
  const h = 1e-5;
  for (const distillation of [
    { weight: 0.3, temperature: 2 },
    { weight: 1, temperature: 3 },
  ]) {
    const { slope, teacherSlope } = lossOf(distillation);
    for (const [i, logit] of student.entries()) {
      const at = (x: number): number => lossOf(distillation, student.with(i, x)).loss;
      const quotient = (at(logit + h) - at(logit - h)) / (2 * h);
      assert.ok(Math.abs(slope[i]! - quotient) < 1e-7, `${i}: ${slope[i]} is not ${quotient}`);
    }
    // A teacher does not learn.
    assert.ok(teacherSlope.every((value) => value === 0));
  }
  const [p, q] = [probabilities(teacher, 3).flat(), probabilities(student, 3).flat()];
  const { slope } = lossOf({ weight: 1, temperature: 3 });
  for (const [i, value] of slope.entries())
    assert.ok(Math.abs(value - (3 * (q[i]! - p[i]!)) / N) < 1e-12, `${i}: ${value}`);
});

/** The loss towards a teacher whose logits are the pixels of images of one row, (N, 1, CLASSES, 1). */
function mirroredLoss(pixels: readonly number[], temperature: number): number {
  const goal = classificationGoal([1, CLASSES, 1], {
    distillation: { weight: 1, temperature, mirrored: true },
  });
  const graph = trace((t) => {
    const images = t.input('images', [N, 1, CLASSES, 1]);
    const { objectives } = goal.evaluate(
      () => ({ logits: t.input('student', [N, CLASSES]) }),
      { images, labels: t.input('labels', [N]) },
      (seen) => ({ logits: seen['images']!.reshape([N, CLASSES]) }),
    );
    return { outputs: { loss: objectives[0]!.loss } };
  });
  return interpret(graph, { student, labels, images: pixels }).outputs['loss']![0]!;
}

test('a mirrored teacher answers with the mean over each image and its mirror image', () => {
  const temperature = 3;
  const [seen, q] = [probabilities(teacher, temperature), probabilities(student, temperature)];
  const divergence = seen.flatMap((row, i) =>
    row.map((share, k) => {
      // Of three columns the first and the last change places.
      const p = (share + row[CLASSES - 1 - k]!) / 2;
      return p * Math.log(p / q[i]![k]!);
    }),
  );
  const expected = (temperature ** 2 * divergence.reduce((a, b) => a + b)) / N;
  const loss = mirroredLoss(teacher, temperature);
  assert.ok(Math.abs(loss - expected) < 1e-12, `${loss} is not ${expected}`);
});

test('a mirrored teacher that is certain gives a finite loss', () => {
  const certain = Array.from({ length: N }, () => [0, 2000, 0]).flat();
  assert.ok(Number.isFinite(mirroredLoss(certain, 1)));
});

test('a student that answers as its teacher has nothing to learn from it', () => {
  const { loss, slope } = lossOf({ weight: 1, temperature: 2 }, teacher);
  assert.ok(Math.abs(loss) < 1e-12);
  assert.ok(slope.every((value) => Math.abs(value) < 1e-12));
});

test('without a teacher, or without distillation, the loss is the cross-entropy', () => {
  const goal = classificationGoal([1], {
    distillation: { weight: 0.5, temperature: 2 },
    labelSmoothing: 0.1,
  });
  const graph = trace((t) => {
    const logits = t.input('student', [N, CLASSES]);
    const batch = { images: t.input('images', [N, 1]), labels: t.input('labels', [N]) };
    return { outputs: { loss: goal.evaluate(() => ({ logits }), batch).objectives[0]!.loss } };
  });
  const { outputs } = interpret(graph, { student, labels, images: [0, 0, 0, 0] });
  assert.equal(outputs['loss']![0], lossOf(undefined).loss);
});

test('in a whole step a teacher of the same parameters moves nothing; another one does, and stays as it is', () => {
  const network = tinyPerceptron;
  const distillation = { weight: 1, temperature: 2 };
  const task = classificationGoal(network.inputs['images']!, { distillation });
  const settings = { ...plainSettings, batchSize: set.count, distillation };
  const own = randomParameters(network, 1);
  const stepWith = (other: typeof network, parameters: typeof own) => {
    const setup: StepSetup = { network, task, settings, teacher: other };
    const named = Object.entries(parameters).map(([name, { data }]) => [teacherState(name), data]);
    const states = { ...startOf(setup, own), ...Object.fromEntries(named) };
    return { states, after: float64Step(setup, states, { batch: whole, rate: 1 }).states };
  };
  const same = stepWith(network, own);
  const larger = mlp({ inputShape: [8, 8, 2], classes: 4, hidden: [5, 6], activation: 'relu' });
  const other = stepWith(larger, initialParameters(larger, keyFromSeed(2)));
  for (const { name } of network.parameters.filter(isTrained)) {
    const moved = ({ states, after }: typeof same): number =>
      Math.max(...Array.from(after[name]!, (value, i) => Math.abs(value - states[name]![i]!)));
    // Teacher and student are the same numbers, computed the same way.
    assert.ok(moved(same) < 1e-12, name);
    assert.ok(moved(other) > 1e-6, name);
  }
  for (const { name } of larger.parameters)
    assert.equal(other.after[teacherState(name)], other.states[teacherState(name)]);
});
