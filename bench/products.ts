// Single products beside PyTorch: convolutions with both gradients, and products of square matrices. Operands
// and results stay on the backend, as PyTorch's tensors do, so what is timed is the launches alone.

import { randomSequence } from '../src/base/random.ts';
import { elementCount, type Shape } from '../src/base/shape.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { Graph } from '../src/graph/node.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { trace } from '../src/graph/trace.ts';
import {
  type BenchCase,
  type CaseResult,
  compared,
  joined,
  numbersOf,
  race,
  type Tools,
} from './bench-case.ts';
import { bind } from './bound-program.ts';
import { usefulOperations } from './kernel-classes.ts';
import { timed } from './measure.ts';
import { peerContestants } from './peer.ts';

/** Channels and image size; the same as in the peer's table. */
const CONVOLUTIONS = [
  [64, 32],
  [128, 16],
  [256, 8],
  [512, 8],
] as const;
const CONVOLUTION_BATCH = 32;
const MATRIX_SIZES = [256, 512, 1024, 2048];
/** Short steps are taken so many times as often as long ones. */
const REPEAT = 5;

/** The case of convolutions. */
export const convolutionsCase: BenchCase = {
  name: 'convolutions',
  description: '3 x 3 convolution, forward and both gradients, 64 to 512 channels',
  run: productsOf(
    CONVOLUTIONS.map(([channels, size]) => ({
      title: `3 x 3 convolution and gradients, ${channels} channels`,
      peerCase: `conv3x3-${channels}`,
      batch: CONVOLUTION_BATCH,
      graph: () => convolution(channels, size),
    })),
  ),
};

/** Other kinds of convolutions, batch 32; the same as in the peer's table. */
const KINDS: readonly Product[] = [
  {
    peerCase: 'depthwise-3-64',
    title: 'depthwise 3 x 3, 64 channels, 32 x 32',
    graph: () => depthwise(3, 64, 32),
  },
  {
    peerCase: 'depthwise-5-256',
    title: 'depthwise 5 x 5, 256 channels, 8 x 8',
    graph: () => depthwise(5, 256, 8),
  },
  { peerCase: 'conv1d-64', title: '1-D, 5 taps, 64 channels, 256 long', graph: () => signals(64, 256) },
  { peerCase: 'conv1d-128', title: '1-D, 5 taps, 128 channels, 64 long', graph: () => signals(128, 64) },
  {
    peerCase: 'transposed-64',
    title: 'transposed 4 x 4, stride 2, 64 to 32, 8 x 8',
    graph: () => transposed(64, 8),
  },
  {
    peerCase: 'transposed-128',
    title: 'transposed 4 x 4, stride 2, 128 to 64, 16 x 16',
    graph: () => transposed(128, 16),
  },
];

/** The case of other convolutions. */
export const convolutionKindsCase: BenchCase = {
  name: 'convolution-kinds',
  description: 'depthwise, 1-D and transposed convolutions, forward and both gradients',
  run: productsOf(KINDS.map((kind) => ({ ...kind, batch: CONVOLUTION_BATCH }))),
};

/** The case of matrix products. */
export const matrixProductsCase: BenchCase = {
  name: 'matrix-products',
  description: 'products of square matrices, 256 to 2048',
  run: productsOf(
    MATRIX_SIZES.map((n) => ({
      title: `matrix product, ${n} x ${n}`,
      peerCase: `matmul-${n}`,
      graph: () => matrixProduct(n),
    })),
  ),
};

type Product = {
  readonly title: string;
  readonly peerCase: string;
  readonly batch?: number;
  readonly graph: () => Graph;
};

/** What runs the products of a case one after another. */
function productsOf(products: readonly Product[]): BenchCase['run'] {
  return async (tools) => {
    const parts: CaseResult[] = [];
    for (const one of products) parts.push(await product(tools, one));
    return joined(parts);
  };
}

async function product(tools: Tools, { title, peerCase, batch, ...made }: Product): Promise<CaseResult> {
  const graph = made.graph();
  const name = peerCase;
  const by = `${name}-pytorch`;
  const torch = await peerContestants(tools, { name: by, peerCase, ...(batch !== undefined && { batch }) });
  const executable = await tools.native.compile(graph);
  const inputs = Object.fromEntries(
    graph.inputs.map(({ attributes }) => [attributes.name, normals(attributes.shape)]),
  );
  const bound = bind(tools.native, executable, { inputs });
  const results = await race(tools, name, [{ name, run: timed(bound.run) }, ...torch], REPEAT);
  bound.free();
  executable.free();
  const operations = usefulOperations(graph);
  return {
    rows: [
      compared(tools, results, {
        title,
        contestant: name,
        by,
        peerName: 'PyTorch',
        atMost: 1,
        operations,
      }),
    ],
    ...numbersOf(tools, results, [[name, by]]),
  };
}

function convolution(channels: number, size: number): Graph {
  return withGradients([size, size, channels], [3, 3, channels, channels], (x, filter) =>
    x.convolve(filter, { stride: [1, 1], padding: [1, 1] }),
  );
}

function depthwise(taps: number, channels: number, size: number): Graph {
  const padding = (taps - 1) / 2;
  return withGradients([size, size, channels], [taps, taps, 1, channels], (x, filter) =>
    x.convolve(filter, { stride: [1, 1], padding: [padding, padding], groups: channels }),
  );
}

function signals(channels: number, length: number): Graph {
  return withGradients([length, channels], [5, channels, channels], (x, filter) =>
    x.convolve1d(filter, { padding: 2 }),
  );
}

/** To twice the size and half the channels. */
function transposed(channels: number, size: number): Graph {
  return withGradients([size, size, channels], [4, 4, channels, channels / 2], (x, filter) =>
    x.convolveTransposed(filter, { stride: [2, 2], padding: [1, 1] }),
  );
}

/** y of x and a filter and, for a given gradient of y, the gradients of both. */
function withGradients(
  example: Shape,
  filterShape: Shape,
  apply: (x: Tensor, filter: Tensor) => Tensor,
): Graph {
  return trace((t) => {
    const x = t.input('x', [CONVOLUTION_BATCH, ...example]);
    const filter = t.input('filter', filterShape);
    const y = apply(x, filter);
    const [toX, toFilter] = gradients(y.multiply(t.input('toY', y.shape)).sum(), [x, filter]);
    return { outputs: { y, toX: toX!, toFilter: toFilter! } };
  });
}

function matrixProduct(n: number): Graph {
  return trace((t) => ({
    outputs: { product: t.input('left', [n, n]).matmul(t.input('right', [n, n])) },
  }));
}

function normals(shape: Shape): Float32Array {
  const draw = randomSequence([8, 9]);
  return Float32Array.from({ length: elementCount(shape) }, draw.normal);
}
