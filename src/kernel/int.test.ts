// Integer expressions against direct evaluation, at every value of their variables.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, type RandomSequence, randomSequence } from '../base/random.ts';
import {
  coefficientOf,
  div,
  flatten,
  hasDivision,
  type Int,
  inLane,
  intKey,
  LANE,
  literal,
  mod,
  plus,
  printInt,
  range,
  substitute,
  times,
  unflatten,
  variable,
  variablesOf,
} from './int.ts';

type Assignment = Readonly<Record<string, number>>;

const COUNTS: Assignment = { i: 3, j: 5, k: 4 };

/** Every assignment of i, j and k. */
const assignments: readonly Assignment[] = Array.from({ length: 3 * 5 * 4 }, (_, n) => ({
  i: n % 3,
  j: Math.floor(n / 3) % 5,
  k: Math.floor(n / 15),
}));

function valueAt(x: Int, given: Assignment): number {
  return x.terms.reduce((sum, { atom, coefficient }) => {
    if (atom.kind === 'variable') return sum + coefficient * given[atom.name]!;
    const of = valueAt(atom.of, given);
    return sum + coefficient * (atom.kind === 'div' ? Math.floor(of / atom.by) : of % atom.by);
  }, x.constant);
}

/** An expression, and the function that it must be. */
type Sample = { readonly int: Int; readonly value: (given: Assignment) => number };

/** A random expression that is never negative where it is divided. */
function randomSample(draw: RandomSequence, depth: number): Sample {
  const choice = depth === 0 ? draw.below(2) : draw.below(6);
  if (choice === 0) {
    const constant = draw.below(9);
    return { int: literal(constant), value: () => constant };
  }
  if (choice === 1) {
    const name = ['i', 'j', 'k'][draw.below(3)]!;
    return { int: variable(name, COUNTS[name]!), value: (given) => given[name]! };
  }
  const a = randomSample(draw, depth - 1);
  if (choice === 2) {
    const b = randomSample(draw, depth - 1);
    return { int: plus(a.int, b.int), value: (given) => a.value(given) + b.value(given) };
  }
  if (choice === 3) {
    const factor = draw.below(10) - 3;
    return { int: times(a.int, factor), value: (given) => a.value(given) * factor + 0 };
  }
  const by = 1 + draw.below(7);
  const shift = Math.max(0, -range(a.int)[0]);
  const shifted = plus(a.int, literal(shift));
  if (choice === 4)
    return { int: div(shifted, by), value: (given) => Math.floor((a.value(given) + shift) / by) };
  return { int: mod(shifted, by), value: (given) => (a.value(given) + shift) % by };
}

const samples: readonly Sample[] = (() => {
  const draw = randomSequence(keyFromSeed(5));
  return Array.from({ length: 3000 }, () => randomSample(draw, 5));
})();

test('sums, products, quotients and remainders have the values of their definitions', () => {
  for (const { int, value } of samples) {
    for (const given of assignments) assert.equal(valueAt(int, given) + 0, value(given), printInt(int));
  }
});

test('every value lies in the range', () => {
  for (const { int, value } of samples) {
    const [low, high] = range(int);
    for (const given of assignments) assert.ok(low <= value(given) && value(given) <= high, printInt(int));
  }
});

test('substitution gives the value at that place, and leaves no trace of the variable', () => {
  for (const { int, value } of samples.slice(0, 1000)) {
    for (let j = 0; j < 5; j++) {
      const fixed = substitute(int, 'j', j);
      assert.ok(!variablesOf(fixed).has('j'));
      for (const given of assignments)
        assert.equal(valueAt(fixed, given) + 0, value({ ...given, j }), printInt(int));
    }
  }
});

test('a coefficient is the difference from one value of the variable to the next', () => {
  for (const { int, value } of samples) {
    const step = coefficientOf(int, 'k');
    if (step === undefined) continue;
    for (const given of assignments) {
      if (given['k']! < 3)
        assert.equal(value({ ...given, k: given['k']! + 1 }) - value(given), step, printInt(int));
    }
  }
});

test('equal keys mean equal values', () => {
  const known = new Map<string, Sample>();
  for (const sample of samples) {
    const twin = known.get(intKey(sample.int));
    if (twin !== undefined)
      for (const given of assignments) assert.equal(sample.value(given), twin.value(given));
    known.set(intKey(sample.int), sample);
  }
});

test('the printed expression has the value', () => {
  // C divides whole numbers; nothing that is divided is negative, so cutting off the fraction is rounding down.
  for (const { int, value } of samples.slice(0, 500)) {
    const text = printInt(int).replaceAll(/ \/ (\d+)\)/g, ' / $1 | 0)');
    const evaluate = new Function('i', 'j', 'k', `return ${text}`) as (...values: number[]) => number;
    for (const given of assignments)
      assert.equal(evaluate(given['i']!, given['j']!, given['k']!) + 0, value(given), text);
  }
});

test('what is built in another order is the same expression', () => {
  const [i, j, k] = [variable('i', 3), variable('j', 5), variable('k', 4)];
  const sums = [plus(plus(i, times(j, 2)), k), plus(k, plus(times(j, 2), i)), plus(times(j, 2), plus(k, i))];
  assert.equal(new Set(sums.map(intKey)).size, 1);
  assert.deepEqual(plus(i, times(i, -1)), literal(0));
});

test('quotient and remainder join again, also as parts of a sum and scaled', () => {
  const x = plus(variable('i', 30), times(variable('j', 50), 7));
  for (const n of [2, 3, 5, 11]) {
    assert.equal(intKey(plus(times(div(x, n), n), mod(x, n))), intKey(x));
    assert.equal(
      intKey(plus(plus(times(mod(x, n), 4), literal(3)), times(div(x, n), 4 * n))),
      intKey(plus(times(x, 4), literal(3))),
    );
  }
  assert.ok(hasDivision(plus(times(div(x, 3), 2), mod(x, 3))));
});

test('divisions vanish where multiples and ranges allow it', () => {
  const [i, j] = [variable('i', 6), variable('j', 4)];
  const x = plus(times(j, 6), i);
  assert.equal(intKey(div(x, 6)), intKey(j));
  assert.equal(intKey(mod(x, 6)), intKey(i));
  assert.equal(intKey(div(plus(x, literal(12)), 6)), intKey(plus(j, literal(2))));
  assert.equal(intKey(mod(i, 6)), intKey(i));
  assert.deepEqual(div(i, 6), literal(0));
  assert.equal(div(x, 1), x);
  assert.deepEqual(mod(x, 1), literal(0));
});

test('an index survives being flattened and unflattened', () => {
  const shape = [3, 5, 4];
  const strides = [20, 4, 1];
  const index = [variable('i', 3), variable('j', 5), variable('k', 4)];
  assert.deepEqual(unflatten(flatten(index, strides), shape).map(intKey), index.map(intKey));
  // Through another shape the values agree, whatever the form.
  const other = unflatten(flatten(index, strides), [2, 30]);
  for (const given of assignments) {
    const offset = given['i']! * 20 + given['j']! * 4 + given['k']!;
    assert.deepEqual(
      other.map((x) => valueAt(x, given)),
      [Math.floor(offset / 30), offset % 30],
    );
  }
});

test('a variable of one value is that value', () => {
  assert.deepEqual(variable('i', 1), literal(0));
});

test('a lane beyond those in use stands for the last of them', () => {
  const lane = variable(LANE, 3);
  const x = plus(times(lane, 100), variable('i', 3));
  assert.deepEqual(
    [0, 1, 2, 3, 15].map((l) => inLane(x, l).constant),
    [0, 100, 200, 200, 200],
  );
  const divided = div(plus(lane, literal(1)), 2);
  assert.deepEqual(
    [0, 1, 2, 7].map((l) => inLane(divided, l).constant),
    [0, 1, 1, 1],
  );
  assert.deepEqual(inLane(literal(4), 9), literal(4));
});

test('loads that use different numbers of lanes have different keys', () => {
  assert.notEqual(intKey(times(variable(LANE, 3), 5)), intKey(times(variable(LANE, 4), 5)));
});

test('a division of what can be negative stays right', () => {
  const falling = plus(literal(7), times(variable('i', 3), -2));
  for (const by of [2, 3, 4]) {
    for (let i = 0; i < 3; i++) {
      assert.equal(valueAt(div(falling, by), { i }), Math.floor((7 - 2 * i) / by));
      assert.equal(valueAt(mod(falling, by), { i }), (7 - 2 * i) % by);
    }
  }
});

test('expressions print as C', () => {
  const [i, j] = [variable('i', 30), variable('j', 4)];
  assert.equal(printInt(literal(0)), '0');
  assert.equal(printInt(plus(times(i, 3), literal(-2))), 'i * 3 - 2');
  assert.equal(printInt(plus(div(plus(i, j), 7), times(mod(i, 4), -5))), '((i + j) / 7) + ((i) % 4) * -5');
});
