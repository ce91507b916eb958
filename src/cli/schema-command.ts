// `ohmic schema`: the JSON schemas of the files that users write, and of the records that ohmic writes.

import { z } from 'zod';
import { UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import { cellSchema } from '../cells/cell-schema.ts';
import { pulseDeviceSchema } from '../cells/pulse-schema.ts';
import { costSchema } from '../cost/cost-schema.ts';
import { hardwareSchema } from '../crossbar/hardware-schema.ts';
import { evaluationSchema } from '../experiment/evaluation-settings.ts';
import { paretoSchema } from '../experiment/pareto-record-schema.ts';
import { recordSchema } from '../experiment/record-schema.ts';
import { twinRecordSchema } from '../experiment/twin-record-schema.ts';
import { sweepFileSchema } from '../sweep/sweep-file.ts';
import { SCHEMA_NAMES, type SchemaName } from './schema-names.ts';
import { runSchema, textRunSchema, trainSchema } from './settings-schema.ts';
import { twinsSchema } from './twins-schema.ts';

const schemas: Readonly<Record<SchemaName, () => Json>> = {
  run: () => withInheritance(schemaOf(runSchema)),
  'text-run': () => withInheritance(schemaOf(textRunSchema)),
  train: () => schemaOf(trainSchema),
  hardware: () => schemaOf(hardwareSchema),
  record: () => schemaOf(recordSchema),
  pareto: () => schemaOf(paretoSchema),
  cell: () => schemaOf(cellSchema),
  cost: () => schemaOf(costSchema),
  'pulse-device': () => schemaOf(pulseDeviceSchema),
  evaluation: () => schemaOf(evaluationSchema),
  twins: () => schemaOf(twinsSchema),
  'twin-record': () => schemaOf(twinRecordSchema),
  sweep: () => schemaOf(sweepFileSchema),
};

/** Parts of a run that take missing fields from another part, and the fields that they must have. */
const INHERITING: Readonly<Record<string, readonly string[]>> = {
  noiseTraining: [],
  controlEvaluation: [],
  noiseSweep: ['relativeToMax'],
};

/**
 * Prints the schema of settings of `run` (the default), of a run on a text, of `train`, of `twins`, of `sweep`, of hardware, of a cell, of a
 * device that learns, of a cost, of an evaluation, or of a kept record.
 */
export function schemaCommand(of = 'run'): void {
  const name = SCHEMA_NAMES.find((known) => known === of);
  if (name === undefined) throw new UsageError(`schema: ${unknownName(of, SCHEMA_NAMES)}`);
  process.stdout.write(`${JSON.stringify(schemas[name](), null, 2)}\n`);
}

function schemaOf(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, { io: 'input' }) as Json;
}

/** The schema of a file, in which fields may be left to `checkRunSettings`. */
function withInheritance(schema: Json): Json {
  const { properties } = schema as { readonly properties: Readonly<Record<string, Json>> };
  const inheriting = Object.entries(INHERITING).filter(([name]) => Object.hasOwn(properties, name));
  const parts = inheriting.map(([name, required]) => {
    const part = withoutDemands(properties[name]!) as { readonly [field: string]: Json };
    return [name, required.length === 0 ? part : { ...part, required }] as const;
  });
  return { ...(schema as object), properties: { ...properties, ...Object.fromEntries(parts) } };
}

/** A schema without required fields and without defaults. */
function withoutDemands(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(withoutDemands);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([name]) => name !== 'required' && name !== 'default');
  // Without the required kind, a value may fit several alternatives.
  return Object.fromEntries(
    kept.map(([name, value]) => [name === 'oneOf' ? 'anyOf' : name, withoutDemands(value!)]),
  );
}
