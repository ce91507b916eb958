// The form of what public functions take: engine, network, task, tensors. Types promise it to callers in TypeScript; the
// others learn here which field is missing or is something else. Values inside are checked where they are used.

import { z } from 'zod';
import { echo } from '../base/echo.ts';
import { holding, someFunction } from '../base/schema.ts';
import { epochRecordSchema } from './training-state.ts';

const shape = z.array(z.int().min(0));
const shapes = z.record(z.string(), shape);

const engine = holding('an engine', {
  backend: holding('a backend', { name: z.string() }),
  compile: someFunction,
  store: someFunction,
});

const initial = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('he-normal'), fanIn: z.number() }),
  z.looseObject({ kind: z.literal('normal'), deviation: z.number() }),
  z.looseObject({ kind: z.literal('uniform'), bound: z.number() }),
  z.looseObject({ kind: z.literal('constant'), value: z.number() }),
  z.looseObject({ kind: z.literal('parts'), values: z.array(z.number()) }),
]);

const role = z.enum([
  'weights',
  'bias',
  'scale',
  'shift',
  'runningMean',
  'runningVariance',
  'table',
  'constant',
  'range',
]);
const kind = z.enum(['dense', 'convolution', 'transposed-convolution', 'embedding']);

/** Form of a `Network`. */
export const networkForm: z.ZodType = holding('a network', {
  name: z.string(),
  inputs: shapes,
  outputs: shapes,
  parameters: z.array(holding('a parameter', { name: z.string(), shape, role, initial })),
  layers: z.array(holding('a layer', { name: z.string(), kind, shape, groups: z.int().min(1).optional() })),
  normalizationLayers: z.array(z.string()),
  apply: someFunction,
});

/** Form of `Parameters`; which tensors there must be depends on the network. */
export const tensorsForm: z.ZodType = holding('tensors by name', {});

const task = holding('a task', {
  name: z.string(),
  batch: shapes,
  evaluate: someFunction,
  measure: someFunction,
  score: holding('a score', { name: z.string(), of: someFunction }),
  examples: holding('examples', { fillTraining: someFunction, testBatches: someFunction }),
});

const signal = holding('the signal of an AbortController', {
  aborted: z.boolean(),
  throwIfAborted: someFunction,
});

/** Forms of what every training and every measurement is given. */
const common = {
  engine,
  network: networkForm,
  task: task.optional(),
  data: holding('training and test images', {}).optional(),
  signal: signal.optional(),
};

/** Form of options with the fields of every training and measurement, and more. */
export function optionsForm(more: Readonly<Record<string, z.ZodType>>): z.ZodType {
  return holding('options', { ...common, ...more });
}

/** Form of `FitOptions`; its settings are checked by their own schema. */
export const fitForm: z.ZodType = optionsForm({
  settings: holding('settings of a training', {}),
  rule: holding('an update rule', {
    name: z.string(),
    states: someFunction,
    scalars: someFunction,
    update: someFunction,
  }).optional(),
  teacher: holding('a network and its parameters', {
    network: networkForm,
    parameters: tensorsForm,
  }).optional(),
  initial: tensorsForm.optional(),
  state: holding('the state of a training', {
    step: z.int().min(0),
    tensors: tensorsForm,
    history: z.array(epochRecordSchema),
    running: z.record(z.string(), z.number()),
  }).optional(),
});

/** A fault unless a seed is one. */
export function seedFaults(seed: unknown): string[] {
  if (Number.isSafeInteger(seed) && (seed as number) >= 0) return [];
  return [`seed must be a whole number from 0 to 2^53 - 1, got ${echo(seed)}`];
}
