// Winograd's minimal filtering F(4, 3): four neighbouring outputs of a three-tap filter from six products instead of
// twelve (Winograd 1980; for convolutional networks Lavin and Gray, arXiv 1509.09308). A tap is one of the filter's
// three positions along x, the width of an image; the kernel's rows are summed directly. With the points 0, ±1, ±2 and
// ∞:
//
//   outputs = Aᵀ [ (G · taps) ⊙ (Bᵀ · inputs) ]          filter gradient = Gᵀ [ (A · output gradients) ⊙ (Bᵀ · inputs) ]
//
// The constants raise the rounding error of results to about four times that of the plain sum; tests state the bound.

import type { KernelBuilder } from '../../kernel/builder.ts';
import type { Local } from '../../kernel/kernel.ts';

/** Outputs of a tile: here and in the other files on Winograd's algorithm, pixels that are computed together. */
export const TILE = 4;
/** Taps of the filter. */
export const TAPS = 3;
/** Inputs of a tile, and products for each channel: outputs + taps − 1. */
export const POINTS = 6;

/** A value for each of the six points. */
export type Six = readonly [Local, Local, Local, Local, Local, Local];

/** Bᵀ · (six neighbouring inputs). */
export function transformInputs(b: KernelBuilder, [d0, d1, d2, d3, d4, d5]: Six): Six {
  const { add, subtract, scale } = arithmetic(b);
  const even = subtract(d4, scale(4, d2));
  const odd = subtract(d3, scale(4, d1));
  const near = subtract(d4, d2);
  const far = scale(2, subtract(d3, d1));
  return [
    add(subtract(scale(4, d0), scale(5, d2)), d4),
    add(even, odd),
    subtract(even, odd),
    add(near, far),
    subtract(near, far),
    add(subtract(scale(4, d1), scale(5, d3)), d5),
  ];
}

/** G · (three taps). */
export function transformTaps(b: KernelBuilder, [g0, g1, g2]: readonly [Local, Local, Local]): Six {
  const { add, subtract, scale } = arithmetic(b);
  const outer = add(g0, g2);
  const wide = scale(1 / 24, add(g0, scale(4, g2)));
  const middle = scale(1 / 12, g1);
  return [
    scale(1 / 4, g0),
    scale(-1 / 6, add(outer, g1)),
    scale(-1 / 6, subtract(outer, g1)),
    add(wide, middle),
    subtract(wide, middle),
    g2,
  ];
}

/** The taps that a point of G · (three taps) depends on. */
export function tapsOfPoint(point: number): readonly number[] {
  if (point === 0) return [0];
  return point === POINTS - 1 ? [TAPS - 1] : [0, 1, 2];
}

/** Aᵀ · (six products): the four outputs. */
export function outputsOf(b: KernelBuilder, [m0, m1, m2, m3, m4, m5]: Six): [Local, Local, Local, Local] {
  const { add, subtract, scale } = arithmetic(b);
  const nearSum = add(m1, m2);
  const nearDifference = subtract(m1, m2);
  const farSum = add(m3, m4);
  const farDifference = subtract(m3, m4);
  return [
    add(add(m0, nearSum), farSum),
    add(nearDifference, scale(2, farDifference)),
    add(nearSum, scale(4, farSum)),
    add(add(nearDifference, scale(8, farDifference)), m5),
  ];
}

/** A · (gradients of four outputs). */
export function transformGradients(
  b: KernelBuilder,
  [e0, e1, e2, e3]: readonly [Local, Local, Local, Local],
): Six {
  const { add, subtract, scale } = arithmetic(b);
  const even = add(e0, e2);
  const odd = add(e1, e3);
  const wideEven = add(e0, scale(4, e2));
  const wideOdd = scale(2, add(e1, scale(4, e3)));
  return [e0, add(even, odd), subtract(even, odd), add(wideEven, wideOdd), subtract(wideEven, wideOdd), e3];
}

/** Gᵀ · (six sums of products): the gradients of the three taps. */
export function tapGradientsOf(b: KernelBuilder, [s0, s1, s2, s3, s4, s5]: Six): [Local, Local, Local] {
  const { add, subtract, scale } = arithmetic(b);
  const near = scale(1 / 6, add(s1, s2));
  const far = add(s3, s4);
  return [
    add(subtract(scale(1 / 4, s0), near), scale(1 / 24, far)),
    add(scale(1 / 6, subtract(s2, s1)), scale(1 / 12, subtract(s3, s4))),
    add(subtract(scale(1 / 6, far), near), s5),
  ];
}

function arithmetic(b: KernelBuilder): {
  readonly add: (x: Local, y: Local) => Local;
  readonly subtract: (x: Local, y: Local) => Local;
  readonly scale: (factor: number, x: Local) => Local;
} {
  return {
    add: (x, y) => b.operation('add', x, y),
    subtract: (x, y) => b.operation('subtract', x, y),
    scale: (factor, x) => b.operation('multiply', b.literal(factor), x),
  };
}
