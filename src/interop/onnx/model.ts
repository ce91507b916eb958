// A network of an ONNX file as plain data, after decoding: constants with their values, and nodes with plain attributes.
// decode.ts makes it, resolve.ts reduces it to what a network needs, description.ts keeps it in weights files.

import type { Shape } from '../../base/shape.ts';

/** What numbers of a tensor stand for. Numbers of all widths are one: the graph computes in float32. */
export type NumberKind = 'float' | 'int' | 'bool';

/** Values of a tensor on the host: floats as float32, everything else as numbers that float64 holds. */
export type Numbers = Float32Array | Float64Array;

/** A tensor of a file. */
export type HostValues = {
  readonly kind: NumberKind;
  readonly dims: Shape;
  readonly values: Numbers;
};

/** A value of an attribute; tensors and graphs only until `resolve`. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly tensor: HostValues }
  | { readonly graph: OnnxGraph }
  /** In a function: the attribute of the call. */
  | { readonly reference: string };

/** A node: names of its inputs, empty for those that are absent, and of its outputs. */
export type OnnxNode = {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
};

/** A declared size: a number, a name, or unknown. */
export type DeclaredSize = number | string | undefined;

/** A declared input or output. */
export type OnnxValueInfo = {
  readonly name: string;
  readonly kind: NumberKind | undefined;
  /** Undefined: nothing is said of its axes. */
  readonly dims: readonly DeclaredSize[] | undefined;
};

/** A graph, or a branch. */
export type OnnxGraph = {
  readonly nodes: readonly OnnxNode[];
  readonly constants: Readonly<Record<string, HostValues>>;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
};

/** A function of a model, by which a node may be replaced. */
export type OnnxFunction = {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly defaults: Readonly<Record<string, AttributeValue>>;
  readonly nodes: readonly OnnxNode[];
};

/** A whole model. */
export type OnnxModel = {
  readonly producer: string;
  /** Version of the standard operators. */
  readonly opset: number;
  readonly graph: OnnxGraph;
  /** By domain and name, `domain:name`. */
  readonly functions: Readonly<Record<string, OnnxFunction>>;
};

/** Makes a host tensor of whole numbers. */
export function wholeNumbers(values: readonly number[], dims: Shape = [values.length]): HostValues {
  return { kind: 'int', dims, values: Float64Array.from(values) };
}

/** An empty record whose names come from a file: without a prototype, so that every name is free. */
export function byName<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
