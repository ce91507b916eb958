// The check of hardware from files: checks a value of unknown origin and lists all faults at once.

import { z } from 'zod';
import { amountFromZero, check, positiveAmount } from '../base/schema.ts';
import { cellChoiceSchema } from '../cells/cell-schema.ts';
import {
  type Adc,
  type AdcRange,
  arraysOf,
  type BoundManagement,
  type Dac,
  type DacRange,
  type HardwareSpec,
  type LayerHardware,
  type Mapping,
  type OutputNoise,
  type ReadMode,
  type ReadNoiseDraw,
  readModeFaults,
  type Tile,
} from './hardware.ts';

/** More are no hardware that anyone built. */
const MOST_PAIRS = 16;

const ideal = z.strictObject({ kind: z.literal('ideal') });
const size = z.int().min(1);
/** Two bits are the least that hold −1, 0 and 1; float32 holds no more than 24. */
const bits = z.int().min(2).max(24);

const mapping: z.ZodType<Mapping> = z.strictObject({
  scale: z.enum(['per-layer', 'per-column']),
  pairs: z
    .exactOptional(z.int().min(1).max(MOST_PAIRS))
    .meta({ description: 'differential pairs of a weight, whose mean is the weight; absent: one' }),
});

const tile: z.ZodType<Tile> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('unlimited') }),
  z.strictObject({ kind: z.literal('limited'), rows: size, columns: size }),
]);

const dacRange: z.ZodType<DacRange> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('calibrated') }),
  z.strictObject({ kind: z.literal('per-example') }),
]);

const dac: z.ZodType<Dac> = z.discriminatedUnion('kind', [
  ideal,
  z.strictObject({ kind: z.literal('uniform'), bits, range: z.exactOptional(dacRange) }),
]);

const range: z.ZodType<AdcRange> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), fullScale: positiveAmount }),
  z.strictObject({ kind: z.literal('calibrated') }),
]);

const boundManagement: z.ZodType<BoundManagement> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('iterative'), halvings: z.int().min(1).max(20) }),
]);

const adc: z.ZodType<Adc> = z.discriminatedUnion('kind', [
  ideal,
  z.strictObject({
    kind: z.literal('uniform'),
    bits,
    range,
    boundManagement: z.exactOptional(boundManagement),
  }),
]);

const outputNoise: z.ZodType<OutputNoise> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('gaussian'), relativeStandardDeviation: amountFromZero }),
]);

const readNoise: z.ZodType<ReadNoiseDraw> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('per-read') }),
  z.strictObject({ kind: z.literal('per-product') }),
]);

const readMode: z.ZodType<ReadMode> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('four-phase') }),
  z.strictObject({ kind: z.literal('one-phase'), relativeError: z.number().min(0).max(1) }),
]);

const arrays = {
  cell: cellChoiceSchema,
  mapping,
  tile,
  dac,
  adc,
  outputNoise,
  readNoise: z.exactOptional(readNoise),
  readMode: z.exactOptional(readMode),
};

const layerHardware: z.ZodType<LayerHardware> = z.union([
  z.literal('digital'),
  z.strictObject({
    cell: z.exactOptional(cellChoiceSchema),
    mapping: z.exactOptional(mapping),
    tile: z.exactOptional(tile),
    dac: z.exactOptional(dac),
    adc: z.exactOptional(adc),
    outputNoise: z.exactOptional(outputNoise),
    readNoise: z.exactOptional(readNoise),
    readMode: z.exactOptional(readMode),
  }),
]);

/** Schema of `HardwareSpec`. */
export const hardwareSchema: z.ZodType<HardwareSpec> = z
  .strictObject({
    name: z.string().min(1),
    source: z.string(),
    ...arrays,
    layers: z
      .exactOptional(z.record(z.string().min(1), layerHardware))
      .meta({ description: 'layers that differ, by name or by a pattern with *: "digital", or changes' }),
  })
  .superRefine((hardware, { addIssue }) => {
    for (const { pattern, arrays } of arraysOf(hardware))
      for (const message of readModeFaults(arrays)) {
        const where = pattern === undefined ? [] : ['layers', pattern];
        addIssue({ code: 'custom', path: [...where, 'readMode'], message });
      }
  })
  .meta({ title: 'Hardware' });

/**
 * The hardware that `value`, read from a file, describes.
 *
 * @throws UsageError that lists all faults: `adc.bits: expected …, got …`
 */
export function checkHardware(value: unknown): HardwareSpec {
  return check(hardwareSchema, 'hardware', value);
}
