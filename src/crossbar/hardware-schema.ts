// The door for hardware read from a file: checks a value of unknown origin and lists every fault at once.

import { z } from 'zod';
import { invariant, throwFaults } from '../base/errors.ts';
import { valueAt } from '../base/value-at.ts';
import { cellSchema } from '../cells/cell-schema.ts';
import type {
  Adc,
  AdcRange,
  Dac,
  HardwareSpec,
  Mapping,
  OutputNoise,
  ReadNoiseDraw,
  Tile,
} from './hardware.ts';

const ideal = z.strictObject({ kind: z.literal('ideal') });
const size = z.int().min(1);
/** Two bits are the least that hold −1, 0 and 1; float32 holds no more than 24. */
const bits = z.int().min(2).max(24);

const mapping: z.ZodType<Mapping> = z.strictObject({ scale: z.enum(['per-layer', 'per-column']) });

const tile: z.ZodType<Tile> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('unlimited') }),
  z.strictObject({ kind: z.literal('limited'), rows: size, columns: size }),
]);

const dac: z.ZodType<Dac> = z.discriminatedUnion('kind', [
  ideal,
  z.strictObject({ kind: z.literal('uniform'), bits }),
]);

const range: z.ZodType<AdcRange> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), fullScale: z.number().positive() }),
  z.strictObject({ kind: z.literal('calibrated') }),
]);

const adc: z.ZodType<Adc> = z.discriminatedUnion('kind', [
  ideal,
  z.strictObject({ kind: z.literal('uniform'), bits, range }),
]);

const outputNoise: z.ZodType<OutputNoise> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('gaussian'), relativeStandardDeviation: z.number().min(0) }),
]);

const readNoise: z.ZodType<ReadNoiseDraw> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('per-read') }),
  z.strictObject({ kind: z.literal('per-product') }),
]);

/** Schema of `HardwareSpec`. */
export const hardwareSchema: z.ZodType<HardwareSpec> = z.strictObject({
  name: z.string().min(1),
  source: z.string(),
  cell: cellSchema,
  mapping,
  tile,
  dac,
  adc,
  outputNoise,
  readNoise: z.exactOptional(readNoise),
});

/**
 * The hardware that `value`, read from a file, describes.
 *
 * @throws UsageError that lists all faults: `adc.bits: expected …, got …`
 */
export function checkHardware(value: unknown): HardwareSpec {
  const checked = hardwareSchema.safeParse(value);
  if (!checked.success) {
    const faults = checked.error.issues.map(({ path, message }) => {
      const at = path.length === 0 ? 'the specification' : path.join('.');
      const came = valueAt(value, path);
      const isLarge = typeof came === 'object' && came !== null;
      return isLarge ? `${at}: ${message}` : `${at}: ${message}; got ${JSON.stringify(came)}`;
    });
    throwFaults('hardware', faults);
  }
  invariant(checked.success, 'a failed check has no faults');
  return checked.data;
}
