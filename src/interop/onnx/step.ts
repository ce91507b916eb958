// What the builder of one node is given: inputs, attributes, and the world in which the graph is built, which owns
// parameters and weights. Builders are the tables of the files beside operators.ts.

import { UsageError } from '../../base/errors.ts';
import { elementCount, formatShape, type Shape } from '../../base/shape.ts';
import type { Layer, LayerGeometry, LayerKind } from '../../graph/operator.ts';
import { type Builder, constant, type Tensor } from '../../graph/tensor.ts';
import type { Mode, ParameterRole } from '../../nn/network.ts';
import type { AttributeValue, Numbers, OnnxNode } from './model.ts';
import {
  dimsOf,
  type Host,
  hostValue,
  inOrder,
  lastChannels,
  type Symbolic,
  symbolic,
  type Value,
} from './value.ts';

/** A parameter that a node asks for. */
export type ParameterRequest = {
  readonly host: Host;
  readonly role: ParameterRole | 'constant';
  /** Part of the name before the role; absent: from the names of value and node. */
  readonly base?: string;
  readonly shape: Shape;
  /** The values of the parameter from those of the file; absent: the same. */
  readonly arrange?: (values: Numbers) => Float32Array;
  /** Tells arrangements of one value apart. */
  readonly variant?: string;
};

/** Weights that a node multiplies by. */
export type LayerRequest = Omit<ParameterRequest, 'role'> & {
  readonly kind: LayerKind;
  readonly groups?: number;
};

/** Where the graph is built: for a trace of a network, or to compute constants. */
export type World = {
  readonly builder: Builder;
  readonly mode: Mode;
  readonly parameter: (request: ParameterRequest, node: OnnxNode) => Tensor;
  readonly layer: (request: LayerRequest, node: OnnxNode) => Layer;
  readonly multiply: (x: Tensor, layer: Layer, geometry?: LayerGeometry) => Tensor;
  /** Takes note of batch statistics under the names of running parameters. */
  readonly note: (name: string, statistics: Tensor) => void;
  /** True for a layer whose output is normalised, as before its normalisation was folded into it. */
  readonly isRestored: (layer: string) => boolean;
  /** Names of a normalisation's parameters. */
  readonly normalizationName: (host: Host, node: OnnxNode) => string;
};

/** Most elements of a tensor at any place of a network, for one batch: beyond it nothing could be computed. */
export const MOST_ELEMENTS: number = 2 ** 31;

/** Most parts that a node is unrolled into: steps of a recurrence, places of a window. */
export const MOST_PARTS = 4096;

/** A node with its inputs. */
export class Step {
  readonly node: OnnxNode;
  readonly opset: number;
  readonly inputs: readonly (Value | undefined)[];
  readonly world: World;

  constructor(node: OnnxNode, opset: number, inputs: readonly (Value | undefined)[], world: World) {
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.world = world;
  }

  /** An error of this node. */
  fault(message: string): UsageError {
    return new UsageError(message);
  }

  has(k: number): boolean {
    return this.inputs[k] !== undefined;
  }

  /** Input k; throws UsageError if there is none. */
  value(k: number): Value {
    const value = this.inputs[k];
    if (value === undefined) throw this.fault(`input ${k} is missing`);
    return value;
  }

  dims(k: number): Shape {
    return dimsOf(this.value(k));
  }

  /** Input k as known numbers; throws UsageError if the network computes it. */
  host(k: number): Host {
    const value = this.value(k);
    if (value.where === 'host') return value;
    throw this.fault(
      `input ${k} depends on the data, expected one that is known when the network is imported`,
    );
  }

  /** Input k as a list of whole numbers, or undefined if it is absent. */
  list(k: number): number[] | undefined {
    return this.has(k) ? Array.from(this.host(k).values()) : undefined;
  }

  /** Input k as one known number. */
  number(k: number, otherwise?: number): number {
    if (!this.has(k) && otherwise !== undefined) return otherwise;
    const host = this.host(k);
    if (elementCount(host.dims) !== 1)
      throw this.fault(`input ${k} is ${formatShape(host.dims)}, expected one number`);
    return host.values()[0]!;
  }

  /** Input k as a value of the graph; known numbers become constants or parameters of a role. */
  symbol(k: number, role: ParameterRequest['role'] = 'constant'): Symbolic {
    return this.lift(this.value(k), role);
  }

  /** Input k with the axes of ONNX. */
  tensor(k: number, role?: ParameterRequest['role']): Tensor {
    return inOrder(this.symbol(k, role));
  }

  /** Input k with its channels, axis 1, last. */
  channelsLast(k: number): Tensor {
    return lastChannels(this.symbol(k));
  }

  /** A value of the graph. */
  lift(value: Value, role: ParameterRequest['role'] = 'constant'): Symbolic {
    if (value.where === 'graph') return value;
    const { dims, kind } = value;
    const count = elementCount(dims);
    if (count === 0)
      throw this.fault(`a tensor ${formatShape(dims)} without elements can't be computed with`);
    const numbers = value.isStored && count > 1 ? undefined : value.values();
    const isUniform = numbers?.every((one) => one === numbers[0]) ?? false;
    const tensor = isUniform
      ? constant(this.world, numbers![0]!)
          .reshape(dims.map(() => 1))
          .broadcastTo(dims)
      : this.world.parameter({ host: value, role, shape: dims }, this.node);
    return symbolic(kind === 'bool' ? tensor.cast('bool') : tensor, kind);
  }

  private attribute(name: string): AttributeValue | undefined {
    return this.node.attributes[name];
  }

  hasAttribute(name: string): boolean {
    return this.attribute(name) !== undefined;
  }

  /** A number among the attributes. */
  numberOf(name: string, otherwise: number): number {
    const value = this.attribute(name);
    if (value === undefined) return otherwise;
    if (typeof value !== 'number') throw this.fault(`attribute ${name} is no number`);
    return value;
  }

  /** A list of numbers among the attributes; undefined if it is absent. */
  numbersOf(name: string): readonly number[] | undefined {
    const value = this.attribute(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((one) => typeof one !== 'number'))
      throw this.fault(`attribute ${name} is no list of numbers`);
    return value as readonly number[];
  }

  /** A text among the attributes. */
  textOf(name: string, otherwise: string): string {
    const value = this.attribute(name);
    if (value === undefined) return otherwise;
    if (typeof value !== 'string') throw this.fault(`attribute ${name} is no text`);
    return value;
  }

  /** Texts among the attributes; undefined if they are absent. */
  textsOf(name: string): readonly string[] | undefined {
    const value = this.attribute(name);
    return Array.isArray(value) ? value.map(String) : undefined;
  }

  /** An axis, which may count from the end. */
  axis(axis: number, rank: number): number {
    const from0 = axis < 0 ? axis + rank : axis;
    if (Number.isInteger(axis) && from0 >= 0 && from0 < rank) return from0;
    throw this.fault(`axis ${axis} is outside a tensor of ${rank} axes`);
  }

  /** Axes of an attribute before a version, of an input since. */
  axesOf(k: number, since: number, rank: number): number[] | undefined {
    const given = this.opset >= since ? this.list(k) : this.numbersOf('axes');
    return given?.map((axis) => this.axis(axis, rank));
  }
}

/** What builders make of a node: its outputs, in order. */
export type NodeBuilder = (step: Step) => Value | readonly (Value | undefined)[];

/** Builders by operator. */
export type Operators = Readonly<Record<string, NodeBuilder>>;

/** Whole numbers that a node computed of sizes. */
export function sizes(values: readonly number[], dims: Shape = [values.length], isSized = true): Host {
  return hostValue(Float64Array.from(values), dims, { isSized });
}
