// `ohmic schema`: the JSON schemas of the files that users write.

import { z } from 'zod';
import { UsageError } from '../base/errors.ts';
import { hardwareSchema } from '../crossbar/hardware-schema.ts';
import { runSchema, trainSchema } from './settings-schema.ts';
import { unknownName } from './suggest.ts';

const schemas: Readonly<Record<string, z.ZodType>> = {
  run: runSchema,
  train: trainSchema,
  hardware: hardwareSchema,
};

/** Prints the schema of settings of `run` (the default), of `train`, or of hardware. */
export function schemaCommand(of = 'run'): void {
  const schema = Object.hasOwn(schemas, of) ? schemas[of] : undefined;
  if (schema === undefined) throw new UsageError(`schema: ${unknownName(of, Object.keys(schemas))}`);
  process.stdout.write(`${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`);
}
