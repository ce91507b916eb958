// A dense layer and a convolution with values for their weights and inputs: what tests of operators multiply.

import { keyFromSeed, randomSequence } from '../src/base/random.ts';
import type { ConverterRanges } from '../src/crossbar/periphery.ts';
import { interpret } from '../src/graph/interpret.ts';
import type { ConvolutionGeometry } from '../src/graph/node.ts';
import { digital, type Layer, type Operator } from '../src/graph/operator.ts';
import type { GraphKey, Tensor } from '../src/graph/tensor.ts';
import { type Trace, trace } from '../src/graph/trace.ts';

export const denseLayer: Layer = { name: 'dense', kind: 'dense', shape: [20, 4] };
export const convolutionLayer: Layer = { name: 'convolution', kind: 'convolution', shape: [3, 3, 3, 4] };
export const geometry: ConvolutionGeometry = { stride: [1, 2], padding: [1, 1] };
/** Of the inputs of both. */
export const denseInputs: readonly number[] = [7, 20];
export const imageShape: readonly number[] = [2, 5, 6, 3];

const draw = randomSequence(keyFromSeed(17));

/** Standard normal values. */
export function normals(count: number): Float64Array {
  return Float64Array.from({ length: count }, draw.normal);
}

/** What the graphs of `products` are given. */
export const given: Readonly<
  Record<'x' | 'weights' | 'images' | 'filter', Float64Array> & Record<'key.0' | 'key.1', readonly number[]>
> = {
  x: normals(7 * 20),
  weights: normals(20 * 4),
  images: normals(2 * 5 * 6 * 3),
  filter: normals(3 * 3 * 3 * 4),
  'key.0': [5],
  'key.1': [6],
};

/** Makes an operator in a trace, from a key and the weights of the layers. */
export type OperatorMaker = (t: Trace, key: GraphKey, weights: (layer: Layer) => Tensor) => Operator;

/** A product of either layer. */
export type Products = { readonly dense: Float64Array; readonly convolution: Float64Array };

/** A dense product and a convolution through an operator. */
export function products(operator: OperatorMaker): Products {
  const graph = trace((t) => {
    const weights: Readonly<Record<string, Tensor>> = {
      dense: t.input('weights', denseLayer.shape),
      convolution: t.input('filter', convolutionLayer.shape),
    };
    const { multiply } = operator(t, t.key('key'), ({ name }) => weights[name]!);
    return {
      outputs: {
        dense: multiply(t.input('x', denseInputs), denseLayer),
        convolution: multiply(t.input('images', imageShape), convolutionLayer, geometry),
      },
    };
  });
  return interpret(graph, given).outputs as Products;
}

/** The exact products. */
export const exact: Products = products((_, __, weights) => digital(weights));

/** Ranges that are alike for all layers and clip nothing themselves. */
export function fixedRanges(input: number, output = 1): ConverterRanges {
  return { inputRange: (_, x) => ({ x, range: input }), outputRange: () => output };
}

/** The largest difference of two results. */
export function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

/** Tolerance of float64 sums of tens of terms of size 1. */
export const ROUNDING = 1e-12;
