// `npm run bench:tuning -- [--threads N] [NAME...]`: what the numbers of the tuning table (src/compile/tuning.ts) are worth on this machine.
// Each is halved and doubled; of the cases whose kernels change, both versions are timed in alternation. Prints the best time
// over the best time with the table as it is: above 1, the table is right. Other load only ever adds to a time, and these are
// short: the best of many says more than their median. OHMIC_TARGET chooses the instruction set.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { randomSequence } from '../src/base/random.ts';
import { elementCount } from '../src/base/shape.ts';
import { compile } from '../src/compile/compile.ts';
import { registerTuning, tuning } from '../src/compile/tuning.ts';
import { engineOn } from '../src/engine.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { Graph } from '../src/graph/node.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { createNativeBackend } from '../src/native/backend.ts';
import { findCompiler } from '../src/native/compiler.ts';
import { type BoundProgram, bind } from './bound-program.ts';
import { timed } from './measure.ts';

const ROUNDS = 15;
/** A round of a case takes about so long. */
const ROUND_MS = 25;

/** A product, and the gradients of its operands. */
function withGradients(t: Trace, y: Tensor, inputs: readonly Tensor[]): Record<string, Tensor> {
  const slopes = gradients(y.multiply(t.input('slope', y.shape)).sum(), inputs);
  return { y, ...Object.fromEntries(slopes.map((slope, k) => [`slope${k}`, slope])) };
}

function convolution(images: number, size: number, channels: number, groups = 1): Graph {
  return trace((t) => {
    const x = t.input('x', [images, size, size, channels]);
    const filter = t.input('filter', [3, 3, channels / groups, channels]);
    const y = x.relu().convolve(filter, { stride: [1, 1], padding: [1, 1], groups });
    return { outputs: withGradients(t, y, [x, filter]) };
  });
}

function matmul(left: readonly number[], right: readonly number[]): Graph {
  return trace((t) => ({ outputs: { y: t.input('left', left).matmul(t.input('right', right)) } }));
}

/** What is timed: products of several sizes, rows and columns of sums, maps, parts, a table. */
const CASES: Readonly<Record<string, () => Graph>> = {
  'matmul 256': () => matmul([256, 256], [256, 256]),
  'matmul 512': () => matmul([512, 512], [512, 512]),
  'matmul 1024': () => matmul([1024, 1024], [1024, 1024]),
  'matmul 64 x 4096 x 512': () => matmul([64, 4096], [4096, 512]),
  'stack of 64 matmul 64': () => matmul([64, 64, 64], [64, 64, 64]),
  'convolution 16 channels': () => convolution(64, 32, 16),
  'convolution 64 channels': () => convolution(32, 32, 64),
  'convolution 256 channels': () => convolution(32, 8, 256),
  'convolution 4 channels': () => convolution(32, 32, 4),
  depthwise: () => convolution(16, 32, 64, 64),
  'sums of columns and rows': () =>
    trace((t) => {
      const x = t.input('x', [4096, 64]).multiply(2);
      return { outputs: { columns: x.sum([0]), rows: x.exp().sum([1]), most: x.max([0, 1]) } };
    }),
  maps: () =>
    trace((t) => {
      const [x, y] = [t.input('x', [512, 1000]), t.input('y', [512, 1000])];
      return {
        outputs: { plain: x.multiply(y).add(1), long: x.exp().add(y.tanh()), across: x.transpose().add(2) },
      };
    }),
  table: () =>
    trace((t) => {
      const table = t.input('x', [1000, 128]);
      const at = t.input('at', [2048], 'i32');
      return { outputs: withGradients(t, table.gather(at), [table]) };
    }),
};

type Variant = { readonly bound: BoundProgram; readonly text: string; readonly free: () => void };

/** The table as something that can be changed: this program alone does, one number at a time. */
const tables = (target: { lanes: number; registers: number }): readonly Record<string, unknown>[] => [
  tuning as Record<string, unknown>,
  registerTuning(target) as unknown as Record<string, unknown>,
];

function scaled(value: unknown, factor: number): unknown {
  if (Array.isArray(value)) return value.map((each: number) => each * factor);
  const number = value as number;
  return Number.isInteger(number) ? Math.max(1, Math.round(number * factor)) : Math.min(1, number * factor);
}

async function main(chosen: readonly string[], threads: number): Promise<void> {
  const compiler = findCompiler()!;
  const engine = engineOn(await createNativeBackend(compiler, threads));
  const build = async (graph: Graph): Promise<Variant> => {
    const executable = await engine.compile(graph);
    const inputs = Object.fromEntries(
      graph.inputs.map(({ attributes: { name, shape, dtype } }) => [
        name,
        values(elementCount(shape), dtype),
      ]),
    );
    const bound = bind(engine, executable, { inputs });
    const free = (): void => {
      bound.free();
      executable.free();
    };
    return { bound, text: textOf(graph), free };
  };
  const textOf = (graph: Graph): string => JSON.stringify(compile(graph, engine.backend));
  const graphs = Object.entries(CASES).map(([name, define]) => ({ name, graph: define() }));
  const plain: (Variant & { readonly name: string; readonly graph: Graph })[] = [];
  for (const each of graphs) plain.push({ ...each, ...(await build(each.graph)) });
  console.log(engine.backend.description);
  for (const table of tables(engine.backend)) {
    for (const [name, value] of Object.entries(table)) {
      if (chosen.length > 0 && !chosen.includes(name)) continue;
      for (const factor of [1 / 2, 2]) {
        const other = scaled(value, factor);
        const found: string[] = [];
        for (const now of plain) {
          table[name] = other;
          const variant = textOf(now.graph) === now.text ? undefined : await build(now.graph);
          table[name] = value;
          if (variant === undefined) continue;
          found.push(`${now.name} ${(await race(now, variant)).toFixed(2)}`);
          variant.free();
        }
        console.log(`${name} ${String(value)} -> ${String(other)}: ${found.join(', ') || 'no case changes'}`);
      }
    }
  }
  for (const { free } of plain) free();
  await engine.close();
}

/** The best time of the variant over the best time as it is, in alternation. */
async function race(now: Variant, variant: Variant): Promise<number> {
  const runs = [timed(variant.bound.run), timed(now.bound.run)] as const;
  const [milliseconds] = await runs[1](1);
  const steps = Math.max(1, Math.min(50, Math.round(ROUND_MS / milliseconds!)));
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number];
  for (let round = 0; round < ROUNDS; round++)
    for (const [k, run] of runs.entries())
      best[k as 0 | 1] = Math.min(best[k as 0 | 1], ...(await run(steps)));
  return best[0] / best[1];
}

/** Normal numbers, or rows of the table. */
function values(count: number, dtype: string): Float32Array {
  const draws = randomSequence([4, 5]);
  const floats = Float32Array.from({ length: count }, draws.normal);
  if (dtype === 'f32') return floats;
  return new Float32Array(Int32Array.from(floats, () => draws.below(1000)).buffer);
}

const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: 'string', default: String(availableParallelism()) } },
});
await main(positionals, Number(flags.threads));
