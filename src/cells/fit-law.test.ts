// Laws through levels: every shape is found again, each parameter is paid for, and what levels can't tell is said.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { fitLaw, type LawOptions, type LawPoint } from './fit-law.ts';
import { type Law, lawValue } from './law.ts';

const places = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const values: LawOptions = { points: 'values', choice: 'auto', negligible: 1e-12 };
const squares: LawOptions = { ...values, points: 'squares' };

const laws: readonly Law[] = [
  { kind: 'clipped-logarithm', slope: -0.0155, offset: 0.0244, low: 0.049, high: 0.075 },
  { kind: 'limited-power', factor: 0.0088, exponent: -0.65, high: 0.06 },
  { kind: 'limited-power', factor: 0.05, exponent: 0.5, high: 0.04 },
  { kind: 'polynomial', coefficients: [0.05] },
  { kind: 'polynomial', coefficients: [0.05, 0.03] },
  { kind: 'polynomial', coefficients: [0.26, 1.965, -1.173] },
];

/** A law with a relative error of 1 ‰ a level, without noise. */
const exact = (law: Law): LawPoint[] =>
  places.map((at) => {
    const value = lawValue(law, at);
    return { at, value, varianceAt: () => (1e-3 * value) ** 2 };
  });

for (const law of laws) {
  test(`levels on ${JSON.stringify(law)} give it back`, () => {
    const fitted = fitLaw(exact(law), values);
    assert.equal(fitted.law.kind, law.kind);
    assert.ok(fitted.chiSquare < 1e-6 && fitted.probability! > 0.999);
    for (const at of places) assert.ok(Math.abs(lawValue(fitted.law, at) / lawValue(law, at) - 1) < 1e-5);
    const squared = exact(law).map(({ at, value }) => ({
      at,
      value: value ** 2,
      varianceAt: (expected: number) => (2e-3 * expected) ** 2,
    }));
    const again = fitLaw(squared, squares);
    assert.equal(again.law.kind, law.kind);
    for (const at of places) assert.ok(Math.abs(lawValue(again.law, at) / lawValue(law, at) - 1) < 1e-4);
    // Limits that levels reach are known, and so is all else.
    assert.ok(fitted.parameters.every(({ standardError }) => standardError !== null && standardError > 0));
  });
}

test('a limit that no level reaches stands at the outermost level and has no error', () => {
  const fitted = fitLaw(exact({ kind: 'limited-power', factor: 0.0088, exponent: -0.65, high: 9 }), values);
  assert.ok(fitted.law.kind === 'limited-power');
  assert.ok(Math.abs(fitted.law.high - 0.0088 * 0.02 ** -0.65) < 1e-9);
  assert.deepEqual(
    fitted.parameters.map(({ name, standardError }) => [name, standardError === null]),
    [
      ['factor', false],
      ['exponent', false],
      ['high', true],
    ],
  );
});

test('a table holds the levels, with their errors, and has no χ²', () => {
  const { law, parameters, probability } = fitLaw(exact(laws[4]!), { ...values, choice: 'table' });
  assert.deepEqual(law, { kind: 'table', points: places.map((at) => [at, lawValue(laws[4]!, at)]) });
  assert.ok(parameters.every(({ value, standardError }) => Math.abs(standardError! / value - 1e-3) < 1e-12));
  assert.equal(probability, null);
});

test('a table joins the neighbours of very many levels', () => {
  const many = Array.from({ length: 40 }, (_, i) => ({ at: i / 39, value: i, varianceAt: () => 1 }));
  const { law, parameters } = fitLaw(many, { ...values, choice: 'table' });
  assert.ok(law.kind === 'table' && law.points.length === 14);
  assert.ok(Math.abs(law.points[1]![0] - 4 / 39) < 1e-12 && Math.abs(law.points[1]![1] - 4) < 1e-12);
  assert.ok(Math.abs(parameters[1]!.standardError! - 1 / Math.sqrt(3)) < 1e-12);
});

test('levels that no shape describes become a table that says so', () => {
  const jump = places.map((at) => ({
    at,
    value: at === 0.4 || at > 0.7 ? 0.2 : 0.1,
    varianceAt: () => 1e-6,
  }));
  const fitted = fitLaw(jump, values);
  assert.equal(fitted.law.kind, 'table');
  assert.ok(fitted.insteadOf!.chiSquare > 1000);
  const forced = fitLaw(jump, { ...values, choice: 'polynomial' });
  assert.ok(forced.law.kind === 'polynomial' && forced.probability! < 1e-3);
});

test('a given degree is kept', () => {
  const { law } = fitLaw(exact(laws[5]!), { ...values, degree: 4 });
  assert.ok(law.kind === 'polynomial' && law.coefficients.length === 5);
});

test('one level gives a constant, two a line or a constant', () => {
  const one = fitLaw([{ at: 0.5, value: 4, varianceAt: () => 0.01 }], squares);
  assert.ok(one.law.kind === 'polynomial' && Math.abs(one.law.coefficients[0]! - 2) < 1e-6);
  assert.equal(one.law.coefficients.length, 1);
  assert.ok(Math.abs(one.parameters[0]!.standardError! - 0.025) < 1e-6);
  const two = fitLaw(exact(laws[4]!).slice(0, 2), values);
  assert.ok(two.law.kind === 'polynomial' && two.law.coefficients.length === 2);
});

test('nothing but rounding is 0, and squares below 0 give no spread with a bound', () => {
  const rounding = places.map((at) => ({ at, value: 1e-14, varianceAt: () => 0 }));
  assert.deepEqual(fitLaw(rounding, values).law, { kind: 'polynomial', coefficients: [0] });
  const below = places.map((at) => ({ at, value: -1, varianceAt: () => 4 }));
  const { law, parameters } = fitLaw(below, squares);
  assert.ok(places.every((at) => Math.abs(lawValue(law, at)) < 0.8));
  assert.ok(parameters.every(({ value }) => Number.isFinite(value)));
});

// 150 fits of levels on a constant, seed 4. Each of five alternatives costs one to three parameters at 6.63, exceeded by
// chance once in 100 fits a parameter: at most 5 %, 7.5 fits, are expected; 20 are 4.7 σ more.
test('more parameters than needed are rare', () => {
  const draw = randomSequence(keyFromSeed(4));
  let more = 0;
  for (let trial = 0; trial < 150; trial++) {
    const points = places.map((at) => ({ at, value: 0.05 + 0.002 * draw.normal(), varianceAt: () => 4e-6 }));
    if (fitLaw(points, values).parameters.length > 1) more += 1;
  }
  assert.ok(more < 20, `${more} of 150`);
});
