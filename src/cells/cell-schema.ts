// What a cell read from a file must look like: the types of cell.ts and law.ts as schemas, so that all faults of a
// file are found at once. Its only user inside is the hardware specification of crossbar/.

import { z } from 'zod';
import type { CellSpec, Drift, ProgrammingNoise, ReadNoise } from './cell.ts';
import type { Law } from './law.ts';

const finite = z.number();
const none = z.strictObject({ kind: z.literal('none') });

/** Schema of `Law`. */
export const lawSchema: z.ZodType<Law> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('clipped-logarithm'),
    slope: finite,
    offset: finite,
    low: finite,
    high: finite,
  }),
  z.strictObject({ kind: z.literal('limited-power'), factor: finite, exponent: finite, high: finite }),
  z.strictObject({ kind: z.literal('polynomial'), coefficients: z.array(finite).min(1) }),
  z.strictObject({
    kind: z.literal('piecewise'),
    below: finite,
    lower: z.lazy(() => lawSchema),
    upper: z.lazy(() => lawSchema),
  }),
]);

const programmingNoiseSchema: z.ZodType<ProgrammingNoise> = z.discriminatedUnion('kind', [
  none,
  z.strictObject({
    kind: z.literal('polynomial'),
    coefficientsMicrosiemens: z.array(finite).min(1),
    fittedAtMicrosiemens: finite.positive(),
    source: z.string(),
  }),
]);

const driftSchema: z.ZodType<Drift> = z.discriminatedUnion('kind', [
  none,
  z.strictObject({
    kind: z.literal('power-law'),
    exponentMean: lawSchema,
    exponentSpread: lawSchema,
    source: z.string(),
  }),
]);

const readNoiseSchema: z.ZodType<ReadNoise> = z.discriminatedUnion('kind', [
  none,
  z.strictObject({
    kind: z.literal('one-over-f'),
    readSeconds: finite.positive(),
    strength: lawSchema,
    source: z.string(),
  }),
]);

/** Schema of `CellSpec`. */
export const cellSchema: z.ZodType<CellSpec> = z
  .strictObject({
    name: z.string(),
    source: z.string(),
    gMaxMicrosiemens: finite.positive(),
    driftReferenceSeconds: finite.positive(),
    programmingNoise: programmingNoiseSchema,
    drift: driftSchema,
    readNoise: readNoiseSchema,
  })
  .refine(
    // The noise is integrated from the duration of a read to the age of the cell.
    ({ driftReferenceSeconds, readNoise }) =>
      readNoise.kind === 'none' || readNoise.readSeconds <= driftReferenceSeconds,
    { path: ['readNoise', 'readSeconds'], message: 'expected at most driftReferenceSeconds' },
  );
