// What a cell read from a file must look like: the types of cell.ts and law.ts as schemas, proven equal to them, so that
// all faults of a file are found at once. There are no defaults: a default would hide physics. Used by hardware (crossbar/).

import { z } from 'zod';
import { amount, amountFromZero, exactly, nameSchema, positiveAmount } from '../base/schema.ts';
import type { CellSpec, Drift, ProgrammingNoise, ReadNoise } from './cell.ts';
import type { FitSummary } from './fit-summary.ts';
import { type Law, lawValue, type Point, polynomialValue, STEEPEST_EXPONENT } from './law.ts';
import { publishedCells } from './published-cells.ts';

const finite = amount;
/** From a picosecond to 30,000 years. */
const seconds = z.number().min(1e-12).max(1e12);
/** Of two places in a table; less is nothing in 32 bits, and the slope between them no number. */
const LEAST_STEP = 1e-6;
const none = z.strictObject({
  kind: z.literal('none'),
  unknown: z.exactOptional(z.string().min(1)).meta({ description: 'why the effect is not known' }),
});

/** Points of a table: two or more, of rising place. */
const points = z
  .array(z.tuple([finite, finite]))
  .min(2)
  .refine((all) => all.every(([at], k) => k === 0 || at - all[k - 1]![0] >= LEAST_STEP), {
    message: `expected points of rising place, none twice, at least ${LEAST_STEP} apart`,
  });

/** Schema of `Law`. */
export const lawSchema: z.ZodType<Law> = exactly<Law>()(
  z.discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('clipped-logarithm'),
        slope: finite,
        offset: finite,
        low: finite,
        high: finite,
      })
      .refine(({ low, high }) => low <= high, {
        path: ['low'],
        message: 'expected at most the upper limit, `high`',
      }),
    z.strictObject({
      kind: z.literal('limited-power'),
      factor: finite,
      exponent: z.number().min(-STEEPEST_EXPONENT).max(STEEPEST_EXPONENT),
      high: finite,
    }),
    z.strictObject({ kind: z.literal('polynomial'), coefficients: z.array(finite).min(1) }),
    z.strictObject({
      kind: z.literal('piecewise'),
      below: finite,
      lower: z.lazy((): z.ZodType<Law> => lawSchema),
      upper: z.lazy((): z.ZodType<Law> => lawSchema),
    }),
    z.strictObject({ kind: z.literal('table'), points }),
  ]),
);

/** Relative conductances at which a law must make sense somewhere. */
const LEVELS: readonly number[] = Array.from({ length: 257 }, (_, i) => i / 256);

const isNegativeEverywhere = (valueAt: (g: number) => number): boolean => LEVELS.every((g) => valueAt(g) < 0);

/** A law of a quantity that can't be negative: a mean exponent, a standard deviation, a strength. */
const magnitude = lawSchema
  .refine((law) => !isNegativeEverywhere((g) => lawValue(law, g)), {
    message: 'expected a law that is at least 0 somewhere between g = 0 and 1',
  })
  .refine((law) => law.kind !== 'table' || hasNoNegative(law.points), {
    path: ['points'],
    message: 'expected values of at least 0',
  });

function hasNoNegative(all: readonly Point[]): boolean {
  return all.every(([, value]) => value >= 0);
}

const programmingNoiseSchema: z.ZodType<ProgrammingNoise> = exactly<ProgrammingNoise>()(
  z.discriminatedUnion('kind', [
    none,
    z.strictObject({
      kind: z.literal('polynomial'),
      coefficientsMicrosiemens: z
        .array(finite)
        .min(1)
        .refine((coefficients) => !isNegativeEverywhere((g) => polynomialValue(coefficients, g)), {
          message: 'expected a standard deviation that is at least 0 somewhere between g = 0 and 1',
        }),
      fittedAtMicrosiemens: positiveAmount,
      source: z.string(),
    }),
    z.strictObject({
      kind: z.literal('table'),
      pointsMicrosiemens: points
        .refine(hasNoNegative, { message: 'expected standard deviations of at least 0' })
        .meta({ description: 'target and standard deviation, both in µS' }),
      fittedAtMicrosiemens: positiveAmount,
      source: z.string(),
    }),
  ]),
);

const driftSchema: z.ZodType<Drift> = exactly<Drift>()(
  z.discriminatedUnion('kind', [
    none,
    z.strictObject({
      kind: z.literal('power-law'),
      exponentMean: magnitude,
      exponentSpread: magnitude,
      source: z.string(),
    }),
  ]),
);

const readNoiseSchema: z.ZodType<ReadNoise> = exactly<ReadNoise>()(
  z.discriminatedUnion('kind', [
    none,
    z.strictObject({
      kind: z.literal('one-over-f'),
      readSeconds: seconds,
      strength: magnitude,
      source: z.string(),
    }),
    z.strictObject({
      kind: z.literal('affine'),
      slope: amountFromZero,
      offsetMicrosiemens: amountFromZero,
      source: z.string(),
    }),
  ]),
);

const count = z.int().min(0);

const fitSchema: z.ZodType<FitSummary> = exactly<FitSummary>()(
  z.strictObject({
    devices: count,
    reads: count,
    levels: count,
    parameters: z.array(
      z.strictObject({
        name: z.string(),
        value: z.number(),
        standardError: z.number().min(0).nullable(),
        unit: z.string(),
      }),
    ),
    goodness: z.array(
      z.strictObject({
        name: z.string(),
        chiSquare: z.number().min(0),
        degreesOfFreedom: count,
        probability: z.number().min(0).max(1).nullable(),
      }),
    ),
    warnings: z.array(z.string()),
  }),
);

/** Schema of `CellSpec`. */
export const cellSchema: z.ZodType<CellSpec> = exactly<CellSpec>()(
  z
    .strictObject({
      name: z.string(),
      source: z.string(),
      gMaxMicrosiemens: positiveAmount.meta({ description: 'what the largest weight is mapped to' }),
      driftReferenceSeconds: seconds.meta({
        description: 'from the last programming pulse to the read that defines "as programmed"',
      }),
      programmingNoise: programmingNoiseSchema,
      drift: driftSchema,
      readNoise: readNoiseSchema,
      fit: z.exactOptional(fitSchema),
    })
    .refine(
      // The noise is integrated from the duration of a read to the age of the cell.
      ({ driftReferenceSeconds, readNoise }) =>
        readNoise.kind !== 'one-over-f' || readNoise.readSeconds <= driftReferenceSeconds,
      { path: ['readNoise', 'readSeconds'], message: 'expected at most driftReferenceSeconds' },
    ),
);

/** Schema of `CellSpec` that also takes the name of a published cell: `cell: hermes-one-device`. */
export const cellChoiceSchema: z.ZodType<CellSpec> = z.union([
  nameSchema(Object.keys(publishedCells)).transform((name) => publishedCells[name]!),
  cellSchema,
]);
