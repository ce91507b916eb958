// Pulse trains: their lengths and probabilities against the formulas in plain loops, and what their words say on average.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { bitsOf, drawnIn, plainTrains } from './plain-rules.test-data.ts';
import { isUpwards, type PulseTrains, trainsOf } from './pulse-trains.ts';

const ROWS = 3;
const COLUMNS = 4;

type Sample = { readonly x: readonly number[]; readonly delta: readonly number[] };

const samples: readonly Sample[] = [
  { x: [0.4, -0.9, 0.1], delta: [0.2, -0.05, 0, 0.6] },
  // The operands differ by far.
  { x: [3e-3, -1e-3, 0], delta: [40, -20, 1, 3] },
  { x: [0, 0, 0], delta: [1, 2, 3, 4] },
  { x: [0.5, 0.5, -0.5], delta: [0, 0, 0, 0] },
  // More than any train can hold.
  { x: [1, -0.5, 0.3], delta: [5, -2, 1, 30] },
  { x: [1e-6, 0, -1e-7], delta: [1e-5, 0, 1e-6, -1e-5] },
];

function traced(trains: PulseTrains, rate: number, g: number): ReturnType<typeof interpret>['outputs'] {
  const graph = trace((t) => {
    const operands = {
      x: t.input('x', [samples.length, ROWS]),
      delta: t.input('delta', [samples.length, COLUMNS]),
    };
    const { lengths, rowProbability, columnProbability } = trainsOf(operands, {
      rate: t.scalar('rate'),
      pulse: t.scalar('g'),
      trains,
    });
    return { outputs: { lengths, rowProbability, columnProbability } };
  });
  const given = { x: samples.flatMap(({ x }) => x), delta: samples.flatMap(({ delta }) => delta) };
  return interpret(graph, { ...given, rate: [rate], g: [g] }).outputs;
}

const combinations: readonly PulseTrains[] = [true, false].flatMap((isLengthManaged) =>
  [true, false].flatMap((isBalanced) => [31, 5].map((length) => ({ length, isLengthManaged, isBalanced }))),
);

for (const trains of combinations) {
  const { length, isLengthManaged, isBalanced } = trains;
  const name = `${isLengthManaged ? 'managed' : 'fixed'} length ${length}, ${isBalanced ? '' : 'not '}balanced`;
  test(`lengths and probabilities are those of the formulas: ${name}`, () => {
    // The second rate is beyond what `length` pulses write at operands of 1.
    for (const [rate, g] of [
      [0.1, 0.02],
      [1, 0.01],
      [0.01, 0.2],
    ] as const) {
      const { lengths, rowProbability, columnProbability } = traced(trains, rate, g);
      for (const [s, { x, delta }] of samples.entries()) {
        const plain = plainTrains(x, delta, rate, g, trains);
        assert.equal(lengths![s], plain.length, `sample ${s}`);
        if (plain.length === 0) continue;
        for (const [i, p] of plain.x.entries())
          assert.ok(Math.abs(rowProbability![s * ROWS + i]! - p) <= 1e-12, `row ${i} of sample ${s}`);
        for (const [j, p] of plain.delta.entries())
          assert.ok(
            Math.abs(columnProbability![s * COLUMNS + j]! - p) <= 1e-12,
            `column ${j} of sample ${s}`,
          );
      }
    }
  });
}

/** Pulses of each device and sample, and the words, of many samples with the same operands. */
function manyWords(
  { x, delta }: Sample,
  count: number,
  at: { readonly rate: number; readonly g: number; readonly trains: PulseTrains },
): { readonly rows: number[][]; readonly columns: number[][] } {
  const repeated = (values: readonly number[]): number[] =>
    Array.from({ length: count }, () => values).flat();
  const { rows, columns } = drawnIn(
    { x: repeated(x), delta: repeated(delta) },
    { samples: count, rows: ROWS, columns: COLUMNS },
    { ...at, key: [7, 8] },
  );
  const cut = (words: readonly number[], width: number): number[][] =>
    Array.from({ length: count }, (_, s) => words.slice(s * width, (s + 1) * width));
  return { rows: cut(rows, ROWS), columns: cut(columns, COLUMNS) };
}

// 20 000 samples, 4 settings of 12 devices: the count of coincidences is binomial, and its sum normal to a part in a
// hundred of σ; 5 σ each give a false alarm in 3e-5.
for (const trains of combinations.filter(({ length }) => length === 31)) {
  const name = `${trains.isLengthManaged ? 'managed' : 'fixed'}, ${trains.isBalanced ? '' : 'not '}balanced`;
  test(`a device gets rate |x δ| / g pulses on average unless they are cut: ${name}`, () => {
    const count = 20_000;
    const sample = { x: [0.4, -0.9, 0.1], delta: [0.2, -0.05, 0, 0.6] };
    const at = { rate: 0.1, g: 0.01, trains };
    const { rows, columns } = manyWords(sample, count, at);
    const plain = plainTrains(sample.x, sample.delta, at.rate, at.g, trains);
    let isMet = 0;
    for (let i = 0; i < ROWS; i++) {
      for (let j = 0; j < COLUMNS; j++) {
        let total = 0;
        for (let s = 0; s < count; s++) total += bitsOf(rows[s]![i]! & columns[s]![j]!);
        const p = plain.x[i]! * plain.delta[j]!;
        const sigma = Math.sqrt(count * plain.length * p * (1 - p));
        const expected = (at.rate * Math.abs(sample.x[i]! * sample.delta[j]!)) / at.g;
        assert.ok(
          Math.abs(total - count * expected) <= 5 * sigma,
          `(${i}, ${j}): ${total / count} of ${expected}`,
        );
        if (expected > 0.1) isMet++;
      }
    }
    assert.ok(isMet >= 4, 'some devices are pulsed');
  });
}

test('words have no bits beyond the length of their train; a line of probability 1 fires in all slots, of 0 in none', () => {
  const count = 500;
  const trains = { length: 31, isLengthManaged: true, isBalanced: true };
  const sample = { x: [1, -0.2, 0], delta: [0.5, -1, 0, 0.1] };
  const { rows, columns } = manyWords(sample, count, { rate: 0.11, g: 0.01, trains });
  const { length, x } = plainTrains(sample.x, sample.delta, 0.11, 0.01, trains);
  assert.equal(length, 11);
  assert.ok(x[0]! > 0.99 && x[0]! < 1.01);
  for (const words of [...rows, ...columns])
    for (const word of words) assert.ok(word >= 0 && bitsOf(word) <= length);
  const full = manyWords({ ...sample, x: [10, -0.2, 0] }, count, { rate: 0.11, g: 0.01, trains });
  assert.ok(full.rows.every(([first]) => bitsOf(first!) === 31));
  assert.ok(rows.every(([, , last]) => last === 0));
  // A word belongs to a line: there is one for each row and each column, whatever the other side.
  assert.deepEqual([rows[0]!.length, columns[0]!.length], [ROWS, COLUMNS]);
  assert.ok(new Set(rows.map(([, second]) => second)).size > 50, 'samples have their own draws');
});

// 20 000 samples: pulses on the devices of a row go together, as the row fires for all at once. The correlation of two of
// independent lines would be within 5 / √20 000 = 0.035, false alarm 6e-7.
test('devices of a row share its draws, devices of different rows and columns do not', () => {
  const count = 20_000;
  const trains = { length: 5, isLengthManaged: false, isBalanced: false };
  const sample = { x: [0.3, 0.3, 0.3], delta: [0.8, 0.8, 0.8, 0.8] };
  const { rows, columns } = manyWords(sample, count, { rate: 0.05, g: 0.01, trains });
  const counts = (i: number, j: number): number[] =>
    rows.map((words, s) => bitsOf(words[i]! & columns[s]![j]!));
  const correlation = (a: readonly number[], b: readonly number[]): number => {
    const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / count;
    const [ma, mb] = [mean(a), mean(b)];
    const covariance = (p: readonly number[], q: readonly number[], mp: number, mq: number): number =>
      p.reduce((sum, v, s) => sum + (v - mp) * (q[s]! - mq), 0) / count;
    return covariance(a, b, ma, mb) / Math.sqrt(covariance(a, a, ma, ma) * covariance(b, b, mb, mb));
  };
  // Of p = 0.3 and q = 0.8 in a slot, the correlation within a row is (p q² − p² q²) / (p q − p² q²).
  const [p, q] = [0.3, 0.8];
  const expected = (p * q ** 2 - (p * q) ** 2) / (p * q - (p * q) ** 2);
  assert.ok(Math.abs(correlation(counts(0, 0), counts(0, 1)) - expected) < 0.035);
  assert.ok(Math.abs(correlation(counts(0, 0), counts(1, 1))) < 0.035);
});

test('pulses go upwards where −x δ is above 0', () => {
  const graph = trace((t) => ({
    outputs: { up: isUpwards(t.input('x', [4]), t.input('delta', [4])).select(t.scalar('one'), 0) },
  }));
  const { up } = interpret(graph, { x: [1, 1, -1, -1], delta: [1, -1, 1, -1], one: [1] }).outputs;
  assert.deepEqual(Array.from(up!), [0, 1, 1, 0]);
});
