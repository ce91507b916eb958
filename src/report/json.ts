// A record as JSON text and back; reading is a door, so it checks everything and lists every fault.

import { z } from 'zod';
import { invariant, messageOf, throwFaults, UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { hardwareSchema } from '../crossbar/hardware-schema.ts';
import { COMPENSATION_METHODS, evaluationSchema } from '../experiment/evaluation-settings.ts';
import { publicationSchema } from '../experiment/publication-schema.ts';
import type {
  AccuracyAtTime,
  ConductanceHistogram,
  ExperimentRecord,
  LayerSummary,
  NetworkResult,
  NoiseSweep,
} from '../experiment/record.ts';
import { migrateProvenance } from '../train/migrate.ts';
import { provenanceSchema } from '../train/provenance.ts';

const FORMAT = 'ohmic-record-1';

const count = z.int().min(0);
const positiveCount = z.int().min(1);
const share = z.number().min(0).max(1);
const seconds = z.number().min(0);
const method = z.enum(COMPENSATION_METHODS);

const accuracyAtTime: z.ZodType<AccuracyAtTime> = z.strictObject({
  timeSeconds: seconds,
  method,
  accuracies: z.array(share).min(1),
  mean: share,
  interval95: z.exactOptional(z.tuple([z.number(), z.number()])),
});

const layer: z.ZodType<LayerSummary> = z.strictObject({
  name: z.string(),
  rows: positiveCount,
  columns: positiveCount,
  tiles: positiveCount,
  utilisation: share,
  weightErrors: z.array(z.strictObject({ timeSeconds: seconds, none: z.number(), global: z.number() })),
});

const histogram: z.ZodType<ConductanceHistogram> = z
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
  );

const network: z.ZodType<NetworkResult> = z.strictObject({
  label: z.string(),
  training: z.preprocess((raw) => migrateProvenance(raw as Json), provenanceSchema),
  digitalAccuracy: share,
  deployed: z.array(accuracyAtTime),
  layers: z.array(layer),
  histogram,
  evaluation: z.exactOptional(evaluationSchema),
});

const noiseSweep: z.ZodType<NoiseSweep> = z.strictObject({
  evaluation: evaluationSchema,
  points: z.array(
    z.strictObject({
      relativeToMax: z.number().min(0),
      training: z.preprocess((raw) => migrateProvenance(raw as Json), provenanceSchema),
      digitalAccuracy: share,
      deployed: z.array(accuracyAtTime),
    }),
  ),
});

const recordSchema: z.ZodType<ExperimentRecord> = z.strictObject({
  format: z.literal(FORMAT),
  title: z.string(),
  ohmic: z.string(),
  command: z.string(),
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
});

/** The whole record as indented JSON text. Numbers that are not finite become null, which `parseRecord` refuses. */
export function toJson(record: ExperimentRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/**
 * The record that JSON text holds.
 *
 * @throws UsageError if it is no JSON text, has another format, or does not fit the format; then it lists every fault
 */
export function parseRecord(text: string): ExperimentRecord {
  const value = parsed(text);
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (format !== FORMAT) {
    throw new UsageError(
      `record: expected the format "${FORMAT}", got ${JSON.stringify(format) ?? 'none'}; use a file that ohmic run wrote`,
    );
  }
  const checked = recordSchema.safeParse(value);
  if (!checked.success) {
    throwFaults(
      'record',
      checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    );
  }
  invariant(checked.success, 'a failed check has no faults');
  return checked.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (fault) {
    throw new UsageError(
      `record: expected JSON text, got ${text.length} characters that are none: ${messageOf(fault)}`,
    );
  }
}
