// The laws of the published cells against the same formulas written out as plain functions, and their statistics.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import type { CellSpec } from './cell.ts';
import { type Law, lawAt, lawValue, type Point, tableAt, tableValue } from './law.ts';
import { hermesOneDevice, hermesTwoDevices, pcmNandakumar2019 } from './published-cells.ts';

type Formula = (g: number) => number;

function clip(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high);
}

/** Exponent mean, exponent spread and read strength, as aihwkit's pcm.py and hermes.py have them. */
const tables: readonly {
  readonly cell: CellSpec;
  readonly mean: Formula;
  readonly spread: Formula;
  readonly q: Formula;
}[] = [
  {
    cell: pcmNandakumar2019,
    mean: (g) => clip(-0.0155 * Math.log(g) + 0.0244, 0.049, 0.1),
    spread: (g) => clip(-0.0125 * Math.log(g) - 0.0059, 0.008, 0.045),
    q: (g) => Math.min(0.0088 / g ** 0.65, 0.2),
  },
  {
    cell: hermesOneDevice,
    mean: (g) =>
      g < 0.0945 ? clip(-0.0387 * Math.log(g) - 0.0182, 0.072, 0.13) : -0.0436 * g ** 2 - 0.0126 * g + 0.0736,
    spread: (g) =>
      g < 0.3039 ? clip(-0.012 * Math.log(g) - 0.0023, 0.0124, 0.04) : -0.0165 * g ** 2 + 0.0116 * g + 0.0104,
    q: (g) =>
      g < 0.1591
        ? clip(-0.0078 * Math.log(g) + 0.0038, 0.0179, 0.04)
        : 0.0664 * g ** 3 - 0.1352 * g ** 2 + 0.0768 * g + 0.0088,
  },
  {
    cell: hermesTwoDevices,
    mean: (g) =>
      g < 0.0945 ? clip(-0.0387 * Math.log(g) - 0.0182, 0.072, 0.13) : -0.0436 * g ** 2 - 0.0126 * g + 0.0736,
    spread: (g) =>
      g < 0.3055
        ? clip(-0.0117 * Math.log(g) - 0.0057, 0.0091, 0.04)
        : -0.0118 * g ** 2 + 0.0093 * g + 0.0073,
    q: (g) =>
      g < 0.16
        ? clip(-0.0117 * Math.log(g) - 0.0069, 0.015, 0.04)
        : 0.0069 * g ** 3 - 0.028 * g ** 2 + 0.0211 * g + 0.0123,
  },
];

const levels = Float64Array.from({ length: 401 }, (_, i) => i / 400);

function evaluate(law: Law, g: Float64Array): Float64Array {
  const graph = trace((t) => ({ outputs: { law: lawAt(law, t.input('g', [g.length])) } }));
  const { law: values } = interpret(graph, { g }).outputs;
  return values!;
}

for (const { cell, mean, spread, q } of tables) {
  test(`the laws of ${cell.name} are the published formulas at every level`, () => {
    assert.ok(cell.drift.kind === 'power-law' && cell.readNoise.kind === 'one-over-f');
    const pairs: readonly [Law, Formula][] = [
      [cell.drift.exponentMean, mean],
      [cell.drift.exponentSpread, spread],
      [cell.readNoise.strength, q],
    ];
    for (const [law, formula] of pairs) {
      const values = evaluate(law, levels);
      // At g = 0 the formulas' logarithms diverge into their clips, as the laws' do at the smallest g.
      values.forEach((value, i) => {
        assert.ok(Math.abs(value - formula(levels[i]!)) < 1e-12, `at g = ${levels[i]}`);
      });
    }
  });
}

test('a polynomial of one coefficient is that number in the shape of g', () => {
  assert.deepEqual(
    evaluate({ kind: 'polynomial', coefficients: [0.5] }, levels.slice(0, 3)),
    Float64Array.of(0.5, 0.5, 0.5),
  );
});

const table: Law = {
  kind: 'table',
  points: [
    [0.1, 3],
    [0.2, 1],
    [0.5, 1],
    [0.75, -2],
  ],
};

test('a table is linear between its points, flat beyond them, and takes their values', () => {
  const at = Float64Array.of(0, 0.1, 0.15, 0.2, 0.35, 0.5, 0.625, 0.75, 2);
  const expected = [3, 3, 2, 1, 1, 1, -0.5, -2, -2];
  evaluate(table, at).forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) < 1e-14, `at g = ${at[i]}`);
  });
});

test('a straight line cut into a table is the line again', () => {
  const points = [0, 0.05, 0.3, 0.9, 1].map((g): Point => [g, 0.3 - 0.2 * g]);
  evaluate({ kind: 'table', points }, levels).forEach((value, i) => {
    assert.ok(Math.abs(value - (0.3 - 0.2 * levels[i]!)) < 1e-15);
  });
});

test('on the host every law has the value that a graph computes in float64', () => {
  const laws = [table, ...tables.flatMap(({ cell }) => lawsOf(cell))];
  for (const law of laws) {
    const values = evaluate(law, levels);
    values.forEach((value, i) => {
      assert.ok(Math.abs(value - lawValue(law, levels[i]!)) < 1e-13, `${law.kind} at g = ${levels[i]}`);
    });
  }
});

test('tables may have places in µS', () => {
  const points: readonly Point[] = [
    [0, 0.25],
    [12.5, 0.95],
    [25, 1.05],
  ];
  const graph = trace((t) => ({ outputs: { s: tableAt(points, t.input('g', [3])) } }));
  const { s } = interpret(graph, { g: [0, 6.25, 25] }).outputs;
  assert.deepEqual([...s!], [0.25, 0.6, 1.05]);
  assert.equal(tableValue(points, 6.25), 0.6);
});

function lawsOf({ drift, readNoise }: CellSpec): readonly Law[] {
  assert.ok(drift.kind === 'power-law' && readNoise.kind === 'one-over-f');
  return [drift.exponentMean, drift.exponentSpread, readNoise.strength];
}
