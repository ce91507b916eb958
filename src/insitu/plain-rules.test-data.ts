// The rules of cells in plain float64 loops, written from the equations of their sources, for tests: soft-bounds devices
// without noise, pulse trains from given words, and the transfers of the Tiki-Taka family.

import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import type { Samples } from './one-parameter.test-data.ts';
import { drawTrains, type PulseTrains, trainsOf } from './pulse-trains.ts';
import type { TransferMethod } from './transfer.ts';

/** One pulse of a soft-bounds device within ±1: w + s (1 − w) up, w − s (1 + w) down. */
export function softPulse(value: number, isUp: boolean, step: number): number {
  return isUp ? value + step * (1 - value) : value - step * (1 + value);
}

/** Trains of one sample: slots and probabilities of the lines. */
export type PlainTrains = { readonly length: number; readonly x: number[]; readonly delta: number[] };

/**
 * Section "pulsed update" of aihwkit, in its order: k, BL, A = B = √(r / (g BL)), update management.
 *
 * @source aihwkit, src/rpucuda/rpu_pulsed_meta_parameter.cpp and sparse_bit_line_maker.cpp
 */
export function plainTrains(
  x: readonly number[],
  delta: readonly number[],
  rate: number,
  g: number,
  { length, isLengthManaged, isBalanced }: PulseTrains,
): PlainTrains {
  const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
  const mx = largest(x);
  let md = largest(delta);
  if (mx === 0 || md === 0) return { length: 0, x: x.map(() => 0), delta: delta.map(() => 0) };
  const k = (rate * mx * md) / g;
  const bl = isLengthManaged ? Math.min(Math.ceil(k), length) : length;
  let a = Math.sqrt(rate / (g * bl));
  let b = a;
  if (isLengthManaged || isBalanced) {
    if (k > length) md *= length / k;
    a *= Math.sqrt(mx / md);
    b *= Math.sqrt(md / mx);
  }
  return {
    length: bl,
    x: x.map((value) => Math.min(1, b * Math.abs(value))),
    delta: delta.map((value) => Math.min(1, a * Math.abs(value))),
  };
}

/** What was drawn in a step. */
export type Drawn = {
  /** A word for each sample and row, and for each sample and column. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** Uniform draws of the transfers to the slow array, for each of them (rows, columns) and (rows). */
  readonly rounding: readonly number[];
  readonly sign: readonly number[];
  /** Those of a transfer to a still slower one, two places before the fast array. */
  readonly slowerRounding: readonly number[];
};

/** The draws of a step whose rule has the key `key`, with trains for a device of the weight `g` a pulse. */
export function drawnIn(
  { x, delta }: Samples,
  size: {
    readonly samples: number;
    readonly rows: number;
    readonly columns: number;
    readonly unit?: 'samples' | 'steps';
  },
  at: {
    readonly rate: number;
    readonly g: number;
    readonly trains: PulseTrains;
    readonly key: readonly [number, number];
  },
): Drawn {
  const { samples, rows, columns, unit = 'samples' } = size;
  const counts = unit === 'samples' ? [samples] : [];
  const graph = trace((t) => {
    const whole = t.key('rule');
    const key = whole.derive(0);
    const operands = { x: t.input('x', [samples, rows]), delta: t.input('delta', [samples, columns]) };
    const { lengths, rowProbability, columnProbability } = trainsOf(operands, {
      rate: t.scalar('rate'),
      pulse: t.scalar('g'),
      trains: at.trains,
    });
    const { length } = at.trains;
    const transfer = unit === 'samples' ? key : whole;
    return {
      outputs: {
        rows: drawTrains(rowProbability, lengths, { length, key: key.derive('rows') }),
        columns: drawTrains(columnProbability, lengths, { length, key: key.derive('columns') }),
        rounding: transfer.derive('transfer rounding').uniform([...counts, rows, columns]),
        sign: transfer.derive('transfer sign').uniform([...counts, rows, 1]),
        slowerRounding: transfer
          .derive('to', 0)
          .derive('transfer rounding')
          .uniform([...counts, rows, columns]),
      },
    };
  });
  const { outputs } = interpret(graph, {
    x,
    delta,
    rate: [at.rate],
    g: [at.g],
    'rule.0': [at.key[0]],
    'rule.1': [at.key[1]],
  });
  const listed = (name: string): number[] => Array.from(outputs[name]!);
  return {
    rows: listed('rows'),
    columns: listed('columns'),
    rounding: listed('rounding'),
    sign: listed('sign'),
    slowerRounding: listed('slowerRounding'),
  };
}

/** Number of bits of a word. */
export function bitsOf(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

/** What a transfer keeps of one weight. */
export type PlainKept = { buffer: number; sign: number; mean: number; reference: number };

/** One read of one weight. */
export type PlainRead = {
  readonly v: number;
  /** Reads of it before. */
  readonly reads: number;
  readonly learningRate: number;
  readonly gFast: number;
  readonly gSlow: number;
  readonly rows: number;
  readonly every: number;
  readonly most: number;
  readonly rounding: number;
  readonly signDraw: number;
};

function clipped(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}

/**
 * The pulses that a read asks for; changes what is kept. The sign flips after the read.
 *
 * @source the `readAndUpdate` functions of aihwkit, src/rpucuda/rpu_*transfer_device.cpp; `low-pass`: Z. Wu et al., arXiv
 *         2502.06309; rounding of `direct`: ours
 */
export function plainTransfer(method: TransferMethod, kept: PlainKept, read: PlainRead): number {
  const { v, reads, gFast, gSlow, most } = read;
  if (method.kind === 'low-pass') {
    kept.buffer = (1 - method.share) * kept.buffer + method.share * v;
    return Math.abs(kept.buffer) >= gSlow ? Math.sign(kept.buffer) : 0;
  }
  const rate = method.rate * (method.isScaled ? read.learningRate : 1);
  if (method.kind === 'direct') return clipped(Math.floor((rate * v) / gSlow + read.rounding), most);
  if (method.kind === 'buffered') {
    kept.buffer += rate * v;
    const threshold = method.threshold * gSlow;
    const n = clipped(Math.trunc(kept.buffer / threshold), most);
    if (n !== 0)
      kept.buffer = method.forgets
        ? kept.buffer * method.momentum
        : kept.buffer - (1 - method.momentum) * n * threshold;
    return n;
  }
  let unit = method.granularity * gFast;
  if (method.automatic !== undefined) unit *= method.automatic / (read.rows * read.every);
  const p = method.chopProbability;
  const period = Math.max(Math.ceil(1 / p), 2);
  const isLast = (reads % period) + 1 === period;
  if (method.kind === 'dynamic' && reads > 0 && reads % period === 0) kept.reference = kept.mean;
  const seen = method.kind === 'dynamic' ? v - kept.reference : v;
  kept.buffer += (kept.sign * seen * rate) / unit;
  let n = 0;
  if (Math.abs(kept.buffer) >= 1) {
    n = clipped(Math.trunc(kept.buffer), most);
    kept.buffer = method.forgets ? kept.buffer * method.momentum : kept.buffer - (1 - method.momentum) * n;
  }
  if (method.kind === 'dynamic') {
    const q = Math.min(method.tail / period, 1);
    kept.mean = (1 - q) * kept.mean + q * v;
    if (isLast) kept.sign = -kept.sign;
    return reads > period ? n : 0;
  }
  if (method.isRegular ? isLast : read.signDraw < p) kept.sign = -kept.sign;
  return n;
}
