// Single products beside PyTorch: 3 x 3 convolutions with both gradients, and products of square matrices. Operands
// and results stay on the backend, as PyTorch's tensors do, so what is timed is the launches alone.

import { randomSequence } from '../src/base/random.ts';
import { elementCount, type Shape } from '../src/base/shape.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { Graph } from '../src/graph/node.ts';
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
  run: async (tools) => {
    const parts: CaseResult[] = [];
    for (const [channels, size] of CONVOLUTIONS) {
      const title = `3 x 3 convolution and gradients, ${channels} channels`;
      const peerCase = `conv3x3-${channels}`;
      parts.push(
        await product(tools, {
          title,
          peerCase,
          batch: CONVOLUTION_BATCH,
          graph: convolution(channels, size),
        }),
      );
    }
    return joined(parts);
  },
};

/** The case of matrix products. */
export const matrixProductsCase: BenchCase = {
  name: 'matrix-products',
  description: 'products of square matrices, 256 to 2048',
  run: async (tools) => {
    const parts: CaseResult[] = [];
    for (const n of MATRIX_SIZES) {
      const title = `matrix product, ${n} x ${n}`;
      parts.push(await product(tools, { title, peerCase: `matmul-${n}`, graph: matrixProduct(n) }));
    }
    return joined(parts);
  },
};

type Product = {
  readonly title: string;
  readonly peerCase: string;
  readonly batch?: number;
  readonly graph: Graph;
};

async function product(tools: Tools, { title, peerCase, batch, graph }: Product): Promise<CaseResult> {
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

/** y = x * f and, for a given gradient of y, the gradients of x and f. */
function convolution(channels: number, size: number): Graph {
  return trace((t) => {
    const image = [CONVOLUTION_BATCH, size, size, channels];
    const x = t.input('x', image);
    const filter = t.input('filter', [3, 3, channels, channels]);
    const y = x.convolve(filter, { stride: [1, 1], padding: [1, 1] });
    const [toX, toFilter] = gradients(y.multiply(t.input('toY', image)).sum(), [x, filter]);
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
