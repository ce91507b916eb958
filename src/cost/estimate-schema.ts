// The schema of `CostEstimate`, which records hold; the compiler proves that it agrees with the types.

import { z } from 'zod';
import { exactly } from '../base/schema.ts';
import { EVIDENCE } from './cost-spec.ts';
import type { Baseline } from './digital.ts';
import { PARTS, type Term } from './energy.ts';
import { COST_FORMAT, type CostEstimate, type EnergyRange, type LayerCost } from './estimate.ts';

const count = z.int().min(0);
const amount = z.number().min(0);
const share = z.number().min(0).max(1);
const evidence = z.enum(EVIDENCE);

const energyRange = exactly<EnergyRange>()(z.strictObject({ picojoules: amount, low: amount, high: amount }));

const term = exactly<Term>()(
  z.strictObject({ part: z.enum(PARTS), picojoules: amount.nullable(), evidence }),
);

const layer = exactly<LayerCost>()(
  z.strictObject({
    name: z.string(),
    isDigital: z.boolean(),
    rows: count,
    columns: count,
    tiles: count,
    copies: count,
    vectors: amount,
    multiplyAdds: amount,
    conversions: amount,
    partialSums: amount,
    utilisation: share,
    energy: energyRange,
    breakdown: z.array(term),
    nanoseconds: amount.nullable(),
  }),
);

const baseline = exactly<Baseline>()(
  z.strictObject({
    name: z.string(),
    boundary: z.enum(['operations', 'accelerator peak', 'whole machine at the wall']),
    picojoules: amount,
    topsPerWatt: amount,
    source: z.string(),
    evidence,
  }),
);

/** Schema of `CostEstimate`. */
export const estimateSchema: z.ZodType<CostEstimate> = exactly<CostEstimate>()(
  z
    .strictObject({
      format: z.literal(COST_FORMAT),
      network: z.string(),
      hardware: z.string(),
      cost: z.string(),
      tileKind: z.enum(['measured', 'bottom-up']),
      readMode: z.enum(['one-phase', 'four-phase', 'unstated']),
      energy: z.strictObject({ tile: energyRange, chip: energyRange, system: energyRange }),
      breakdown: z.array(term),
      evidence,
      gaps: z.array(z.string()),
      latency: z.strictObject({
        sequentialNanoseconds: amount.nullable(),
        bottleneckNanoseconds: amount.nullable(),
        bottleneck: z.string(),
        examplesPerSecond: amount.nullable(),
      }),
      area: z.strictObject({
        tilesSquareMillimeters: amount.nullable(),
        chipSquareMillimeters: amount.nullable(),
      }),
      tiles: count,
      tilesPlaced: count,
      multiplyAdds: amount,
      utilisation: z.strictObject({ cells: share, work: share }),
      efficiency: z.strictObject({
        peakTopsPerWatt: amount.nullable(),
        tileTopsPerWatt: amount.nullable(),
        chipTopsPerWatt: amount.nullable(),
        peakTops: amount.nullable(),
      }),
      layers: z.array(layer),
      baselines: z.array(baseline),
      overTime: z.exactOptional(
        z.array(z.strictObject({ timeSeconds: amount, arrayPicojoules: amount, chip: energyRange })),
      ),
    })
    .meta({ title: 'Cost of a network on its hardware, for one example' }),
);
