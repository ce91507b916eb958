// Convolutions as modules: of images, of sequences, channel by channel, and transposed. One geometry for all, from
// options that say sizes as one number or as a pair. A filter is (kernel rows, kernel columns, in / groups, out); that of
// a sequence has one kernel row.

import { throwFaults, UsageError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import type { ConvolutionGeometry, Margin, TransposedGeometry } from '../graph/node.ts';
import type { LayerGeometry, LayerKind } from '../graph/operator.ts';
import { convolvedSize, reachOf, transposedSize } from '../graph/shape-rules.ts';
import {
  imageAxes,
  layerOf,
  type Module,
  type PlacedModule,
  pairOf,
  parameter,
  type Sizes,
  sequenceAxes,
} from './module.ts';

type Pair = readonly [number, number];

/**
 * Zeros around an image: as many on all sides, or for the rows and the columns each as many on both sides or so many
 * before and after. `same`: as many as make the output ⌈size / stride⌉, the odd one after.
 */
export type Padding = number | 'same' | readonly [rows: Margin, columns: Margin];

/** What all convolutions have in common. */
type CommonOptions = {
  readonly name: string;
  readonly size: Sizes;
  readonly stride?: Sizes;
  /** Pixels from one kernel row, or column, to the next. */
  readonly dilation?: Sizes;
  /** Adds `name.bias` (filters), digitally. */
  readonly bias?: boolean;
};

/** Options of a convolution. */
export type ConvolutionOptions = CommonOptions & {
  readonly filters: number;
  readonly padding?: Padding;
  /** Group q of the filters sees group q of the channels alone. */
  readonly groups?: number;
};

/**
 * A convolution of images, (h, w, c) → (h′, w′, filters). Parameter `name.weights` (size, size, c / groups, filters),
 * He-normal; with `bias`, also `name.bias` (filters), uniform in ±1/√fan-in and added digitally.
 *
 * @throws UsageError if the input is not (h, w, c), the filter does not fit into it, or the groups divide channels or
 *         filters unevenly
 */
export function convolution(options: ConvolutionOptions): Module {
  return (inputShape) => {
    const where = `convolution "${options.name}"`;
    return placed(where, imageAxes(where, inputShape), options);
  };
}

/** Options of a convolution that keeps channels apart. */
export type DepthwiseOptions = CommonOptions & {
  readonly padding?: Padding;
  /** Filters for each channel. */
  readonly multiplier?: number;
};

/**
 * A convolution of each channel for itself, (h, w, c) → (h′, w′, c · multiplier): a `convolution` of as many groups as
 * channels. On a chip each channel has a matrix of size² rows.
 *
 * @throws UsageError if the input is not (h, w, c) or the filter does not fit into it
 */
export function depthwiseConvolution({ multiplier = 1, ...options }: DepthwiseOptions): Module {
  return (inputShape) => {
    const where = `depthwiseConvolution "${options.name}"`;
    const [height, width, channels] = imageAxes(where, inputShape);
    return placed(where, [height, width, channels], {
      ...options,
      filters: channels * multiplier,
      groups: channels,
    });
  };
}

/** Options of a convolution of sequences. */
export type Convolution1dOptions = {
  readonly name: string;
  readonly filters: number;
  readonly size: number;
  readonly stride?: number;
  /** As in `Padding`; `causal`: all before the sequence, so that no output sees what comes after it. */
  readonly padding?: Margin | 'same' | 'causal';
  readonly dilation?: number;
  readonly groups?: number;
  readonly bias?: boolean;
};

/**
 * A convolution of sequences, (length, c) → (length′, filters). Parameters as of `convolution`, with one kernel row:
 * `name.weights` (1, size, c / groups, filters).
 *
 * @throws UsageError if the input is not (length, c), the filter does not fit into it, or the groups divide channels or
 *         filters unevenly
 */
export function convolution1d({
  size,
  stride = 1,
  padding = 0,
  dilation = 1,
  ...options
}: Convolution1dOptions): Module {
  const causal: Margin = [reachOf(size, dilation) - 1, 0];
  return (inputShape) => {
    const where = `convolution1d "${options.name}"`;
    const [length, channels] = sequenceAxes(where, inputShape);
    const inner = placed(where, [1, length, channels], {
      ...options,
      size: [1, size],
      stride: [1, stride],
      padding: padding === 'same' ? 'same' : [0, padding === 'causal' ? causal : padding],
      dilation: [1, dilation],
    });
    const outputShape = inner.outputShape.slice(1);
    return {
      ...inner,
      outputShape,
      apply: (x, context) => {
        const [n] = x.shape as [number];
        const { value, statistics } = inner.apply(x.reshape([n, 1, length, channels]), context);
        return { value: value.reshape([n, ...outputShape]), statistics };
      },
    };
  };
}

/** Options of a transposed convolution. */
export type TransposedConvolutionOptions = CommonOptions & {
  readonly filters: number;
  /** Rows and columns that are taken away from the edges of the output. */
  readonly padding?: number | readonly [rows: Margin, columns: Margin];
  /** Rows and columns more at the end of the output, of those that the stride leaves open. */
  readonly outputPadding?: Sizes;
  readonly groups?: number;
};

/**
 * A transposed convolution, which makes images larger: (h, w, c) → (h′, w′, filters) with
 * h′ = (h − 1) · stride − padding on both sides + dilation · (size − 1) + 1 + output padding, as PyTorch's
 * ConvTranspose2d. Parameter `name.weights` (size, size, c / groups, filters), normal with variance 2 / fan-in, the fan-in
 * being the mean number of products in an output; with `bias`, also `name.bias` (filters), as of `convolution`.
 *
 * @throws UsageError if the input is not (h, w, c), the padding leaves nothing, or the groups divide channels or filters
 *         unevenly
 */
export function transposedConvolution({
  name,
  filters,
  size,
  stride = 1,
  padding = 0,
  outputPadding = 0,
  dilation = 1,
  groups = 1,
  bias = false,
}: TransposedConvolutionOptions): Module {
  const geometry: TransposedGeometry = {
    stride: pairOf(stride),
    padding: typeof padding === 'number' ? [padding, padding] : padding,
    dilation: pairOf(dilation),
    groups,
    outputPadding: pairOf(outputPadding),
  };
  return (inputShape) => {
    const where = `transposedConvolution "${name}"`;
    const [height, width, channels] = imageAxes(where, inputShape);
    requireGroups(where, channels, filters, groups);
    const kernel = pairOf(size);
    const output = transposedSize([height, width], kernel, geometry);
    if (Math.min(...output) < 1) {
      throw new UsageError(
        `${where}: of an input of ${formatShape(inputShape)} the padding leaves ${formatShape(output)}; use less`,
      );
    }
    const [down, across] = geometry.stride;
    const fanIn = (kernel[0] * kernel[1] * channels) / (groups * down * across);
    return withFilter({
      name,
      kind: 'transposed-convolution',
      filter: [...kernel, channels / groups, filters],
      output,
      geometry,
      fanIn,
      groups,
      bias,
    });
  };
}

function placed(
  where: string,
  [height, width, channels]: readonly [number, number, number],
  {
    name,
    filters,
    size,
    stride = 1,
    padding = 0,
    dilation = 1,
    groups = 1,
    bias = false,
  }: ConvolutionOptions,
): PlacedModule {
  requireGroups(where, channels, filters, groups);
  const kernel = pairOf(size);
  const steps = { stride: pairOf(stride), dilation: pairOf(dilation) };
  const geometry: ConvolutionGeometry = {
    ...steps,
    padding: paddingOf(padding, [height, width], kernel, steps),
    groups,
  };
  const output = convolvedSize([height, width], kernel, geometry);
  if (Math.min(...output) < 1) {
    throw new UsageError(
      `${where}: filter ${formatShape(kernel)} does not fit into an input of ${formatShape([height, width, channels])}; add padding or use larger images`,
    );
  }
  const perGroup = channels / groups;
  return withFilter({
    name,
    kind: 'convolution',
    filter: [...kernel, perGroup, filters],
    output,
    geometry,
    fanIn: kernel[0] * kernel[1] * perGroup,
    groups,
    bias,
  });
}

/** A module of one filter. */
function withFilter({
  name,
  kind,
  filter,
  output,
  geometry,
  fanIn,
  groups,
  bias,
}: {
  readonly name: string;
  readonly kind: LayerKind;
  readonly filter: readonly [number, number, number, filters: number];
  readonly output: Pair;
  readonly geometry: LayerGeometry;
  readonly fanIn: number;
  readonly groups: number;
  readonly bias: boolean;
}): PlacedModule {
  const filters = filter[3];
  const weights = parameter(name, 'weights', filter, { kind: 'he-normal', fanIn });
  const biases = parameter(name, 'bias', [filters], { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) });
  const layer = layerOf(name, kind, weights, groups);
  return {
    outputShape: [...output, filters],
    parameters: bias ? [weights, biases] : [weights],
    layers: [layer],
    apply: (x, { parameters, operator }) => {
      const product = operator.multiply(x, layer, geometry);
      return { value: bias ? product.add(parameters[biases.name]!) : product, statistics: {} };
    },
  };
}

/** The zeros on either side of rows and columns. */
function paddingOf(
  padding: Padding,
  image: Pair,
  kernel: Pair,
  { stride, dilation }: { readonly stride: Pair; readonly dilation: Pair },
): readonly [Margin, Margin] {
  if (typeof padding === 'number') return [padding, padding];
  if (padding !== 'same') return padding;
  const along = (k: 0 | 1): Margin => {
    const covered = (Math.ceil(image[k] / stride[k]) - 1) * stride[k] + reachOf(kernel[k], dilation[k]);
    const total = Math.max(0, covered - image[k]);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  return [along(0), along(1)];
}

function requireGroups(where: string, channels: number, filters: number, groups: number): void {
  const fits = Number.isInteger(groups) && groups >= 1 && channels % groups === 0 && filters % groups === 0;
  throwFaults(
    where,
    fits
      ? []
      : [
          `groups must divide channels and filters, got ${groups} groups, ${channels} channels and ${filters} filters`,
        ],
  );
}
