// What a row of the fast array hands over to the slow one when it is read: five ways, from Tiki-Taka to AGAD. All are
// elementwise, so that reads and pulses of many samples run in one loop.

import { assertNever } from '../base/errors.ts';
import type { TensorSpec } from '../base/parameters.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { remainder, signOf, truncated } from '../graph/whole-numbers.ts';

type Scaled = {
  /** Rate of the transfer, times the learning rate if it is scaled. */
  readonly rate: number;
  readonly isScaled: boolean;
};

type Buffered = Scaled & {
  /** Share of a buffer that stays when it has fired. */
  readonly momentum: number;
  /** A buffer that has fired is cut to its share; otherwise what the pulses stand for is taken from it. */
  readonly forgets: boolean;
};

type Chopped = {
  /** Part of the fast array's granularity that counts as one step in the buffer. */
  readonly granularity: number;
  /** The granularity is also multiplied by this, over the samples, or steps, of a round over all rows; absent: not. */
  readonly automatic?: number | undefined;
  /** Probability with which the sign of a row flips after it was read. */
  readonly chopProbability: number;
};

/**
 * How a read v of a row of the fast array changes the buffer H and asks for n pulses on the slow one; g is the weight of
 * one pulse of an array, r the rate.
 */
export type TransferMethod =
  /** TTv1: n = r v / g_C, rounded at random so that its mean is exact. */
  | ({ readonly kind: 'direct' } & Scaled)
  /** TTv2: H ← H + r v, n = trunc(H / (threshold g_C)). */
  | ({ readonly kind: 'buffered'; readonly threshold: number } & Buffered)
  /**
   * c-TTv2: a row's inputs carry a sign s = ±1, which flips now and then: H ← H + s r v / b, n = trunc(H), b =
   * granularity · g_A (· automatic / (rows · every)). Regular: a sign flips after every ⌈1 / p⌉ reads of its row, at
   * least 2.
   */
  | ({ readonly kind: 'chopped'; readonly isRegular: boolean } & Buffered & Chopped)
  /**
   * AGAD: as chopped and regular, with a reference ρ for each device: at the first read after a flip ρ ← m; then
   * H ← H + s r (v − ρ) / b; m ← (1 − q) m + q v, q = min(tail / reads a period, 1). Pulses of the first period and of
   * one more read are not given, though the buffer fires.
   */
  | ({ readonly kind: 'dynamic'; readonly tail: number } & Buffered & Chopped)
  /** Residual learning, version 2: H ← (1 − share) H + share v, n = ±1 where |H| reaches g_C. */
  | { readonly kind: 'low-pass'; readonly share: number };

/** What a transfer keeps for each weight, (rows, columns), all zero at first but the signs, which are 1. */
export function transferStates(method: TransferMethod): readonly string[] {
  switch (method.kind) {
    case 'direct':
      return [];
    case 'buffered':
    case 'low-pass':
      return ['buffer'];
    case 'chopped':
      return ['buffer', 'sign'];
    case 'dynamic':
      return ['buffer', 'sign', 'mean', 'reference'];
    default:
      return assertNever(method);
  }
}

/** The first value of a tensor of a transfer, by its name. */
export function firstTransferValue(name: string): number {
  return name.endsWith('.sign') ? 1 : 0;
}

/** Names of a transfer's tensors: `dense1.transfer.buffer` at the place `dense1.transfer`. */
export function transferSpecs(
  method: TransferMethod,
  place: string,
  shape: readonly number[],
): readonly TensorSpec[] {
  return transferStates(method).map((state) => ({ name: transferName(place, state), shape }));
}

/** Name of a state of a transfer. */
export function transferName(place: string, state: string): string {
  return `${place}.${state}`;
}

/** One read of a row. */
export type TransferRead = {
  /** What the fast array holds, as read, in weights. */
  readonly read: Tensor;
  /** What the transfer keeps, by name. */
  readonly kept: Readonly<Record<string, Tensor>>;
  /** Reads of this row before this one. */
  readonly reads: Tensor;
  readonly learningRate: Tensor;
  /** Weights of one pulse of the arrays, (1, 1). */
  readonly fastPulse: Tensor;
  readonly slowPulse: Tensor;
  /** Samples, or steps, in which all rows are read once. */
  readonly round: number;
  readonly mostPulses: number;
  /** A uniform draw for each device. */
  readonly uniform: Tensor;
  /** A uniform draw for each row, (rows, 1). */
  readonly ofRow: Tensor;
};

/** The pulses that a read asks for, whole numbers, and what is kept after it. */
export type Transferred = { readonly pulses: Tensor; readonly kept: Readonly<Record<string, Tensor>> };

/**
 * The pulses on the slow array that a read of a row asks for: `TransferMethod` has the equations.
 *
 * @source TTv1: T. Gokmen, W. Haensch, Front. Neurosci. 14:103 (2020); TTv2: T. Gokmen, Front. Artif. Intell. 4:699148
 *         (2021); c-TTv2, AGAD: M. J. Rasch et al., Nat. Commun. 15:7133 (2024); residual learning: Z. Wu et al., arXiv
 *         2502.06309; all as implemented in aihwkit, src/rpucuda/rpu_*transfer_device.cpp, but the random rounding of
 *         `direct`, which is ours: aihwkit draws trains for the whole row
 */
export function transferred(method: TransferMethod, read: TransferRead): Transferred {
  const { mostPulses, slowPulse, kept, uniform } = read;
  const v = read.read;
  switch (method.kind) {
    case 'direct': {
      const wanted = rateOf(method, read).multiply(v).divide(slowPulse);
      return { pulses: wanted.add(uniform).floor().clip(-mostPulses, mostPulses), kept };
    }
    case 'buffered': {
      const buffer = kept['buffer']!.add(rateOf(method, read).multiply(v));
      const { pulses, rest } = fired(method, buffer, slowPulse.multiply(method.threshold), mostPulses);
      return { pulses, kept: { ...kept, buffer: rest } };
    }
    case 'low-pass': {
      const buffer = kept['buffer']!.multiply(1 - method.share).add(v.multiply(method.share));
      const isFull = slowPulse.lessEqual(buffer.abs());
      return { pulses: isFull.select(signOf(buffer), 0), kept: { ...kept, buffer } };
    }
    case 'chopped': {
      const sign = kept['sign']!;
      const buffer = kept['buffer']!.add(sign.multiply(v).multiply(chopScale(method, read)));
      const { pulses, rest } = fired(method, buffer, constant(v, 1), mostPulses);
      const flips = isRegularly(method)
        ? endsPeriod(read.reads, transferPeriod(method))
        : read.ofRow.less(method.chopProbability).broadcastTo(v.shape);
      return { pulses, kept: { ...kept, buffer: rest, sign: flips.select(sign.negate(), sign) } };
    }
    case 'dynamic':
      return dynamicTransfer(method, read);
    default:
      return assertNever(method);
  }
}

function dynamicTransfer(
  method: Extract<TransferMethod, { readonly kind: 'dynamic' }>,
  read: TransferRead,
): Transferred {
  const { kept, reads, mostPulses } = read;
  const v = read.read;
  const period = transferPeriod(method);
  const sign = kept['sign']!;
  // The sign flipped after the read before this one, at the end of a period.
  const isFlipped = constant(reads, 0).less(reads).select(remainder(reads, period), 1).equal(0);
  const reference = isFlipped.select(kept['mean']!, kept['reference']!);
  const buffer = kept['buffer']!.add(sign.multiply(v.subtract(reference)).multiply(chopScale(method, read)));
  const { pulses, rest } = fired(method, buffer, constant(v, 1), mostPulses);
  const share = Math.min(method.tail / period, 1);
  const mean = kept['mean']!.multiply(1 - share).add(v.multiply(share));
  const isWritten = constant(v, period).less(reads);
  return {
    pulses: isWritten.select(pulses, 0),
    kept: {
      buffer: rest,
      sign: endsPeriod(reads, period).select(sign.negate(), sign),
      mean,
      reference,
    },
  };
}

function rateOf({ rate, isScaled }: Scaled, { learningRate }: TransferRead): Tensor {
  return isScaled ? learningRate.multiply(rate) : constant(learningRate, rate);
}

/** r / b */
function chopScale(method: Chopped & Scaled, read: TransferRead): Tensor {
  const share = method.automatic === undefined ? 1 : method.automatic / read.round;
  return rateOf(method, read).divide(read.fastPulse.multiply(method.granularity * share));
}

/** The pulses of a buffer, and what is left of it. */
function fired(
  { momentum, forgets }: Buffered,
  buffer: Tensor,
  threshold: Tensor,
  most: number,
): { readonly pulses: Tensor; readonly rest: Tensor } {
  const whole = truncated(buffer.divide(threshold)).clip(-most, most);
  const left = forgets
    ? buffer.multiply(momentum)
    : buffer.subtract(whole.multiply(threshold).multiply(1 - momentum));
  return { pulses: whole, rest: whole.equal(0).select(buffer, left) };
}

/** Reads of a row from one flip of its sign to the next; 1 if reads do not count. */
export function transferPeriod(method: TransferMethod): number {
  const isCounted = method.kind === 'dynamic' || (method.kind === 'chopped' && isRegularly(method));
  return isCounted ? Math.max(Math.ceil(1 / method.chopProbability), 2) : 1;
}

/** True if signs flip by the count of reads; not if they never do. */
function isRegularly({
  isRegular,
  chopProbability,
}: Extract<TransferMethod, { readonly kind: 'chopped' }>): boolean {
  return isRegular && chopProbability > 0;
}

/** True if the read after `reads` others is the last of a period. */
function endsPeriod(reads: Tensor, period: number): Tensor {
  return remainder(reads.add(1), period).equal(0);
}
