// A training state, or trained weights, as a file's bytes: tensors plus the provenance of the run.

import { z } from 'zod';
import { sha256 } from '../base/digest.ts';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import type { Parameters } from '../base/parameters.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import { isTrained, type Model } from '../nn/model.ts';
import type { TrainingState } from './fit.ts';
import { type Provenance, provenanceSchema } from './provenance.ts';
import { decodeTensors, encodeTensors } from '../interop/safetensors.ts';
import { momentumName } from './step.ts';

/** Trained parameters with their provenance. */
export type TrainedNetwork = { readonly parameters: Parameters; readonly provenance: Provenance };

/** A run under way, with its provenance so far. */
export type Checkpoint = { readonly state: TrainingState; readonly provenance: Provenance };

/** What a checkpoint knows of its progress beside the history. */
type Progress = Pick<TrainingState, 'step' | 'running'>;

const progressSchema: z.ZodType<Progress> = z.strictObject({
  step: z.int().min(0),
  running: z.strictObject({ loss: z.number(), correct: z.number() }),
});

const CHECKPOINT_FORMAT = 'ohmic-checkpoint-1';
const WEIGHTS_FORMAT = 'ohmic-weights-1';

/** A checkpoint as a safetensors file. */
export function encodeCheckpoint({ state, provenance }: Checkpoint): Promise<Uint8Array<ArrayBuffer>> {
  const { tensors, step, running, history } = state;
  return encodeTensors({
    tensors,
    metadata: {
      format: CHECKPOINT_FORMAT,
      provenance: JSON.stringify({ ...provenance, history }),
      progress: JSON.stringify({ step, running }),
    },
  });
}

/** Trained weights as a safetensors file. */
export function encodeWeights({ parameters, provenance }: TrainedNetwork): Promise<Uint8Array<ArrayBuffer>> {
  return encodeTensors({
    tensors: parameters,
    metadata: { format: WEIGHTS_FORMAT, provenance: JSON.stringify(provenance) },
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
  return { state: { step, running, tensors, history: provenance.history }, provenance };
}

/**
 * Reads trained weights, from a weights file or out of a checkpoint.
 *
 * @throws UsageError if the file is damaged or has no provenance
 */
export async function decodeWeights(file: string, bytes: Uint8Array): Promise<TrainedNetwork> {
  const { tensors, metadata } = await decodeTensors(file, bytes);
  const names = Object.keys(tensors).filter((name) => !name.endsWith(momentumName('')));
  return {
    parameters: Object.fromEntries(names.map((name) => [name, tensors[name]!])),
    provenance: readProvenance(file, metadata),
  };
}

function readProvenance(file: string, metadata: Readonly<Record<string, string>>): Provenance {
  const text = metadata['provenance'];
  if (text === undefined)
    throw new UsageError(`${file}: it does not say what it was trained on; use a file that ohmic wrote`);
  return parsed(file, provenanceSchema, text);
}

function parsed<T>(file: string, schema: z.ZodType<T>, text: string): T {
  const damaged = (what: string): UsageError =>
    new UsageError(`${file}: its metadata are damaged (${what}); use an earlier file`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw damaged(messageOf(thrown));
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const { path, message } = checked.error.issues[0]!;
  throw damaged([...path.map(String), message].join(': '));
}

/** SHA-256 of parameters: of the safetensors file that holds nothing else. */
export async function parametersDigest(parameters: Parameters): Promise<string> {
  return sha256(await encodeTensors({ tensors: parameters, metadata: {} }));
}

/**
 * Checks that tensors are those of a model.
 *
 * @throws UsageError that lists every missing and every wrong tensor
 */
export function checkParameters(where: string, model: Model, tensors: Parameters, withMomenta = false): void {
  const faults: string[] = [];
  for (const spec of model.parameters) {
    const names = withMomenta && isTrained(spec) ? [spec.name, momentumName(spec.name)] : [spec.name];
    for (const name of names) {
      const tensor = tensors[name];
      if (tensor === undefined) faults.push(`"${name}" ${formatShape(spec.shape)} is missing`);
      else if (!sameShape(tensor.shape, spec.shape)) {
        faults.push(`"${name}" must have shape ${formatShape(spec.shape)}, got ${formatShape(tensor.shape)}`);
      }
    }
  }
  throwFaults(`${where}: not the parameters of ${model.name}`, faults);
}
