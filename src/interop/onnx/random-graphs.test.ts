// Random graphs against ONNX Runtime: operators in any order on images of any size, two paths that meet, at the end a matrix.
// Each graph is determined by its seed, which a failure names.

import { test } from 'node:test';
import type { WrittenNode } from './encode.ts';
import type { HostValues } from './model.ts';
import { compareSketch, drawsOf, floats, needsOracle, type Sketch, wholes } from './oracle.test-data.ts';

const GRAPHS = 200;

/** A value of the graph: its name and sizes without the batch. */
type Held = { readonly name: string; readonly dims: readonly number[] };

type Drawn = {
  readonly pick: <T>(all: readonly T[]) => T;
  readonly values: (...dims: number[]) => string;
  readonly whole: (...values: number[]) => string;
  readonly add: (op: string, inputs: readonly string[], attributes?: WrittenNode['attributes']) => string;
};

const unary = [
  'Relu',
  'Sigmoid',
  'Tanh',
  'HardSwish',
  'LeakyRelu',
  'Abs',
  'Neg',
  'Softplus',
  'Erf',
  'HardSigmoid',
  'Elu',
  'Identity',
];

/** One more node on images (channels, height, width). */
const steps: readonly ((x: Held, drawn: Drawn) => Held)[] = [
  ({ name, dims }, { add, pick }) => ({ name: add(pick(unary), [name]), dims }),
  ({ name, dims: [c, h, w] }, { add, pick, values }) => {
    const m = pick([1, 2, 4, 6]);
    const [kh, kw] = [pick([1, 2, 3]), pick([1, 3])];
    const pads = [pick([0, 1]), pick([0, 1]), pick([1, 2]), pick([1, 2])];
    const made = add('Conv', [name, values(m, c!, kh, kw), values(m)], { pads });
    return { name: made, dims: [m, h! + pads[0]! + pads[2]! - kh + 1, w! + pads[1]! + pads[3]! - kw + 1] };
  },
  ({ name, dims: [c, h, w] }, { add, values }) => {
    const made = add('Conv', [name, values(c!, 1, 3, 3)], { group: c!, pads: [1, 1, 1, 1], strides: [1, 1] });
    return { name: made, dims: [c!, h!, w!] };
  },
  ({ name, dims: [c, h, w] }, { add, values }) => {
    const variance = add('Abs', [values(c!)]);
    const shifted = add('Add', [variance, values(1)]);
    const positive = add('Max', [shifted, add('Abs', [values(c!)])]);
    const known = add('BatchNormalization', [
      name,
      values(c!),
      values(c!),
      values(c!),
      add('Exp', [positive]),
    ]);
    return { name: known, dims: [c!, h!, w!] };
  },
  ({ name, dims: [c, h, w] }, { add, pick }) => {
    const op = pick(['MaxPool', 'AveragePool']);
    const made = add(op, [name], { kernel_shape: [2, 2], pads: [1, 0, 0, 1], strides: [1, 1] });
    return { name: made, dims: [c!, h!, w!] };
  },
  ({ name, dims }, { add, pick, values }) => {
    const other = values(pick([1, dims[0]!]), 1, pick([1, dims[2]!]));
    return {
      name: add(
        pick(['Add', 'Mul', 'Sub', 'Max', 'Min']),
        pick([
          [name, other],
          [other, name],
        ]),
      ),
      dims,
    };
  },
  ({ name, dims: [c, h, w] }, { add, whole }) => {
    const made = add('Pad', [name, whole(0, 0, 1, 0, 0, 0, 0, 2)]);
    return { name: made, dims: [c!, h! + 1, w! + 2] };
  },
  ({ name, dims: [c, h, w] }, { add, whole }) => {
    if (h! < 3) return { name, dims: [c!, h!, w!] };
    const made = add('Slice', [name, whole(1), whole(2 ** 63), whole(2)]);
    return { name: made, dims: [c!, h! - 1, w!] };
  },
  ({ name, dims: [c, h, w] }, { add }) => {
    const made = add('Transpose', [name], { perm: [0, 1, 3, 2] });
    return { name: made, dims: [c!, w!, h!] };
  },
  ({ name, dims: [c, h, w] }, { add }) => {
    const channels = add('ReduceMean', [name], { axes: [2, 3], keepdims: 1 });
    return { name: add('Mul', [name, add('Sigmoid', [channels])]), dims: [c!, h!, w!] };
  },
  ({ name, dims: [c, h, w] }, { add, whole }) => {
    const flat = add('Reshape', [name, whole(0, c!, -1)]);
    const soft = add('Softmax', [flat], { axis: 2 });
    const shape = add('Concat', [add('Slice', [add('Shape', [name]), whole(0), whole(2)]), whole(h!, w!)], {
      axis: 0,
    });
    return { name: add('Reshape', [soft, shape]), dims: [c!, h!, w!] };
  },
  ({ name, dims: [c, h, w] }, { add }) => ({
    name: add('Concat', [name, add('Neg', [name])], { axis: 1 }),
    dims: [2 * c!, h!, w!],
  }),
];

function randomGraph(seed: number): Sketch {
  const draw = drawsOf(1000 + seed);
  const pick = <T>(all: readonly T[]): T =>
    all[Math.min(all.length - 1, Math.floor(((draw() + 1) / 2) * all.length))]!;
  const constants: Record<string, HostValues> = {};
  const nodes: WrittenNode[] = [];
  const hold = (values: HostValues): string => {
    const name = `k${Object.keys(constants).length}`;
    constants[name] = values;
    return name;
  };
  const drawn: Drawn = {
    pick,
    values: (...dims) => hold(floats(draw, dims)),
    whole: (...values) => hold(wholes(values)),
    add: (op, inputs, attributes = {}) => {
      const name = `v${nodes.length}`;
      nodes.push({ op, name: `${op}_${nodes.length}`, inputs, outputs: [name], attributes });
      return name;
    },
  };
  const dims = [pick([1, 2, 3]), pick([3, 4, 5]), pick([3, 4, 6])];
  const chain = (from: Held, length: number): Held =>
    Array.from({ length }).reduce<Held>((x) => (x.dims[0]! > 12 ? x : pick(steps)(x, drawn)), from);
  const start = chain({ name: 'x', dims }, pick([1, 2, 3, 4]));
  const branch = chain(start, pick([0, 1, 2]));
  const isSame = branch.dims.join() === start.dims.join();
  const joined = isSame ? { name: drawn.add('Add', [start.name, branch.name]), dims: branch.dims } : branch;
  const pooled = drawn.add('GlobalAveragePool', [joined.name]);
  const flat = drawn.add('Flatten', [pick([pooled, joined.name])]);
  const width = nodes.at(-1)!.inputs[0] === pooled ? joined.dims[0]! : joined.dims.reduce((a, b) => a * b, 1);
  nodes.push({
    op: 'Gemm',
    name: 'last',
    inputs: [flat, drawn.values(width, 3), drawn.values(3)],
    outputs: ['y'],
  });
  return { inputs: { x: ['n', ...dims] }, constants, nodes, outputs: ['y'] };
}

test(`${GRAPHS} random graphs compute what ONNX Runtime does`, needsOracle, async () => {
  for (let seed = 0; seed < GRAPHS; seed++) {
    try {
      // Images go in with their channels last every other time.
      const layout = seed % 2 === 0 ? 'as-in-file' : 'channels-last';
      await compareSketch(randomGraph(seed), {
        seed: seed + 1,
        tolerance: 5e-5,
        options: { inputs: { x: { layout } } },
      });
    } catch (thrown) {
      throw new Error(`graph ${seed}: ${(thrown as Error).message}`, { cause: thrown });
    }
  }
});
