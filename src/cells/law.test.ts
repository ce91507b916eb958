// The laws of the published cells against the same formulas written out as plain functions, and their statistics.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import type { CellSpec } from './cell.ts';
import { type Law, lawAt } from './law.ts';
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
