// The schema of `ExperimentRecord`. `ohmic schema record` prints it; the compiler proves that it agrees with the types
// of record.ts and attribution.ts. Contradictions within a record, which a JSON schema can't express, are checked here
// too and listed with all other faults.

import { z } from 'zod';
import { check, exactly, type Json } from '../base/schema.ts';
import { meanOf } from '../base/statistics.ts';
import { estimateSchema } from '../cost/estimate-schema.ts';
import { hardwareSchema } from '../crossbar/hardware-schema.ts';
import { migrateProvenance } from '../train/migrate.ts';
import { provenanceSchema } from '../train/provenance.ts';
import {
  ATTRIBUTION_SOURCES,
  type Attribution,
  type AttributionEntry,
  type AttributionPoint,
  type AttributionSubject,
  type ChipAccuracies,
} from './attribution.ts';
import { evaluationSchema } from './evaluation-settings.ts';
import { publicationFaults, publicationSchema } from './publication-schema.ts';
import {
  type AccuracyAtTime,
  COMPENSATION_METHODS,
  type ConductanceHistogram,
  type EvaluationSettings,
  type ExperimentRecord,
  type LayerSummary,
  type NetworkResult,
  type NoiseSweep,
  type NoiseSweepPoint,
} from './record.ts';

/** The name of the format; another schema has another name. */
export const RECORD_FORMAT = 'ohmic-record-1';

const count = z.int().min(0);
const positiveCount = z.int().min(1);
const share = z.number().min(0).max(1);
const seconds = z.number().min(0);
const method = z.enum(COMPENSATION_METHODS);

/** Tolerance for sums of shares, which depend on the order of the terms. */
const ROUNDING = 1e-9;

/** Scores of the same chips, each of which `score` accepts. */
const scoresAtTime = (score: z.ZodNumber): z.ZodType<AccuracyAtTime> =>
  exactly<AccuracyAtTime>()(
    z
      .strictObject({
        timeSeconds: seconds,
        method,
        accuracies: z.array(score).min(1).meta({ description: 'one per chip' }),
        mean: score,
        interval95: z
          .exactOptional(z.tuple([z.number(), z.number()]))
          .meta({ description: '95 % confidence interval of the mean; absent for a single chip' }),
      })
      .superRefine(({ accuracies, mean, interval95 }, { addIssue }) => {
        const expected = meanOf(accuracies);
        if (Math.abs(mean - expected) > ROUNDING)
          addIssue({
            code: 'custom',
            path: ['mean'],
            message: `expected the mean of accuracies, ${expected}`,
          });
        if ((interval95 === undefined) !== (accuracies.length === 1)) {
          const what =
            accuracies.length === 1 ? 'none, as there is one chip' : 'one, as there are several chips';
          addIssue({ code: 'custom', path: ['interval95'], message: `expected ${what}` });
        }
        if (
          interval95 !== undefined &&
          !(interval95[0] <= mean + ROUNDING && mean - ROUNDING <= interval95[1])
        )
          addIssue({ code: 'custom', path: ['interval95'], message: `expected low and high around ${mean}` });
      }),
  );

const accuracyAtTime = scoresAtTime(share);

/** Schema of `LayerSummary`. */
export const layerSchema: z.ZodType<LayerSummary> = exactly<LayerSummary>()(
  z.strictObject({
    name: z.string(),
    rows: positiveCount,
    columns: positiveCount,
    tiles: positiveCount,
    utilisation: share,
    weightErrors: z.array(z.strictObject({ timeSeconds: seconds, none: z.number(), global: z.number() })),
  }),
);

/** Schema of `ConductanceHistogram`. */
export const histogramSchema: z.ZodType<ConductanceHistogram> = exactly<ConductanceHistogram>()(
  z
    .strictObject({
      edgesMicrosiemens: z.array(z.number()).min(2),
      target: z.array(count),
      programmed: z.array(count),
      read: z.array(z.strictObject({ timeSeconds: seconds, counts: z.array(count) })),
    })
    .refine(
      ({ edgesMicrosiemens, target, programmed, read }) =>
        [target, programmed, ...read.map(({ counts }) => counts)].every(
          (counts) => counts.length === edgesMicrosiemens.length - 1,
        ),
      'expected one count fewer than edges in target, programmed and every read',
    ),
);

const trainedBy = z.preprocess((raw) => migrateProvenance(raw as Json), provenanceSchema);

/** Schema of `NetworkResult`, whose scores `score` accepts: shares, or amounts such as bits per character. */
export const networkResultSchema = (score: z.ZodNumber): z.ZodType<NetworkResult> =>
  exactly<NetworkResult>()(
    z.strictObject({
      label: z.string(),
      training: trainedBy,
      digitalAccuracy: score,
      deployed: z.array(scoresAtTime(score)),
      layers: z.array(layerSchema),
      histogram: histogramSchema,
      evaluation: z.exactOptional(evaluationSchema),
      cost: z.exactOptional(estimateSchema),
    }),
  );

const network = networkResultSchema(share);

const sweepPoint = exactly<NoiseSweepPoint>()(
  z.strictObject({
    relativeToMax: z.number().min(0),
    training: trainedBy,
    digitalAccuracy: share,
    deployed: z.array(accuracyAtTime),
  }),
);

const noiseSweep = exactly<NoiseSweep>()(
  z.strictObject({ evaluation: evaluationSchema, points: z.array(sweepPoint) }),
);

const chipAccuracies = exactly<ChipAccuracies>()(
  z.array(z.array(share)).meta({ description: 'shares of 1: [point][chip]' }),
);

const attributionSubject = exactly<AttributionSubject>()(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('source'), source: z.enum(ATTRIBUTION_SOURCES) }),
    z.strictObject({
      kind: z.literal('layers'),
      name: z.string().min(1),
      layers: z.array(z.string()).min(1),
    }),
  ]),
);

const attributionEntry = exactly<AttributionEntry>()(
  z.strictObject({
    subject: attributionSubject,
    role: z.enum(['alone', 'left-out']),
    accuracies: chipAccuracies,
  }),
);

const attributionPoint = exactly<AttributionPoint>()(z.strictObject({ timeSeconds: seconds, method }));

/** Schema of the points of an attribution: one or more, each once. */
export const attributionPointsSchema: z.ZodType<Attribution['points']> = z
  .array(attributionPoint)
  .min(1)
  .superRefine((points, { addIssue, issues }) => {
    if (issues.length > 0) return;
    const names = points.map(({ timeSeconds, method: by }) => `${timeSeconds} s with ${by}`);
    const twice = names.find((name, position) => names.indexOf(name) !== position);
    if (twice !== undefined)
      addIssue({ code: 'custom', message: `must differ from one another, got ${twice} twice` });
  });

/** Schema of `Attribution`: every accuracy is there for every point and every chip. */
export const attributionSchema: z.ZodType<Attribution> = exactly<Attribution>()(
  z
    .strictObject({
      network: z.string(),
      points: attributionPointsSchema,
      chips: positiveCount,
      testImages: z.exactOptional(positiveCount),
      digitalAccuracy: share,
      reference: chipAccuracies,
      exact: z.exactOptional(chipAccuracies),
      entries: z.array(attributionEntry),
    })
    .superRefine(({ points, chips, reference, exact, entries }, { addIssue }) => {
      const tables: readonly (readonly [(string | number)[], ChipAccuracies])[] = [
        [['reference'], reference],
        ...(exact === undefined ? [] : [[['exact'], exact] as [string[], ChipAccuracies]]),
        ...entries.map(
          ({ accuracies }, index) =>
            [['entries', index, 'accuracies'], accuracies] as [string[], ChipAccuracies],
        ),
      ];
      for (const [path, table] of tables) {
        if (table.length !== points.length || table.some((row) => row.length !== chips)) {
          const message = `expected ${points.length} points with ${chips} chips each, got ${table.length} points with ${table.map((row) => row.length).join(', ')}`;
          addIssue({ code: 'custom', path, message });
        }
      }
    }),
);

/** Schema of `ExperimentRecord`. */
export const recordSchema: z.ZodType<ExperimentRecord> = exactly<ExperimentRecord>()(
  z
    .strictObject({
      format: z.literal(RECORD_FORMAT),
      title: z.string(),
      ohmic: z.string().meta({ description: 'version that made it' }),
      command: z.string().meta({ description: 'the command that repeats it' }),
      machine: z.strictObject({ backend: z.string(), processor: z.string(), node: z.string() }),
      seed: z.number(),
      dataset: z.strictObject({
        name: z.string(),
        trainImages: count,
        testImages: count,
        classes: positiveCount,
      }),
      hardware: hardwareSchema,
      evaluation: evaluationSchema,
      networks: z.array(network),
      published: z.exactOptional(publicationSchema),
      noiseSweep: z.exactOptional(noiseSweep),
      attribution: z.exactOptional(attributionSchema),
    })
    .superRefine((record, { addIssue }) => {
      for (const { path, message } of contradictionsOf(record)) addIssue({ code: 'custom', path, message });
    })
    .meta({
      title: 'ohmic experiment record',
      description: 'What ohmic run, evaluate and reproduce write as record.json. Accuracies are shares of 1.',
    }),
);

type Contradiction = { readonly path: (string | number)[]; readonly message: string };

/** Results that do not fit the settings of the record. */
function contradictionsOf({
  evaluation,
  networks,
  noiseSweep: sweep,
  published,
}: ExperimentRecord): Contradiction[] {
  const labels = networks.map(({ label }) => label);
  return [
    ...labels.flatMap((label, index) =>
      labels.indexOf(label) === index
        ? []
        : [
            {
              path: ['networks', index, 'label'],
              message: `expected a label of its own, got ${JSON.stringify(label)} again`,
            },
          ],
    ),
    ...(published === undefined ? [] : publicationFaults(published, labels)).map(({ path, message }) => ({
      path: ['published', ...path],
      message,
    })),
    ...networks.flatMap(({ deployed, evaluation: own = evaluation }, index) =>
      contradictionsIn(deployed, own, ['networks', index]),
    ),
    ...(sweep?.points ?? []).flatMap(({ deployed }, index) =>
      contradictionsIn(deployed, sweep!.evaluation, ['noiseSweep', 'points', index]),
    ),
  ];
}

function contradictionsIn(
  deployed: readonly AccuracyAtTime[],
  { chips, timesSeconds, methods }: EvaluationSettings,
  place: readonly (string | number)[],
): Contradiction[] {
  const seen = new Set<string>();
  return deployed.flatMap(({ timeSeconds, method: by, accuracies }, index) => {
    const path = [...place, 'deployed', index];
    const result = `${by} at ${timeSeconds} s`;
    const isRepeated = seen.has(result);
    seen.add(result);
    const faults: readonly (readonly [boolean, Contradiction])[] = [
      [
        accuracies.length !== chips,
        {
          path: [...path, 'accuracies'],
          message: `expected one for each of ${chips} chips, got ${accuracies.length}`,
        },
      ],
      [
        !timesSeconds.includes(timeSeconds),
        { path: [...path, 'timeSeconds'], message: `expected one of the times ${timesSeconds.join(', ')}` },
      ],
      [
        !methods.includes(by),
        { path: [...path, 'method'], message: `expected one of the methods ${methods.join(', ')}` },
      ],
      [isRepeated, { path, message: `expected each result once, got ${result} again` }],
    ];
    return faults.filter(([holds]) => holds).map(([, fault]) => fault);
  });
}

/**
 * The record in `value`, which is of unknown origin.
 *
 * @throws UsageError that lists every fault with its path; contradictions are looked for only in a record of the right
 * form
 */
export function checkRecord(value: unknown): ExperimentRecord {
  return check(recordSchema, 'record', value);
}
