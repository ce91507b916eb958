// ONNX Runtime as the oracle of tests, and small ONNX files written for it. Where its library can't be loaded, tests that need
// it are skipped.

import assert from 'node:assert/strict';
import type { Parameters } from '../../base/parameters.ts';
import { elementCount, type Shape } from '../../base/shape.ts';
import { interpret } from '../../graph/interpret.ts';
import { digital, weightsOf } from '../../graph/operator.ts';
import { trace } from '../../graph/trace.ts';
import { digitalStates, type Network } from '../../nn/network.ts';
import { encodeModel, nodeMessage, tensorMessage, valueInfo, type WrittenNode } from './encode.ts';
import { importOnnx, type OnnxOptions } from './import-onnx.ts';
import { axisToFront } from './inputs.ts';
import type { HostValues, NumberKind } from './model.ts';
import { permuted } from './value.ts';

const runtime = await import('onnxruntime-node').then(
  (module) => module,
  () => undefined,
);

/** For tests that need the oracle. */
export const needsOracle: { readonly skip: string | false } = {
  skip: runtime === undefined && 'onnxruntime-node can not be loaded here',
};

/** Draws that a seed determines, from −1 to 1: Park and Miller, Commun. ACM 31:1192 (1988). */
export function drawsOf(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  };
}

/** Floats of a shape. */
export function floats(draw: () => number, dims: Shape): HostValues {
  return { kind: 'float', dims, values: Float32Array.from({ length: elementCount(dims) }, draw) };
}

/** Whole numbers. */
export function wholes(values: readonly number[], dims: Shape = [values.length]): HostValues {
  return { kind: 'int', dims, values: Float64Array.from(values) };
}

/** A file to write. */
export type Sketch = {
  readonly opset?: number;
  /** Sizes with the batch first. */
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly kinds?: Readonly<Record<string, NumberKind>>;
  readonly constants?: Readonly<Record<string, HostValues>>;
  readonly nodes: readonly WrittenNode[];
  readonly outputs: readonly string[];
};

/** The bytes of a file. */
export function writeSketch({
  opset = 17,
  inputs,
  kinds = {},
  constants = {},
  nodes,
  outputs,
}: Sketch): Uint8Array<ArrayBuffer> {
  return encodeModel({
    opset,
    graph: {
      name: 'sketch',
      node: nodes.map(nodeMessage),
      initializer: Object.entries(constants).map(([name, values]) => tensorMessage(name, values)),
      input: Object.entries(inputs).map(([name, dims]) => valueInfo(name, dims, kinds[name])),
      output: outputs.map((name) => ({ name, type: { tensorType: { elemType: 1 } } })),
    },
  });
}

/** Values by name, with their sizes. */
export type Answers = Readonly<Record<string, { readonly dims: Shape; readonly values: ArrayLike<number> }>>;

/** What ONNX Runtime computes. */
export async function oracle(bytes: Uint8Array, inputs: Answers): Promise<Answers> {
  assert.ok(runtime);
  const { InferenceSession, Tensor } = runtime;
  const session = await InferenceSession.create(bytes, {
    logSeverityLevel: 3,
    // Its optimizer joins a Pad and a pooling to one that it then refuses.
    graphOptimizationLevel: 'disabled',
  });
  const types = Object.fromEntries(
    session.inputMetadata.map((one) => [one.name, one.isTensor ? one.type : 'float32']),
  );
  const feeds = Object.entries(inputs).map(([name, { dims, values }]) => {
    const tensor =
      types[name] === 'int64'
        ? new Tensor('int64', BigInt64Array.from(Array.from(values, BigInt)), [...dims])
        : new Tensor('float32', Float32Array.from(values), [...dims]);
    return [name, tensor];
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data }]) => [
      name,
      { dims, values: Float64Array.from(data as Iterable<number>, Number) },
    ]),
  );
}

/** What a network computes in float64, with the sizes of its outputs. */
export function interpreted(network: Network, parameters: Parameters, inputs: Answers): Answers {
  const shapes: Record<string, Shape> = {};
  const graph = trace((t) => {
    const { outputs } = network.apply({
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([name, { dims }]) => [name, t.input(name, dims)]),
      ),
      parameters: digitalStates(t, network),
      operator: digital((layer) => t.state(weightsOf(layer), layer.shape)),
      mode: { kind: 'inference' },
    });
    for (const [name, { shape }] of Object.entries(outputs)) shapes[name] = shape;
    return { outputs };
  });
  const given = {
    ...Object.fromEntries(Object.entries(inputs).map(([name, { values }]) => [name, values])),
    ...Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data])),
  };
  const values = interpret(graph, given).outputs;
  return Object.fromEntries(
    Object.entries(values).map(([name, one]) => [name, { dims: shapes[name]!, values: one }]),
  );
}

/** Size of the batch in tests: no other axis has it, so that it is found again in outputs. */
export const BATCH = 7;

/** Inputs for a sketch in the order of the file; whole numbers from 0 to 3 for those of another kind. */
export function drawInputs({ inputs, kinds = {} }: Sketch, draw: () => number): Answers {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, sizes]) => {
      const dims = sizes.map((size) => (typeof size === 'number' ? size : BATCH));
      const isInt = kinds[name] === 'int';
      const values = Float32Array.from({ length: elementCount(dims) }, () =>
        isInt ? Math.floor((draw() + 1) * 1.999) : draw(),
      );
      return [name, { dims, values }];
    }),
  );
}

/** The same with the batch, or another axis, as the first one. */
function withFirst({ dims, values }: Answers[string], axis: number): Answers[string] {
  const order = axisToFront(dims.length, axis);
  return { dims: order.map((k) => dims[k]!), values: permuted(Float32Array.from(values), dims, order) };
}

/**
 * Imports a sketch with the order of axes of the file, and compares every output with the oracle's.
 *
 * @param tolerance of float32 against float64, relative to the largest value of an output, at least 1
 */
export async function compareSketch(
  sketch: Sketch,
  {
    seed = 1,
    tolerance = 2e-5,
    options = {},
  }: { readonly seed?: number; readonly tolerance?: number; readonly options?: OnnxOptions } = {},
): Promise<Network> {
  const bytes = writeSketch(sketch);
  const inputs = drawInputs(sketch, drawsOf(seed));
  const expected = await oracle(bytes, inputs);
  const own = Object.entries(sketch.inputs).map(([name, sizes]) => {
    const batchAxis = Math.max(0, sizes.indexOf('n'));
    return [name, { layout: 'as-in-file', batchAxis }] as const;
  });
  const { network, parameters } = await importOnnx(bytes, {
    name: 'sketch',
    ...options,
    inputs: Object.fromEntries(own.map(([name, one]) => [name, { ...one, ...options.inputs?.[name] }])),
  });
  const given = Object.fromEntries(
    own.map(([name, { batchAxis }]) => {
      const first = withFirst(inputs[name]!, batchAxis);
      const isLast = options.inputs?.[name]?.layout === 'channels-last';
      return [name, isLast ? permutedAnswer(first, channelsLast(first.dims.length)) : first];
    }),
  );
  compareAnswers(interpreted(network, parameters, given), expected, tolerance);
  return network;
}

/**
 * Compares outputs of a network with those of the file: the batch first, and channels last where they lie so.
 */
export function compareAnswers(actual: Answers, expected: Answers, tolerance: number): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
  for (const [name, own] of Object.entries(actual)) {
    const file = withFirst(expected[name]!, Math.max(0, expected[name]!.dims.indexOf(own.dims[0]!)));
    const { length } = file.dims;
    const last = permutedAnswer(file, channelsLast(length));
    const fitting = [file, ...(length > 2 ? [last] : [])].filter(
      ({ dims }) => dims.join() === own.dims.join(),
    );
    assert.ok(fitting.length > 0, `${name}: expected (${file.dims}), got (${own.dims})`);
    const faults = fitting.map((one) => differenceOf(own.values, one.values, tolerance));
    if (!faults.includes(undefined)) assert.fail(`${name}: ${faults[0]}`);
  }
}

function permutedAnswer({ dims, values }: Answers[string], order: readonly number[]): Answers[string] {
  return { dims: order.map((k) => dims[k]!), values: permuted(Float32Array.from(values), dims, order) };
}

/** The order of axes that brings axis 1 to the end. */
function channelsLast(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, k) => k + 2), 1];
}

/** Where values differ by more than the tolerance. */
function differenceOf(
  own: ArrayLike<number>,
  other: ArrayLike<number>,
  tolerance: number,
): string | undefined {
  const scale = Math.max(1, ...Array.from(other, (value) => (Number.isFinite(value) ? Math.abs(value) : 0)));
  const isClose = (a: number, b: number): boolean =>
    Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * scale;
  const at = Array.from(other).findIndex((value, k) => !isClose(own[k]!, value));
  return at < 0 ? undefined : `element ${at}: expected ${other[at]}, got ${own[at]}`;
}
