// The files that have JSON schemas, by name; schema-command.ts has the schemas.

/** Names of the schemas. */
export const SCHEMA_NAMES = [
  'run',
  'text-run',
  'train',
  'hardware',
  'record',
  'pareto',
  'cell',
  'cost',
  'pulse-device',
  'evaluation',
  'twins',
  'twin-record',
  'sweep',
] as const;

/** Name of a schema. */
export type SchemaName = (typeof SCHEMA_NAMES)[number];
