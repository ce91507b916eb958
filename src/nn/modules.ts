// Modules, the parts of networks: recipes that, for the shape of their input, list their parameters and the shape of
// their output. Shapes are those of one example, without the batch axis. define-network.ts makes networks of them.
// Weights are multiplied through the context's operator only, so a module runs on any hardware.

import { UsageError } from '../base/errors.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../base/shape.ts';
import type { Layer, LayerKind } from '../graph/operator.ts';
import { convolvedSize } from '../graph/shape-rules.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Context, Initial, ParameterRole, ParameterSpec } from './network.ts';
import { normalizeByBatch, normalizeByMoments } from './normalization.ts';

/** The arguments of a module besides its input. */
export type ModuleContext = Omit<Context, 'inputs'>;

/**
 * The results of a module: its value, and batch statistics under the names of the running parameters that they update.
 */
export type ModuleResult = { readonly value: Tensor; readonly statistics: Readonly<Record<string, Tensor>> };

/** A module for inputs of a known shape. */
export type PlacedModule = {
  readonly outputShape: Shape;
  readonly parameters: readonly ParameterSpec[];
  /** The weights that its operator multiplies by. */
  readonly layers: readonly Layer[];
  readonly apply: (x: Tensor, context: ModuleContext) => ModuleResult;
};

/**
 * A recipe: from the shape of one input example to a module for it. Throws `UsageError` for shapes that it cannot take.
 */
export type Module = (inputShape: Shape) => PlacedModule;

/** Elementwise non-linearities. */
export type Activation = 'relu' | 'sigmoid' | 'tanh';

const activations: { readonly [A in Activation]: (x: Tensor) => Tensor } = {
  relu: (x) => x.relu(),
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
};

/** A named non-linearity. */
export function activation(kind: Activation): Module {
  return (inputShape) => withoutParameters(inputShape, activations[kind]);
}

/**
 * y = x W + b. Parameters `name.weights` (in, out) and `name.bias` (out), both uniform in ±1/√in (PyTorch's default);
 * the bias is added digitally.
 *
 * @throws UsageError if the input has more than one axis
 */
export function dense({ name, outputs }: { readonly name: string; readonly outputs: number }): Module {
  return (inputShape) => {
    const [inputs] = inputShape;
    if (inputs === undefined || inputShape.length !== 1) {
      throw new UsageError(
        `dense "${name}": expected an input of one axis, got ${formatShape(inputShape)}; flatten it`,
      );
    }
    const initial: Initial = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) };
    const weights = parameter(name, 'weights', [inputs, outputs], initial);
    const layer = layerOf(name, 'dense', weights);
    return {
      outputShape: [outputs],
      parameters: [weights, parameter(name, 'bias', [outputs], initial)],
      layers: [layer],
      apply: (x, { parameters, operator }) => {
        const product = operator.multiply(x, layer);
        return { value: product.add(parameters[`${name}.bias`]!), statistics: {} };
      },
    };
  };
}

/**
 * A convolution with square filters. Parameter `name.weights` (size, size, in, filters), He-normal; with `bias`, also
 * `name.bias` (filters), uniform in ±1/√fan-in and added digitally.
 *
 * @throws UsageError if the input is not (h, w, c) or the filter does not fit into it
 */
export function convolution({
  name,
  filters,
  size,
  stride = 1,
  padding = 0,
  bias = false,
}: {
  readonly name: string;
  readonly filters: number;
  readonly size: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
}): Module {
  const geometry = { stride: [stride, stride], padding: [padding, padding] } as const;
  return (inputShape) => {
    const [height, width, channels] = imageAxes(`convolution "${name}"`, inputShape);
    const output = convolvedSize([height, width], [size, size], geometry);
    if (Math.min(...output) < 1) {
      throw new UsageError(
        `convolution "${name}": filter (${size}, ${size}) does not fit into an input of ${formatShape(inputShape)}; add padding or use larger images`,
      );
    }
    const fanIn = size * size * channels;
    const weights = parameter(name, 'weights', [size, size, channels, filters], { kind: 'he-normal', fanIn });
    const biases = parameter(name, 'bias', [filters], { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) });
    const layer = layerOf(name, 'convolution', weights);
    return {
      outputShape: [...output, filters],
      parameters: bias ? [weights, biases] : [weights],
      layers: [layer],
      apply: (x, { parameters, operator }) => {
        const product = operator.multiply(x, layer, geometry);
        return { value: bias ? product.add(parameters[biases.name]!) : product, statistics: {} };
      },
    };
  };
}

/**
 * Batch normalisation of the last axis (see normalization.ts). Parameters, each (channels): `name.scale`, `name.shift`,
 * and the running statistics `name.runningMean` and `name.runningVariance`.
 */
export function batchNormalization(name: string): Module {
  return (inputShape) => {
    const channels = inputShape.slice(-1);
    const specs = {
      scale: parameter(name, 'scale', channels, { kind: 'constant', value: 1 }),
      shift: parameter(name, 'shift', channels, { kind: 'constant', value: 0 }),
      mean: parameter(name, 'runningMean', channels, { kind: 'constant', value: 0 }),
      variance: parameter(name, 'runningVariance', channels, { kind: 'constant', value: 1 }),
    };
    return {
      outputShape: inputShape,
      parameters: Object.values(specs),
      layers: [],
      apply: (x, { parameters, mode }) => {
        const scaleAndShift = { scale: parameters[specs.scale.name]!, shift: parameters[specs.shift.name]! };
        if (mode.kind === 'inference') {
          const moments = { mean: parameters[specs.mean.name]!, variance: parameters[specs.variance.name]! };
          return { value: normalizeByMoments(x, scaleAndShift, moments), statistics: {} };
        }
        const { y, moments } = normalizeByBatch(x, scaleAndShift, parameters[specs.mean.name]!);
        const statistics = { [specs.mean.name]: moments.mean, [specs.variance.name]: moments.variance };
        return { value: y, statistics };
      },
    };
  };
}

/** Mean over windows of `size` x `size` that do not overlap; rows and columns that do not fill a window are dropped. */
export function averagePool(size: number): Module {
  return pool('averagePool', size, (windows, axes) => windows.mean(axes));
}

/**
 * Maximum over windows of `size` x `size` that do not overlap; rows and columns that do not fill a window are dropped.
 */
export function maxPool(size: number): Module {
  return pool('maxPool', size, (windows, axes) => windows.max(axes));
}

function pool(
  where: string,
  size: number,
  reduce: (windows: Tensor, axes: readonly number[]) => Tensor,
): Module {
  return (inputShape) => {
    const [height, width, channels] = imageAxes(where, inputShape);
    const [rows, columns] = [Math.floor(height / size), Math.floor(width / size)];
    if (Math.min(rows, columns) < 1) {
      throw new UsageError(
        `${where}: a window of ${size} x ${size} does not fit into ${formatShape(inputShape)}`,
      );
    }
    return withoutParameters([rows, columns, channels], (x) => {
      const batch = x.shape[0]!;
      const whole = x.slice([0, 0, 0, 0], [batch, rows * size, columns * size, channels]);
      return reduce(whole.reshape([batch, rows, size, columns, size, channels]), [2, 4]);
    });
  };
}

/** Mean over all pixels: (h, w, c) → (c). */
export const globalAveragePool: Module = (inputShape) => {
  const [, , channels] = imageAxes('globalAveragePool', inputShape);
  return withoutParameters([channels], (x) => x.mean([1, 2]));
};

/** All axes merged into one: (h, w, c) → (h · w · c). */
export const flatten: Module = (inputShape) => {
  const size = elementCount(inputShape);
  return withoutParameters([size], (x) => x.reshape([x.shape[0]!, size]));
};

/** The input itself. */
export const identity: Module = (inputShape) => withoutParameters(inputShape, (x) => x);

/**
 * Every second row and column, with zero channels added evenly on both sides: a shortcut without parameters (option A
 * of He et al., CVPR 2016, Section 3.3).
 *
 * @throws UsageError if there are fewer output channels than input channels
 */
export function paddedShortcut(outputChannels: number): Module {
  return (inputShape) => {
    const [height, width, channels] = imageAxes('paddedShortcut', inputShape);
    const added = outputChannels - channels;
    if (added < 0) {
      throw new UsageError(
        `paddedShortcut: expected at least ${channels} output channels, got ${outputChannels}`,
      );
    }
    const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    const before = Math.floor(added / 2);
    return withoutParameters([rows, columns, outputChannels], (x) => {
      const batch = x.shape[0]!;
      const even = x.pad([0, 0, 0, 0], [0, 2 * rows - height, 2 * columns - width, 0]);
      const pairs = even.reshape([batch, rows, 2, columns, 2, channels]);
      const kept = pairs.slice([0, 0, 0, 0, 0, 0], [batch, rows, 1, columns, 1, channels]);
      return kept.reshape([batch, rows, columns, channels]).pad([0, 0, 0, before], [0, 0, 0, added - before]);
    });
  };
}

/** Modules in sequence. */
export function sequence(modules: readonly Module[]): Module {
  return (inputShape) => {
    const placed: PlacedModule[] = [];
    let outputShape = inputShape;
    for (const module of modules) {
      const next = module(outputShape);
      placed.push(next);
      outputShape = next.outputShape;
    }
    return {
      outputShape,
      parameters: placed.flatMap(({ parameters }) => parameters),
      layers: placed.flatMap(({ layers }) => layers),
      apply: (x, context) => {
        let result: ModuleResult = { value: x, statistics: {} };
        for (const module of placed) {
          const { value, statistics } = module.apply(result.value, context);
          result = { value, statistics: { ...result.statistics, ...statistics } };
        }
        return result;
      },
    };
  };
}

/**
 * body(x) + shortcut(x), added digitally.
 *
 * @throws UsageError if the two differ in shape
 */
export function residual({ body, shortcut }: { readonly body: Module; readonly shortcut: Module }): Module {
  return (inputShape) => {
    const [main, side] = [body(inputShape), shortcut(inputShape)];
    if (!sameShape(main.outputShape, side.outputShape)) {
      throw new UsageError(
        `residual: body ${formatShape(main.outputShape)} and shortcut ${formatShape(side.outputShape)} differ in shape; project the shortcut`,
      );
    }
    return {
      outputShape: main.outputShape,
      parameters: [...main.parameters, ...side.parameters],
      layers: [...main.layers, ...side.layers],
      apply: (x, context) => {
        const [a, b] = [main.apply(x, context), side.apply(x, context)];
        return { value: a.value.add(b.value), statistics: { ...a.statistics, ...b.statistics } };
      },
    };
  };
}

function withoutParameters(outputShape: Shape, compute: (x: Tensor) => Tensor): PlacedModule {
  return { outputShape, parameters: [], layers: [], apply: (x) => ({ value: compute(x), statistics: {} }) };
}

function parameter(layer: string, role: ParameterRole, shape: Shape, initial: Initial): ParameterSpec {
  return { name: `${layer}.${role}`, shape, role, initial };
}

/** The layer whose weights a parameter holds. */
function layerOf(name: string, kind: LayerKind, { shape }: ParameterSpec): Layer {
  return { name, kind, shape };
}

function imageAxes(where: string, shape: Shape): readonly [height: number, width: number, channels: number] {
  if (shape.length !== 3) {
    throw new UsageError(
      `${where}: expected an input of (height, width, channels), got ${formatShape(shape)}`,
    );
  }
  return shape as readonly [number, number, number];
}
