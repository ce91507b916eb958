// The table of all operators of ONNX that ohmic takes. Constants, branches and functions are resolved before.

import { convolutions } from './convolutions.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { normalizations } from './normalizations.ts';
import { pooling } from './pooling.ts';
import { products } from './products.ts';
import { recurrences } from './recurrences.ts';
import { reductions } from './reductions.ts';
import { resizing } from './resize.ts';
import { shapes } from './shapes.ts';
import type { NodeBuilder, Operators } from './step.ts';

const all: Operators = {
  ...convolutions,
  ...products,
  ...normalizations,
  ...pooling,
  ...elementwise,
  ...reductions,
  ...shapes,
  ...indexing,
  ...resizing,
  ...recurrences,
};

/** Names of the operators, in alphabetical order; `If` and `Constant` beside them. */
export const operatorNames: readonly string[] = [...Object.keys(all), 'If', 'Constant'].sort();

/** The builder of an operator; undefined if there is none. */
export function operatorOf(name: string): NodeBuilder | undefined {
  return Object.hasOwn(all, name) ? all[name] : undefined;
}
