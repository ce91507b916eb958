// Cells at the door: what passes, and every kind of nonsense with the place that is named.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { CellSpec } from './cell.ts';
import { cellSchema } from './cell-schema.ts';
import { hermesOneDevice, hermesTwoDevices, idealCell, pcmNandakumar2019 } from './published-cells.ts';

const tables: CellSpec = {
  ...pcmNandakumar2019,
  programmingNoise: {
    kind: 'table',
    pointsMicrosiemens: [
      [0, 0.26],
      [25, 1.05],
    ],
    fittedAtMicrosiemens: 25,
    source: 'test',
  },
  drift: { kind: 'none', unknown: 'one time only' },
  readNoise: {
    kind: 'one-over-f',
    readSeconds: 1e-6,
    strength: {
      kind: 'table',
      points: [
        [0, 0.2],
        [1, 0.01],
      ],
    },
    source: 'test',
  },
  fit: {
    devices: 10,
    reads: 20,
    levels: 2,
    parameters: [{ name: 'readNoise.strength.points.0', value: 0.2, standardError: null, unit: '1' }],
    goodness: [{ name: 'drift.exponentMean', chiSquare: 3.5, degreesOfFreedom: 0, probability: null }],
    warnings: ['something'],
  },
};

test('every published cell passes, and one of tables with its fit, also through JSON', () => {
  for (const cell of [pcmNandakumar2019, hermesOneDevice, hermesTwoDevices, idealCell, tables]) {
    assert.deepEqual(cellSchema.parse(JSON.parse(JSON.stringify(cell))), cell);
  }
});

const drift = pcmNandakumar2019.drift;
const readNoise = pcmNandakumar2019.readNoise;
const programmingNoise = pcmNandakumar2019.programmingNoise;
const withMean = (exponentMean: unknown): object => ({ drift: { ...drift, exponentMean } });
const withProgramming = (fields: object): object => ({
  programmingNoise: { ...programmingNoise, ...fields },
});
const withSpreads = (pointsMicrosiemens: unknown): object => ({
  programmingNoise: { kind: 'table', pointsMicrosiemens, fittedAtMicrosiemens: 25, source: 'test' },
});

/** Changes to a published cell, and the places that the faults name. */
const nonsense: readonly (readonly [what: string, change: object, ...places: string[]])[] = [
  ['a Gmax of 0', { gMaxMicrosiemens: 0 }, 'gMaxMicrosiemens'],
  ['an infinite Gmax', { gMaxMicrosiemens: Number.POSITIVE_INFINITY }, 'gMaxMicrosiemens'],
  ['a Gmax that is no number', { gMaxMicrosiemens: Number.NaN }, 'gMaxMicrosiemens'],
  ['a read longer than t₀', { readNoise: { ...readNoise, readSeconds: 21 } }, 'readNoise.readSeconds'],
  [
    'no coefficients',
    withProgramming({ coefficientsMicrosiemens: [] }),
    'programmingNoise.coefficientsMicrosiemens',
  ],
  [
    'a standard deviation below 0 over the whole range',
    withProgramming({ coefficientsMicrosiemens: [-0.2, 0.1] }),
    'programmingNoise.coefficientsMicrosiemens',
  ],
  [
    'a coefficient that is no number',
    withProgramming({ coefficientsMicrosiemens: [0.2, Number.NaN] }),
    'programmingNoise.coefficientsMicrosiemens.1',
  ],
  [
    'crossed clips',
    withMean({ kind: 'clipped-logarithm', slope: 1, offset: 0, low: 0.2, high: 0.1 }),
    'drift.exponentMean.low',
  ],
  [
    'crossed clips inside a piece',
    withMean({
      kind: 'piecewise',
      below: 0.5,
      lower: { kind: 'clipped-logarithm', slope: 1, offset: 0, low: 0.2, high: 0.1 },
      upper: { kind: 'polynomial', coefficients: [0.05] },
    }),
    'drift.exponentMean.lower.low',
  ],
  [
    'a negative mean exponent over the whole range',
    withMean({ kind: 'polynomial', coefficients: [-0.1, 0.05] }),
    'drift.exponentMean',
  ],
  [
    'a negative spread of exponents',
    { drift: { ...drift, exponentSpread: { kind: 'limited-power', factor: 1, exponent: 1, high: -0.01 } } },
    'drift.exponentSpread',
  ],
  ['a table of one point', withMean({ kind: 'table', points: [[0, 0.1]] }), 'drift.exponentMean.points'],
  [
    'a table out of order',
    withMean({
      kind: 'table',
      points: [
        [0.5, 0.1],
        [0.2, 0.1],
      ],
    }),
    'drift.exponentMean.points',
  ],
  [
    'a table with a place twice',
    withMean({
      kind: 'table',
      points: [
        [0.5, 0.1],
        [0.5, 0.2],
      ],
    }),
    'drift.exponentMean.points',
  ],
  [
    'a table with a negative exponent',
    withMean({
      kind: 'table',
      points: [
        [0, 0.1],
        [1, -0.1],
      ],
    }),
    'drift.exponentMean.points',
  ],
  [
    'a table with an infinite value',
    withSpreads([
      [0, 0.1],
      [1, Infinity],
    ]),
    'programmingNoise.pointsMicrosiemens.1.1',
  ],
  [
    'a table with a negative spread',
    withSpreads([
      [0, 0.1],
      [1, -0.1],
    ]),
    'programmingNoise.pointsMicrosiemens',
  ],
  ['a field of another kind', { drift: { kind: 'none', exponentMean: 1 } }, 'drift'],
  [
    'two faults at once',
    { gMaxMicrosiemens: -1, ...withMean({ kind: 'polynomial', coefficients: [] }) },
    'gMaxMicrosiemens',
    'drift.exponentMean.coefficients',
  ],
];

for (const [what, change, ...places] of nonsense) {
  test(`${what} is refused, with its place`, () => {
    const checked = cellSchema.safeParse({ ...pcmNandakumar2019, ...change });
    assert.ok(!checked.success);
    assert.deepEqual(
      checked.error.issues.map(({ path }) => path.join('.')),
      places,
    );
  });
}

test('the JSON schema names every law, and refuses unknown fields', () => {
  const text = JSON.stringify(z.toJSONSchema(cellSchema, { io: 'input' }));
  for (const kind of ['clipped-logarithm', 'limited-power', 'polynomial', 'piecewise', 'table', 'one-over-f'])
    assert.ok(text.includes(`"const":"${kind}"`), kind);
  assert.ok(text.includes('"additionalProperties":false'));
});

// The compiler is the test: a line below that compiled without its directive would be an error.
