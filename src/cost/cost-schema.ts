// The check of costs from files: a value of unknown origin, all faults at once. Negative and missing constants are faults;
// an unknown one is written as null.

import { z } from 'zod';
import { check, exactly, nameSchema } from '../base/schema.ts';
import {
  type AdcModel,
  type BottomUpTile,
  type Constant,
  EVIDENCE,
  type HardwareCost,
  type MeasuredTile,
} from './cost-spec.ts';

const size = z.int().min(1);

/** A constant in a unit. */
function constant<U extends string>(unit: U): z.ZodType<Constant<U>> {
  const schema = z.strictObject({
    value: z.number().min(0).nullable().meta({ description: 'null if unknown, never 0 instead' }),
    unit: z.literal(unit),
    source: z.string().min(1),
    evidence: nameSchema(EVIDENCE),
  });
  return schema as unknown as z.ZodType<Constant<U>>;
}

const read = z.strictObject({ energy: constant('nJ'), time: constant('ns') });

const measuredTile = exactly<MeasuredTile>()(
  z.strictObject({
    kind: z.literal('measured'),
    rows: size,
    columns: size,
    inputBits: size,
    outputBits: size,
    reads: z.strictObject({
      'one-phase': z.exactOptional(read),
      'four-phase': z.exactOptional(read),
      unstated: z.exactOptional(read),
    }),
    area: constant('mm²'),
  }),
);

const adcModel = exactly<AdcModel>()(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('survey') }),
    z.strictObject({ kind: z.literal('zigzag'), voltage: constant('V') }),
    z.strictObject({ kind: z.literal('fixed'), energy: constant('pJ'), area: constant('µm²') }),
  ]),
);

const bottomUpTile = exactly<BottomUpTile>()(
  z.strictObject({
    kind: z.literal('bottom-up'),
    nodeNanometers: z.number().min(1).max(1000),
    phases: z.strictObject({ 'one-phase': size, 'four-phase': size, unstated: size }),
    array: z.strictObject({
      readVoltage: constant('V'),
      conductance: constant('µS'),
      pulseShare: constant('1'),
      crosspointArea: constant('µm²'),
    }),
    dac: z.strictObject({ energyPerBit: constant('pJ'), slot: constant('ns'), area: constant('µm²') }),
    adc: z.strictObject({ model: adcModel, columnsPerAdc: size, conversionTime: constant('ns') }),
    leakage: constant('mW'),
    measuredOverEstimated: z.strictObject({
      'one-phase': constant('1'),
      'four-phase': constant('1'),
      unstated: constant('1'),
    }),
  }),
);

/** Schema of `HardwareCost`. */
export const costSchema: z.ZodType<HardwareCost> = exactly<HardwareCost>()(
  z
    .strictObject({
      name: z.string().min(1),
      source: z.string(),
      tile: z.discriminatedUnion('kind', [
        measuredTile as unknown as z.ZodObject<never>,
        bottomUpTile as unknown as z.ZodObject<never>,
      ]) as unknown as z.ZodType<MeasuredTile | BottomUpTile>,
      digital: z.strictObject({
        add: constant('pJ'),
        postProcessing: constant('pJ'),
        multiplyAdd: constant('pJ'),
        memoryRead: constant('pJ/byte'),
        memoryWrite: constant('pJ/byte'),
        link: constant('pJ/bit'),
        hops: constant('1'),
        leakage: constant('mW'),
        area: constant('mm²'),
      }),
      system: z.strictObject({ memory: constant('pJ/bit'), host: constant('pJ') }),
      writing: z.strictObject({ pulse: constant('pJ'), pulsesPerDevice: constant('1') }),
    })
    .meta({ title: 'Cost of hardware' }),
);

/**
 * The cost that `value`, read from a file, describes.
 *
 * @param where what holds it, for errors
 * @throws UsageError that lists all faults: `cost: tile.area.value: expected …, got …`
 */
export function checkCost(value: unknown, where = 'cost'): HardwareCost {
  return check(costSchema, where, value);
}
