// An imported network as plain data: its nodes, the numbers that shape it, and which tensors are its parameters, without their
// values. Weights files carry it as a text, so that a network can be rebuilt from its own file.

import { z } from 'zod';
import { messageOf, UsageError } from '../../base/errors.ts';
import { check, type Json } from '../../base/schema.ts';
import type { Shape } from '../../base/shape.ts';
import type { NetworkInput } from './inputs.ts';
import type { NumberKind } from './model.ts';

/** A node of a description. */
export type DescribedNode = {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, number | string | readonly number[] | readonly string[]>>;
};

/** A tensor that is known. */
export type DescribedConstant = {
  readonly kind: NumberKind;
  readonly dims: Shape;
  /** Name of the tensor of the file that it was made of. */
  readonly label: string;
  readonly isStored: boolean;
  /** Absent: only parameters are made of it. */
  readonly values?: readonly number[] | undefined;
};

/** An output of the network. */
export type NetworkOutput = { readonly name: string; readonly as: string };

/** An imported network without its parameters. */
export type OnnxDescription = {
  readonly format: 'ohmic-onnx-1';
  readonly name: string;
  readonly opset: number;
  readonly inputs: readonly NetworkInput[];
  readonly outputs: readonly NetworkOutput[];
  readonly nodes: readonly DescribedNode[];
  readonly constants: Readonly<Record<string, DescribedConstant>>;
  /** Layers whose outputs are normalised again: see restore-normalization.ts. */
  readonly restored: readonly string[];
};

const size = z.int().min(0);
const kind = z.enum(['float', 'int', 'bool']);
// Bounds and masks may be infinite.
const number = z.custom<number>((value) => typeof value === 'number', 'expected a number');

const descriptionSchema: z.ZodType<OnnxDescription> = z.strictObject({
  format: z.literal('ohmic-onnx-1'),
  name: z.string(),
  opset: z.int(),
  inputs: z.array(
    z.strictObject({
      name: z.string(),
      as: z.string(),
      kind,
      dims: z.array(size),
      batchAxis: size,
      channelsLast: z.boolean(),
    }),
  ),
  outputs: z.array(z.strictObject({ name: z.string(), as: z.string() })),
  nodes: z.array(
    z.strictObject({
      name: z.string(),
      op: z.string(),
      inputs: z.array(z.string()),
      outputs: z.array(z.string()),
      attributes: z.record(z.string(), z.union([number, z.string(), z.array(number), z.array(z.string())])),
    }),
  ),
  constants: z.record(
    z.string(),
    z.strictObject({
      kind,
      dims: z.array(size),
      label: z.string(),
      isStored: z.boolean(),
      values: z.array(number).optional(),
    }),
  ),
  restored: z.array(z.string()),
});

/** Infinities and NaN, which JSON has not. */
const SPECIAL: Readonly<Record<string, number>> = {
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
};

/** The text of a description. */
export function descriptionText(description: OnnxDescription): string {
  return JSON.stringify(description, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? { special: String(value) } : value,
  );
}

/**
 * The description of a text.
 *
 * @throws UsageError if it is damaged or of another version
 */
export function parseDescription(where: string, text: string): OnnxDescription {
  let raw: Json;
  try {
    raw = JSON.parse(text, (_, value: unknown) => {
      const special = (value as { readonly special?: string } | null)?.special;
      return special !== undefined && Object.hasOwn(SPECIAL, special) ? SPECIAL[special] : value;
    }) as Json;
  } catch (thrown) {
    throw new UsageError(`${where}: the description of its network is damaged (${messageOf(thrown)})`);
  }
  return check(descriptionSchema, `${where}: the description of its network`, raw);
}
