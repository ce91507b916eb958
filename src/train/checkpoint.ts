// A training state, or trained weights, as a file's bytes: tensors plus the provenance of the run.

import { z } from 'zod';
import { sha256 } from '../base/digest.ts';
import { echo } from '../base/echo.ts';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import type { HostTensor, Parameters, TensorSpec } from '../base/parameters.ts';
import { check, type Json } from '../base/schema.ts';
import { elementCount, formatShape, sameShape } from '../base/shape.ts';
import { decodeTensors, encodeTensors } from '../interop/safetensors.ts';
import type { Network, ParameterRole } from '../nn/network.ts';
import { ITERATE } from './averaging.ts';
import { isCarried } from './carried-states.ts';
import { migrateProvenance } from './migrate.ts';
import { type Provenance, provenanceSchema } from './provenance.ts';
import type { TrainingState } from './training-state.ts';

/** Trained parameters with their provenance. */
export type TrainedNetwork = {
  readonly parameters: Parameters;
  readonly provenance: Provenance;
  /** Of an imported network: the text that it can be built from (`Network.description`). */
  readonly description?: string | undefined;
};

/** An unfinished run, with its provenance so far. */
export type Checkpoint = Pick<TrainedNetwork, 'provenance' | 'description'> & {
  readonly state: TrainingState;
};

/** The progress in a checkpoint, beside the history. */
type Progress = Pick<TrainingState, 'step' | 'running'>;

const progressSchema: z.ZodType<Progress> = z.strictObject({
  step: z.int().min(0),
  running: z.record(z.string(), z.number()),
});

const CHECKPOINT_FORMAT = 'ohmic-checkpoint-1';
const WEIGHTS_FORMAT = 'ohmic-weights-1';

/** A checkpoint as a safetensors file. */
export function encodeCheckpoint({
  state,
  provenance,
  description,
}: Checkpoint): Promise<Uint8Array<ArrayBuffer>> {
  const { tensors, step, running, history } = state;
  return encodeTensors({
    tensors,
    metadata: {
      format: CHECKPOINT_FORMAT,
      provenance: JSON.stringify({ ...provenance, history }),
      ...(description !== undefined && { network: description }),
      progress: JSON.stringify({ step, running }),
    },
  });
}

/** Trained weights as a safetensors file. */
export function encodeWeights({
  parameters,
  provenance,
  description,
}: TrainedNetwork): Promise<Uint8Array<ArrayBuffer>> {
  return encodeTensors({
    tensors: parameters,
    metadata: {
      format: WEIGHTS_FORMAT,
      provenance: JSON.stringify(provenance),
      ...(description !== undefined && { network: description }),
    },
  });
}

/**
 * Reads a checkpoint.
 *
 * @throws UsageError if the file is damaged or is no checkpoint
 */
export async function decodeCheckpoint(file: string, bytes: Uint8Array): Promise<Checkpoint> {
  const { tensors, metadata } = await decodeTensors(file, bytes);
  const { progress } = metadata;
  if (metadata['format'] !== CHECKPOINT_FORMAT || progress === undefined) {
    throw new UsageError(
      `${file}: expected a checkpoint (${CHECKPOINT_FORMAT}), got ${metadata['format'] ?? 'another file'}`,
    );
  }
  const provenance = readProvenance(file, metadata);
  const { step, running } = parsed(file, progressSchema, progress);
  const state = { step, running, tensors, history: provenance.history };
  return { state, provenance, ...describedBy(metadata) };
}

/**
 * Reads trained weights, from a weights file or out of a checkpoint.
 *
 * @throws UsageError if the file is damaged or has no provenance
 */
export async function decodeWeights(file: string, bytes: Uint8Array): Promise<TrainedNetwork> {
  const { tensors, metadata } = await decodeTensors(file, bytes);
  return {
    parameters: Object.fromEntries(Object.entries(tensors).filter(([name]) => isKept(name))),
    provenance: readProvenance(file, metadata),
    ...describedBy(metadata),
  };
}

function describedBy({ network }: Readonly<Record<string, string>>): Pick<TrainedNetwork, 'description'> {
  return network === undefined ? {} : { description: network };
}

/** Endings of the names of an update rule's states. */
const RULE_STATES = ['.momentum', '.firstMoment', '.secondMoment', '.accumulator', '.velocity'];
/** Groups of tensors that are passing too: the fast arrays of Tiki-Taka, what its transfers keep. */
const PASSING_GROUPS = ['.fast.', '.transfer.'];

/** True for tensors of a trained network, false for tensors that only its training needs. */
export function isKept(name: string): boolean {
  return (
    !isCarried(name) &&
    !name.endsWith(ITERATE) &&
    !RULE_STATES.some((ending) => name.endsWith(ending)) &&
    !PASSING_GROUPS.some((group) => name.includes(group))
  );
}

function readProvenance(file: string, metadata: Readonly<Record<string, string>>): Provenance {
  const text = metadata['provenance'];
  if (text === undefined)
    throw new UsageError(`${file}: it does not say what it was trained on; use a file that ohmic wrote`);
  return parsed(file, provenanceSchema, text, migrateProvenance);
}

function parsed<T>(
  file: string,
  schema: z.ZodType<T>,
  text: string,
  migrate: (raw: Json | undefined) => Json | undefined = (raw) => raw,
): T {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (thrown) {
    throw new UsageError(`${file}: its metadata are damaged (${messageOf(thrown)}); use an earlier file`);
  }
  return check(schema, `${file}: its metadata are damaged; use an earlier file`, migrate(value));
}

/** SHA-256 of parameters: of a safetensors file with these tensors alone. */
export async function parametersDigest(parameters: Parameters): Promise<string> {
  return sha256(await encodeTensors({ tensors: parameters, metadata: {} }));
}

/**
 * Checks that tensors are there, and have their shapes and finite values; variances are not negative.
 *
 * @throws UsageError that lists every missing and every wrong tensor
 */
export function checkTensors(
  where: string,
  specs: readonly (TensorSpec & { readonly role?: ParameterRole })[],
  tensors: Parameters,
): void {
  const faults = specs.flatMap(({ name, shape, role }) => {
    const tensor = tensors[name];
    if (tensor === undefined) return [`"${name}" ${formatShape(shape)} is missing`];
    if (!isTensor(tensor)) return [`"${name}" must be a tensor, { shape, data }, got ${echo(tensor)}`];
    if (!sameShape(tensor.shape, shape)) {
      const isTransposed = shape.length === 2 && sameShape([...tensor.shape].reverse(), shape);
      return [
        `"${name}" must have shape ${formatShape(shape)}, got ${formatShape(tensor.shape)}${isTransposed ? ' (transposed: weights are (in, out))' : ''}`,
      ];
    }
    if (tensor.data.length !== elementCount(shape))
      return [`"${name}" must have ${elementCount(shape)} values, got ${tensor.data.length}`];
    const at = tensor.data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) return [`"${name}" must be finite, got ${tensor.data[at]} at element ${at}`];
    const below = role === 'runningVariance' ? tensor.data.findIndex((value) => value < 0) : -1;
    return below < 0
      ? []
      : [`"${name}" must be at least 0, as a variance is, got ${tensor.data[below]} at element ${below}`];
  });
  throwFaults(where, faults);
}

/** True of what has the form of a tensor; parameters may come from anywhere. */
function isTensor(tensor: HostTensor): boolean {
  return Array.isArray(tensor?.shape) && tensor.data instanceof Float32Array;
}

/** Checks that parameters are those of a network. Throws as `checkTensors`. */
export function checkParameters(where: string, network: Network, parameters: Parameters): void {
  checkTensors(`${where}: not the parameters of ${network.name}`, network.parameters, parameters);
}
