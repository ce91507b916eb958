// What a module is: a small recipe that, given the shape of its input, names its parameters and the shape of its output.
// Shapes are those of one example, without the batch axis. Networks are made of modules (define-network.ts). Weights are
// multiplied through the context's operator only, so a module runs on any hardware. Left out: the modules themselves.

import { UsageError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import type { Layer, LayerKind } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { CarriedSpec, Context, Initial, ParameterRole, ParameterSpec } from './network.ts';

/** What a module computes with besides its input. */
export type ModuleContext = Omit<Context, 'inputs'>;

/**
 * What a module computes: its value, batch statistics under the names of the running parameters they update, and what it
 * carries to the next window.
 */
export type ModuleResult = {
  readonly value: Tensor;
  readonly statistics: Readonly<Record<string, Tensor>>;
  readonly carried?: Readonly<Record<string, Tensor>>;
};

/** A module for inputs of a known shape. */
export type PlacedModule = {
  readonly outputShape: Shape;
  readonly parameters: readonly ParameterSpec[];
  /** The weights that its operator multiplies by. */
  readonly layers: readonly Layer[];
  /** What it carries from window to window; absent: nothing. */
  readonly carried?: readonly CarriedSpec[];
  readonly apply: (x: Tensor, context: ModuleContext) => ModuleResult;
};

/** A recipe: from the shape of one input example to a module for it. Throws `UsageError` for inputs it cannot take. */
export type Module = (inputShape: Shape) => PlacedModule;

/** Parameters, layers and carried states of modules that make up another one. */
export function partsOf(
  placed: readonly PlacedModule[],
): Required<Pick<PlacedModule, 'parameters' | 'layers' | 'carried'>> {
  return {
    parameters: placed.flatMap(({ parameters }) => parameters),
    layers: placed.flatMap(({ layers }) => layers),
    carried: placed.flatMap(({ carried = [] }) => carried),
  };
}

/** What several modules compute beside their values. */
export function sideResults(
  results: readonly ModuleResult[],
): Required<Pick<ModuleResult, 'statistics' | 'carried'>> {
  return {
    statistics: Object.assign({}, ...results.map(({ statistics }) => statistics)),
    carried: Object.assign({}, ...results.map(({ carried }) => carried)),
  };
}

/** A size along the rows and the columns: one number for both, or a pair. */
export type Sizes = number | readonly [rows: number, columns: number];

/** The pair that sizes stand for. */
export function pairOf(sizes: Sizes): readonly [rows: number, columns: number] {
  return typeof sizes === 'number' ? [sizes, sizes] : sizes;
}

/** A placed module that has nothing to train. */
export function withoutParameters(outputShape: Shape, compute: (x: Tensor) => Tensor): PlacedModule {
  return { outputShape, parameters: [], layers: [], apply: (x) => ({ value: compute(x), statistics: {} }) };
}

/** A parameter of a layer, named by its role. */
export function parameter(layer: string, role: ParameterRole, shape: Shape, initial: Initial): ParameterSpec {
  return { name: `${layer}.${role}`, shape, role, initial };
}

/** The layer whose weights a parameter holds. */
export function layerOf(name: string, kind: LayerKind, { shape }: ParameterSpec, groups = 1): Layer {
  return { name, kind, shape, ...(groups > 1 && { groups }) };
}

/** The axes of an image; throws `UsageError` for any other shape. */
export function imageAxes(
  where: string,
  shape: Shape,
): readonly [height: number, width: number, channels: number] {
  if (shape.length !== 3) {
    throw new UsageError(
      `${where}: expected an input of (height, width, channels), got ${formatShape(shape)}`,
    );
  }
  return shape as readonly [number, number, number];
}

/** The axes of a sequence; throws `UsageError` for any other shape. */
export function sequenceAxes(where: string, shape: Shape): readonly [length: number, channels: number] {
  if (shape.length !== 2) {
    throw new UsageError(`${where}: expected an input of (length, channels), got ${formatShape(shape)}`);
  }
  return shape as readonly [number, number];
}

/** The length of a sequence of symbols; throws `UsageError` for any other shape. */
export function symbolAxis(where: string, shape: Shape): number {
  if (shape.length !== 1)
    throw new UsageError(`${where}: expected an input of (length) symbols, got ${formatShape(shape)}`);
  return shape[0]!;
}
