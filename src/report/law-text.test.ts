// Formulas of cells as people read them: tables, and effects that are not known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CellSpec } from '../cells/cell.ts';
import { idealCell, pcmNandakumar2019 } from '../cells/published-cells.ts';
import { formulasOf, lawText } from './law-text.ts';

test('a table is the list of its points', () => {
  const points = [
    [0, 0.1],
    [0.5, -0.05],
  ] as const;
  assert.equal(
    lawText({ kind: 'table', points }),
    'straight lines in g through (0, 0.1), (0.5, −0.05); flat beyond',
  );
});

test('programming noise from a table says its unit and how it scales', () => {
  const cell: CellSpec = {
    ...idealCell,
    programmingNoise: {
      kind: 'table',
      pointsMicrosiemens: [
        [0, 0.26],
        [25, 1.05],
      ],
      fittedAtMicrosiemens: 25,
      source: 'measured',
    },
  };
  assert.deepEqual(formulasOf(cell), [
    {
      quantity: 'programming noise, standard deviation (µS)',
      formula:
        'σ(G) = straight lines in G (µS) through (0, 0.26), (25, 1.05); flat beyond, both scaled by Gmax / 25 µS',
      source: 'measured',
    },
  ]);
});

test('an effect that is not known is named with its reason, one that does not exist is not', () => {
  const cell: CellSpec = {
    ...pcmNandakumar2019,
    drift: { kind: 'none', unknown: 'every device was read at one time only' },
    readNoise: { kind: 'none' },
  };
  const formulas = formulasOf(cell);
  assert.deepEqual(
    formulas.map(({ quantity, formula }) => [quantity, formula]),
    [
      [
        'programming noise, standard deviation (µS)',
        'σ(g) = max(0, 0.26348 + 1.965 g − 1.1731 g²) · Gmax / 25 µS',
      ],
      ['drift', 'not known, left out'],
    ],
  );
  assert.equal(formulas[1]!.source, 'every device was read at one time only');
});
