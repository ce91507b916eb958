// Least squares against what they must give exactly, and their errors against how much fits of noisy data scatter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { curveFit, inverse, linearFit, solve } from './least-squares.ts';

const near = (a: number, b: number, tolerance: number): void =>
  assert.ok(Math.abs(a - b) < tolerance, `${a}, ${b}`);

test('a system is solved for every right-hand side, a singular one for none', () => {
  const matrix = [
    [0, 2, 1],
    [1, 1, 1],
    [3, 0, -1],
  ];
  const solutions = [
    [1, -1],
    [2, 0.5],
    [-3, 4],
  ];
  const right = matrix.map((row) =>
    [0, 1].map((k) => row.reduce((sum, a, j) => sum + a * solutions[j]![k]!, 0)),
  );
  solve(matrix, right)!.forEach((row, i) => {
    row.forEach((value, k) => {
      near(value, solutions[i]![k]!, 1e-12);
    });
  });
  assert.equal(
    solve(
      [
        [1, 2],
        [2, 4],
      ],
      [[1], [2]],
    ),
    undefined,
  );
});

test('the inverse times the matrix is 1, also with scales twelve digits apart', () => {
  const matrix = [
    [4e12, 1e6],
    [1e6, 9],
  ];
  const found = inverse(matrix)!;
  for (const i of [0, 1]) {
    for (const j of [0, 1]) {
      const product = matrix[i]![0]! * found[0]![j]! + matrix[i]![1]! * found[1]![j]!;
      near(product, i === j ? 1 : 0, 1e-5);
    }
  }
  assert.equal(
    inverse([
      [1, 1],
      [1, 0],
    ]),
    undefined,
  );
});

const places = Array.from({ length: 12 }, (_, i) => 0.1 + i / 10);

test('exact data give their parameters back, and χ² 0', () => {
  const line = places.map((at) => ({ at, value: 2 - 3 * at + at * at, variance: 0.5 + at }));
  const linear = linearFit(line, (x) => [1, x, x * x])!;
  [2, -3, 1].forEach((expected, k) => {
    near(linear.parameters[k]!, expected, 1e-9);
  });
  assert.ok(linear.chiSquare < 1e-18);

  const power = places.map((at) => ({ at, value: 0.0088 * at ** -0.65, variance: 1e-8 }));
  const curve = curveFit(power, ([f, e], x) => f! * x ** e!, [0.02, -0.3])!;
  near(curve.parameters[0]!, 0.0088, 1e-9);
  near(curve.parameters[1]!, -0.65, 1e-7);
});

test('parameters that nothing depends on are not determined', () => {
  const data = places.map((at) => ({ at, value: 1, variance: 1 }));
  assert.equal(
    curveFit(data, ([a]) => a!, [1, 2]),
    undefined,
  );
  assert.equal(
    linearFit(data.slice(0, 1), (x) => [1, x]),
    undefined,
  );
});

// 2,000 fits of a power, seed 5. The mean of the pulls has a standard error of 1/√2000, their mean square one of
// √(2/2000); 5 σ on each: false alarm of all four 2e-6.
test('parameters scatter by their standard errors', () => {
  const draw = randomSequence(keyFromSeed(5));
  const fits = 2000;
  const truth = [2, -0.65];
  const pulls = Array.from({ length: fits }, () => {
    const data = places.map((at) => {
      const sigma = 0.005 * at;
      return { at, value: truth[0]! * at ** truth[1]! + sigma * draw.normal(), variance: sigma ** 2 };
    });
    const { parameters, covariance } = curveFit(data, ([f, e], x) => f! * x ** e!, truth)!;
    return parameters.map((value, k) => (value - truth[k]!) / Math.sqrt(covariance[k]![k]!));
  });
  for (const k of [0, 1]) {
    const mean = pulls.reduce((sum, pull) => sum + pull[k]!, 0) / fits;
    const square = pulls.reduce((sum, pull) => sum + pull[k]! ** 2, 0) / fits;
    near(mean, 0, 5 / Math.sqrt(fits));
    near(square, 1, 5 * Math.sqrt(2 / fits));
  }
});
