// Layers: small recipes that, given the shape of their input, name their parameters and the shape of their output.
// Shapes are those of one example, without the batch axis. Networks are sequences of layers (classifier.ts, models.ts,
// resnet.ts). A weight matrix is multiplied through the context's `multiply` only, so a layer runs on any hardware.

import { UsageError } from '../base/errors.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../base/shape.ts';
import type { Multiply } from '../graph/multiply.ts';
import { convolvedSize } from '../graph/shape-rules.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Initial, Mode, ParameterRole, ParameterSpec } from './model.ts';
import { normalizeByBatch, normalizeByMoments } from './normalization.ts';

/** What a layer computes with besides its input. */
export type LayerContext = {
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly multiply: Multiply;
  readonly mode: Mode;
};

/** What a layer computes: its value, and batch statistics under the names of the running parameters they update. */
export type LayerResult = { readonly value: Tensor; readonly statistics: Readonly<Record<string, Tensor>> };

/** A layer for inputs of a known shape. */
export type PlacedLayer = {
  readonly outputShape: Shape;
  readonly parameters: readonly ParameterSpec[];
  readonly apply: (x: Tensor, context: LayerContext) => LayerResult;
};

/** A recipe: from the shape of one input example to a layer for it. Throws `UsageError` for inputs it cannot take. */
export type Layer = (inputShape: Shape) => PlacedLayer;

/** Elementwise non-linearities. */
export type Activation = 'relu' | 'sigmoid' | 'tanh';

const activations: { readonly [A in Activation]: (x: Tensor) => Tensor } = {
  relu: (x) => x.relu(),
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
};

/** A named non-linearity. */
export function activation(kind: Activation): Layer {
  return (inputShape) => withoutParameters(inputShape, activations[kind]);
}

/**
 * y = x W + b. Parameters `name.weights` (in, out) and `name.bias` (out), both uniform in ±1/√in (PyTorch's default);
 * the bias is added digitally.
 *
 * @throws UsageError if the input has more than one axis
 */
export function dense({ name, outputs }: { readonly name: string; readonly outputs: number }): Layer {
  return (inputShape) => {
    const [inputs] = inputShape;
    if (inputs === undefined || inputShape.length !== 1) {
      throw new UsageError(
        `dense "${name}": expected an input of one axis, got ${formatShape(inputShape)}; flatten it`,
      );
    }
    const initial: Initial = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) };
    return {
      outputShape: [outputs],
      parameters: [
        parameter(name, 'weights', [inputs, outputs], initial),
        parameter(name, 'bias', [outputs], initial),
      ],
      apply: (x, { parameters, multiply }) => {
        const product = multiply.dense(x, parameters[`${name}.weights`]!, name);
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
}): Layer {
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
    return {
      outputShape: [...output, filters],
      parameters: bias ? [weights, biases] : [weights],
      apply: (x, { parameters, multiply }) => {
        const product = multiply.convolution(x, parameters[weights.name]!, name, geometry);
        return { value: bias ? product.add(parameters[biases.name]!) : product, statistics: {} };
      },
    };
  };
}

/**
 * Batch normalisation of the last axis (see normalization.ts). Parameters, each (channels): `name.scale`, `name.shift`,
 * and the running statistics `name.runningMean` and `name.runningVariance`.
 */
export function batchNormalization(name: string): Layer {
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
export function averagePool(size: number): Layer {
  return pool('averagePool', size, (windows, axes) => windows.mean(axes));
}

/** Maximum over windows of `size` x `size` that do not overlap; rows and columns that do not fill a window are dropped. */
export function maxPool(size: number): Layer {
  return pool('maxPool', size, (windows, axes) => windows.max(axes));
}

function pool(
  where: string,
  size: number,
  reduce: (windows: Tensor, axes: readonly number[]) => Tensor,
): Layer {
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
export const globalAveragePool: Layer = (inputShape) => {
  const [, , channels] = imageAxes('globalAveragePool', inputShape);
  return withoutParameters([channels], (x) => x.mean([1, 2]));
};

/** All axes in one: (h, w, c) → (h · w · c). */
export const flatten: Layer = (inputShape) => {
  const size = elementCount(inputShape);
  return withoutParameters([size], (x) => x.reshape([x.shape[0]!, size]));
};

/** The input itself. */
export const identity: Layer = (inputShape) => withoutParameters(inputShape, (x) => x);

/**
 * Every second row and column, with zero channels added evenly on both sides: a shortcut without parameters (option A
 * of He et al., CVPR 2016, Section 3.3).
 *
 * @throws UsageError if there are fewer output channels than input channels
 */
export function paddedShortcut(outputChannels: number): Layer {
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

/** Layers one after another. */
export function sequence(layers: readonly Layer[]): Layer {
  return (inputShape) => {
    const placed: PlacedLayer[] = [];
    let outputShape = inputShape;
    for (const layer of layers) {
      const next = layer(outputShape);
      placed.push(next);
      outputShape = next.outputShape;
    }
    return {
      outputShape,
      parameters: placed.flatMap(({ parameters }) => parameters),
      apply: (x, context) => {
        let result: LayerResult = { value: x, statistics: {} };
        for (const layer of placed) {
          const { value, statistics } = layer.apply(result.value, context);
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
export function residual({ body, shortcut }: { readonly body: Layer; readonly shortcut: Layer }): Layer {
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
      apply: (x, context) => {
        const [a, b] = [main.apply(x, context), side.apply(x, context)];
        return { value: a.value.add(b.value), statistics: { ...a.statistics, ...b.statistics } };
      },
    };
  };
}

function withoutParameters(outputShape: Shape, compute: (x: Tensor) => Tensor): PlacedLayer {
  return { outputShape, parameters: [], apply: (x) => ({ value: compute(x), statistics: {} }) };
}

function parameter(layer: string, role: ParameterRole, shape: Shape, initial: Initial): ParameterSpec {
  return { name: `${layer}.${role}`, shape, role, initial };
}

function imageAxes(where: string, shape: Shape): readonly [height: number, width: number, channels: number] {
  if (shape.length !== 3) {
    throw new UsageError(
      `${where}: expected an input of (height, width, channels), got ${formatShape(shape)}`,
    );
  }
  return shape as readonly [number, number, number];
}
