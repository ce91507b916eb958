// The schema of `TwinRecord`. `ohmic schema twin-record` prints it. Contradictions within a record, which a JSON schema
// can't express, are checked here too: means that are not those of the pairs, histograms that do not fit the weights.

import { z } from 'zod';
import { check, exactly } from '../base/schema.ts';
import type { Estimate } from '../base/statistics.ts';
import { estimateSchema } from '../cost/estimate-schema.ts';
import { trainingEstimateSchema } from '../cost/training-schema.ts';
import { scoreSchema } from '../train/provenance.ts';
import { trainingSchema } from '../train/settings.ts';
import { epochRecordSchema } from '../train/training-state.ts';
import type { ArrayStatistics, CellStatistics, LayerStatistics } from './cell-statistics.ts';
import { networkResultSchema } from './record-schema.ts';
import {
  summarizeTwins,
  TWINS_FORMAT,
  type TwinCost,
  type TwinFigure,
  type TwinPair,
  type TwinPicture,
  type TwinRecord,
  type TwinTraining,
} from './twin-record.ts';

const count = z.int().min(0);
const positiveCount = z.int().min(1);

/** Tolerance for means, which depend on the order of the terms: a share of the largest score. */
const ROUNDING = 1e-9;

const training = exactly<TwinTraining>()(
  z.strictObject({ history: z.array(epochRecordSchema), score: z.number() }),
);

const pair = exactly<TwinPair>()(z.strictObject({ seed: count, inCells: training, inFloat: training }));

const estimate = exactly<Estimate>()(
  z.strictObject({
    mean: z.number(),
    interval95: z
      .exactOptional(z.tuple([z.number(), z.number()]))
      .meta({ description: '95 % confidence interval of the mean over seeds; absent for a single seed' }),
  }),
);

/** Schema of `TwinFigure`. */
export const twinFigureSchema: z.ZodType<TwinFigure> = exactly<TwinFigure>()(
  z.strictObject({
    what: z.string().min(1),
    score: z.number().meta({ description: 'shares of 1' }),
    of: z.enum(['cells', 'float', 'difference']).meta({ description: 'which of ours it is compared with' }),
    locator: z.string().min(1).meta({ description: 'where it stands in the publication' }),
    secondHand: z
      .boolean()
      .default(false)
      .meta({ description: 'known from notes on the publication, not read in it' }),
  }),
);

const array = exactly<ArrayStatistics>()(
  z.strictObject({
    polarity: z.enum(['plus', 'minus']),
    pair: z
      .int()
      .min(2)
      .optional()
      .meta({ description: 'of a weight with several pairs: which one; absent: the first' }),
    values: z.array(count).meta({ description: 'devices by value, between the edges' }),
    pulses: z.array(count).meta({ description: 'devices by pulses: none, 1, 2 to 3, 4 to 7, …' }),
    pulsesGiven: z.number().min(0),
  }),
);

const layer = exactly<LayerStatistics>()(
  z.strictObject({ name: z.string(), weights: positiveCount, arrays: z.array(array).min(1) }),
);

const cells = exactly<CellStatistics>()(
  z
    .strictObject({ edges: z.array(z.number()).min(2), unit: z.enum(['µS', '']), layers: z.array(layer) })
    .superRefine(({ edges, layers }, { addIssue }) => {
      for (const [l, { weights, arrays }] of layers.entries())
        for (const [a, { values, pulses }] of arrays.entries()) {
          const path = ['layers', l, 'arrays', a];
          if (values.length !== edges.length - 1)
            addIssue({
              code: 'custom',
              path: [...path, 'values'],
              message: `expected one count fewer than edges, ${edges.length - 1}, got ${values.length}`,
            });
          for (const [name, counts] of [['values', values] as const, ['pulses', pulses] as const]) {
            const devices = counts.reduce((sum, n) => sum + n, 0);
            if (devices !== weights)
              addIssue({
                code: 'custom',
                path: [...path, name],
                message: `expected a device for each of ${weights} weights, got ${devices}`,
              });
          }
        }
    }),
);

const picture = exactly<TwinPicture>()(
  z.strictObject({
    label: z.string(),
    file: z
      .string()
      .regex(/^[\w-][\w.-]*$/, 'expected the name of a file beside the record: letters, digits, . and -'),
  }),
);

/** Schema of `TwinRecord`. */
export const twinRecordSchema: z.ZodType<TwinRecord> = exactly<TwinRecord>()(
  z
    .strictObject({
      format: z.literal(TWINS_FORMAT),
      title: z.string(),
      ohmic: z.string().meta({ description: 'version that made it' }),
      command: z.string().meta({ description: 'the command that repeats it' }),
      machine: z.strictObject({ backend: z.string(), processor: z.string(), node: z.string() }),
      dataset: z.string(),
      network: z.strictObject({ name: z.string(), weights: positiveCount, analogWeights: count }),
      score: z.strictObject({
        name: z.string(),
        isShare: z.boolean(),
        isBetter: z.enum(['higher', 'lower']),
      }),
      historyScore: z.exactOptional(scoreSchema),
      settings: trainingSchema,
      pairs: z.array(pair).min(1),
      inCells: estimate,
      inFloat: estimate,
      difference: estimate.meta({ description: 'cells minus floating point, paired by seed' }),
      cost: z.exactOptional(
        exactly<TwinCost>()(z.strictObject({ inference: estimateSchema, training: trainingEstimateSchema })),
      ),
      cells: z.exactOptional(cells),
      afterwards: z.exactOptional(z.array(networkResultSchema(z.number()))),
      published: z.exactOptional(
        z.strictObject({ source: z.string().min(1), figures: z.array(twinFigureSchema).min(1) }),
      ),
      pictures: z.exactOptional(z.array(picture)),
    })
    .superRefine((record, { addIssue, issues }) => {
      if (issues.length > 0) return;
      for (const { path, message } of contradictionsOf(record)) addIssue({ code: 'custom', path, message });
    })
    .meta({
      title: 'ohmic twin record',
      description: 'What ohmic twins writes as record.json. Scores that are shares are of 1.',
    }),
);

type Contradiction = { readonly path: (string | number)[]; readonly message: string };

function contradictionsOf(record: TwinRecord): Contradiction[] {
  const { pairs, score } = record;
  const seeds = pairs.map(({ seed }) => seed);
  const expected = summarizeTwins(pairs);
  return [
    ...seeds.flatMap((seed, k) =>
      seeds.indexOf(seed) === k
        ? []
        : [{ path: ['pairs', k, 'seed'], message: `expected different seeds, got ${seed} again` }],
    ),
    ...pairs.flatMap((one, k) =>
      (['inCells', 'inFloat'] as const).flatMap((name) => {
        const value = one[name].score;
        return score.isShare && (value < 0 || value > 1)
          ? [{ path: ['pairs', k, name, 'score'], message: `expected a share from 0 to 1, got ${value}` }]
          : [];
      }),
    ),
    ...(['inCells', 'inFloat', 'difference'] as const).flatMap((name) =>
      isNear(record[name], expected[name])
        ? []
        : [
            {
              path: [name],
              message: `expected the estimate of the pairs, ${JSON.stringify(expected[name])}, got ${JSON.stringify(record[name])}`,
            },
          ],
    ),
  ];
}

function isNear(a: Estimate, b: Estimate): boolean {
  const [x, y] = [a, b].map(({ mean, interval95 = [] }) => [mean, ...interval95]) as [number[], number[]];
  const largest = Math.max(1, ...y.map(Math.abs));
  return x.length === y.length && x.every((value, k) => Math.abs(value - y[k]!) <= ROUNDING * largest);
}

/**
 * The record in `value`, which is of unknown origin.
 *
 * @throws UsageError that lists every fault with its path
 */
export function checkTwinRecord(value: unknown): TwinRecord {
  return check(twinRecordSchema, 'record', value);
}
