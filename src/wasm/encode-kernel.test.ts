// Kernels as WebAssembly against a direct evaluation of the kernel language in JavaScript, bit for bit (NaN equals NaN).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InternalError } from '../base/errors.ts';
import { keyFromSeed, type RandomSequence, randomSequence } from '../base/random.ts';
import { div, type Int, LANE, literal, mod, plus, range, times, variable } from '../kernel/int.ts';
import {
  type Kernel,
  type Local,
  resultTypes,
  SCRATCH,
  type Statement,
  type VectorOp,
} from '../kernel/kernel.ts';
import { type Arguments, floats, fromFloats, interpret } from './kernel-reference.test.ts';
import { SharedHeap } from './memory.ts';
import { encodeModule, type KernelFunction } from './module.ts';
import { webAssembly } from './web-assembly.ts';

// ---- Running and comparing ----

const sum = (...terms: readonly Int[]): Int => terms.reduce(plus);

/** Runs the kernel as WebAssembly on copies of the arguments; the buffers afterwards. */
async function execute(
  kernel: Kernel,
  { buffers, scalars = [], pushConstants = [] }: Arguments,
): Promise<Int32Array[]> {
  const heap = new SharedHeap();
  const place = (
    content: ArrayLike<number>,
  ): { readonly address: number; readonly read: () => Int32Array } => {
    const block = heap.allocate(content.length);
    heap.words(block, content.length).set(content);
    return {
      address: block.address,
      read: () => new Int32Array(heap.words(block, content.length).slice().buffer),
    };
  };
  const placed = buffers.map(place);
  const addresses = placed.map(({ address }) => address);
  const constants = [...pushConstants, ...fromFloats(kernel.constants)];
  const [table, scalarPlace, constantPlace] = [addresses, scalars, constants].map(place);
  const scratch = heap.allocate(kernel.scratch);
  const module = await webAssembly.compile(encodeModule({ kernels: [kernel] }));
  const { exports } = await webAssembly.instantiate(module, { env: { memory: heap.memory } });
  const { k0: run } = exports as { readonly k0: KernelFunction };
  for (let chunk = 0; chunk < kernel.chunks; chunk++) {
    run(table!.address, scalarPlace!.address, constantPlace!.address, scratch.address, chunk);
  }
  return placed.map(({ read }) => read());
}

async function agrees(kernel: Kernel, given: Arguments): Promise<readonly Int32Array[]> {
  const expected = given.buffers.map((buffer) => buffer.slice());
  const actual = await execute(kernel, given);
  interpret(kernel, { ...given, buffers: expected });
  for (const [slot, buffer] of expected.entries()) {
    for (const [position, word] of buffer.entries()) {
      const came = actual[slot]![position]!;
      const bothNaN = Number.isNaN(floats(buffer)[position]) && Number.isNaN(floats(actual[slot]!)[position]);
      assert.ok(
        came === word || bothNaN,
        `${kernel.name}: buffer ${slot}[${position}] is ${came}, expected ${word}`,
      );
    }
  }
  return actual;
}

function kernelOf(parts: Partial<Kernel> & Pick<Kernel, 'body' | 'types'>): Kernel {
  return {
    name: 'test',
    lanes: 4,
    buffers: 2,
    pushConstants: 0,
    constants: [],
    scratch: 0,
    chunks: 1,
    ...parts,
  };
}

const load = (
  target: Local,
  buffer: number,
  index: Int,
  mode: 'vector' | 'splat' | 'gather' = 'vector',
): Statement => ({
  kind: 'load',
  target,
  type: 'f32',
  buffer,
  index,
  mode,
});
const store = (
  value: Local,
  index: Int,
  count = 4,
  mode: 'vector' | 'scatter' = 'vector',
  buffer = 1,
): Statement => ({
  kind: 'store',
  buffer,
  index,
  value,
  mode,
  count,
});
const ramp = (length: number): Int32Array => fromFloats(Float32Array.from({ length }, (_, i) => i + 1));
const lane = (coefficient: number): Int => times(variable(LANE, 4), coefficient);

// ---- Operations ----

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e-45,
  -1e-40,
  3.4e38,
  Infinity,
  -Infinity,
  NaN,
  8388609,
];

/** Every pair of special values, and random ones. */
function floatPairs(draw: RandomSequence): readonly [Int32Array, Int32Array] {
  const pairs = SPECIAL.flatMap((a) => SPECIAL.map((b) => [a, b] as const));
  for (let i = 0; i < 256; i++) pairs.push([draw.normal() * 10, draw.normal() * 10]);
  return [fromFloats(pairs.map(([a]) => a)), fromFloats(pairs.map(([, b]) => b))];
}

test('every operation gives the bits of its JavaScript definition, for special and random values', async () => {
  const draw = randomSequence(keyFromSeed(1));
  const [a, b] = floatPairs(draw);
  const words = (): Int32Array => Int32Array.from({ length: a.length }, () => draw.word() | 0);
  const integers = [words(), words()] as const;
  const moderate = fromFloats(Float32Array.from({ length: a.length }, () => draw.normal() * 1000));
  const masks = Int32Array.from({ length: a.length }, () => -(draw.word() & 1));
  for (const op of Object.keys(resultTypes) as VectorOp[]) {
    const isInteger = /Int$|^(and|or|xor|toFloat|bitsFloat)$/.test(op) && !op.startsWith('select');
    const operands = op.startsWith('select')
      ? [masks, a, b]
      : op === 'truncate'
        ? [moderate]
        : isInteger
          ? integers
          : [a, b];
    const arity = /^(negate|abs|sqrt|floor|round|truncate|toFloat|floatBits|bitsFloat)$/.test(op)
      ? 1
      : operands.length;
    const position = times(variable('chunk', a.length / 4), 4);
    const locals = operands.slice(0, arity).map((_, local) => local);
    const body: Statement[] = [
      ...locals.map((local) => load(local, local, position)),
      { kind: 'operation', target: 3, op, operands: locals },
      store(3, position, 4, 'vector', 3),
    ];
    const kernel = kernelOf({
      name: op,
      buffers: 4,
      chunks: a.length / 4,
      types: ['f32', 'f32', 'f32', resultTypes[op]],
      body,
    });
    const buffers = [0, 1, 2].map((slot) => operands[slot] ?? a);
    await agrees(kernel, { buffers: [...buffers, new Int32Array(a.length)] });
  }
});

test('shifts, literals, scalars, push constants and indices fill their lanes', async () => {
  const chunk = variable('chunk', 5);
  const definitions: readonly ((target: Local) => Statement)[] = [
    (target) => ({ kind: 'literal', target, type: 'i32', value: 0xff800001 }),
    (target) => ({ kind: 'literal', target, type: 'f32', value: -0.1 }),
    (target) => ({ kind: 'literal', target, type: 'f32', value: -0 }),
    (target) => ({ kind: 'scalar', target, type: 'f32', slot: 1 }),
    (target) => ({ kind: 'pushConstant', target, position: 2 }),
    (target) => ({ kind: 'index', target, index: sum(times(chunk, 7), literal(-3)) }),
    (target) => ({ kind: 'index', target, index: sum(times(chunk, 10), lane(-3), literal(9)) }),
    (target) => ({
      kind: 'index',
      target,
      index: sum(div(sum(chunk, lane(2)), 3), times(mod(sum(chunk, lane(1)), 4), -2)),
    }),
    (target) => ({ kind: 'shift', target, direction: 'left', operand: 0, bits: 5 }),
    (target) => ({ kind: 'shift', target, direction: 'right', operand: 0, bits: 9 }),
  ];
  const body = definitions.flatMap((define, local) => [
    define(local),
    store(local, sum(times(chunk, 4 * definitions.length), literal(4 * local)), 4, 'vector', 0),
  ]);
  const kernel = kernelOf({
    buffers: 1,
    pushConstants: 3,
    chunks: 5,
    types: definitions.map(() => 'i32'),
    body,
  });
  await agrees(kernel, {
    buffers: [new Int32Array(5 * 4 * definitions.length)],
    scalars: [1, fromFloats([2.5])[0]!],
    pushConstants: [1, 2, -12345],
  });
});

test('a lookup takes the lowest five bits of each lane, and finds the constants behind the push constants', async () => {
  const constants = Array.from({ length: 64 }, (_, k) => k * 1.25 - 7);
  const indices = Int32Array.of(0, 1, 31, 32, -1, 12345, 63, -32);
  for (const position of [0, 32]) {
    const body: Statement[] = [
      load(0, 0, times(variable('chunk', 2), 4)),
      { kind: 'lookup', target: 1, position, operand: 0 },
      store(1, times(variable('chunk', 2), 4)),
    ];
    const kernel = kernelOf({ chunks: 2, pushConstants: 3, constants, types: ['i32', 'f32'], body });
    await agrees(kernel, { buffers: [indices, new Int32Array(8)], pushConstants: [5, 6, 7] });
  }
});

test('folds combine the halves in order, and all lanes get the result', async () => {
  const draw = randomSequence(keyFromSeed(2));
  const [a] = floatPairs(draw);
  const shuffled = a.toSorted(() => draw.uniform() - 0.5);
  const position = times(variable('chunk', a.length / 4), 4);
  for (const op of ['add', 'maximum'] as const) {
    const body: Statement[] = [
      load(0, 0, position),
      { kind: 'fold', target: 1, op, operand: 0 },
      store(1, position),
    ];
    const kernel = kernelOf({ name: `fold ${op}`, chunks: a.length / 4, types: ['f32', 'f32'], body });
    await agrees(kernel, { buffers: [shuffled, new Int32Array(a.length)] });
  }
});

// ---- Loads and stores ----

test('loads of every mode and stores of every mode and count touch exactly their elements', async () => {
  const i = variable('i', 3);
  const indices = { vector: times(i, 4), splat: times(i, 5), gather: sum(times(i, 2), lane(3), literal(1)) };
  const bent = mod(sum(times(i, 5), lane(7)), 11);
  for (const mode of ['vector', 'splat', 'gather'] as const) {
    for (const storeMode of ['vector', 'scatter'] as const) {
      for (let count = 1; count <= 4; count++) {
        const to = sum(times(i, 16), storeMode === 'scatter' ? lane(3) : literal(0), literal(2));
        for (const from of mode === 'gather' ? [indices.gather, bent] : [indices[mode]]) {
          const body: Statement[] = [load(0, 0, from, mode), store(0, to, count, storeMode)];
          const kernel = kernelOf({ types: ['f32'], body: [{ kind: 'for', variable: 'i', count: 3, body }] });
          await agrees(kernel, { buffers: [ramp(20), new Int32Array(48)] });
        }
      }
    }
  }
});

test('where data say: loads of a vector and of each lane’s own, stores of every count, in a loop', async () => {
  const i = variable('i', 3);
  const index = (target: Local, of: Int): Statement => ({ kind: 'index', target, index: of });
  const at = { buffer: 0, offset: 0, reach: 18 } as const;
  for (let count = 1; count <= 4; count++) {
    for (const mode of ['vector', 'gather'] as const) {
      const from = sum(i, mode === 'gather' ? lane(2) : literal(0), literal(1));
      const body: Statement[] = [
        index(0, mod(sum(times(i, 7), lane(5), literal(3)), 11)),
        { kind: 'loadAt', target: 1, type: 'f32', index: from, mode, ...at },
        { kind: 'storeAt', index: times(i, 4), value: 1, count, ...at, buffer: 1 },
        // What is stored is seen by the next load.
        { kind: 'loadAt', target: 2, type: 'f32', index: times(i, 4), mode: 'vector', ...at, buffer: 1 },
        store(2, sum(times(i, 4), literal(32)), 4),
      ];
      const kernel = kernelOf({
        types: ['i32', 'f32', 'f32'],
        body: [{ kind: 'for', variable: 'i', count: 3, body }],
      });
      await agrees(kernel, { buffers: [ramp(32), ramp(48)] });
    }
  }
});

test('a store of one lane ignores the lane in its index', async () => {
  const body = [load(0, 0, literal(5)), store(0, sum(literal(3), lane(8)), 1)];
  await agrees(kernelOf({ types: ['f32'], body }), { buffers: [ramp(16), new Int32Array(16)] });
});

test('a body runs if any lane of its mask is set, in a loop and for memory that only it touches', async () => {
  const i = variable('i', 6);
  const body: Statement[] = [
    load(0, 0, times(i, 4)),
    { kind: 'literal', target: 1, type: 'f32', value: 0 },
    { kind: 'operation', target: 2, op: 'less', operands: [0, 1] },
    {
      kind: 'ifAny',
      mask: 2,
      body: [load(3, 0, sum(times(i, 4), literal(24))), store(3, sum(times(i, 4), literal(4)))],
    },
  ];
  const rows = [
    [1, 2, 3, 4],
    [-1, 2, 3, 4],
    [0, 0, 0, 0],
    [1, 2, 3, -4],
    [-1, -1, -1, -1],
    [5, 5, 5, 5],
  ];
  const given = fromFloats([...rows.flat(), ...Array.from({ length: 24 }, (_, k) => k + 1)]);
  const types = ['f32', 'f32', 'i32', 'f32'] as const;
  const kernel = kernelOf({ types, body: [{ kind: 'for', variable: 'i', count: 6, body }] });
  const [, written] = await agrees(kernel, { buffers: [given, new Int32Array(32)] });
  assert.deepEqual(
    rows.map((_, k) => floats(written!)[4 * k + 4]),
    [0, 5, 0, 13, 17, 0],
  );
});

test('a loop ends where its last condition holds for no lane, and starts anew', async () => {
  const [i, j] = [variable('i', 3), variable('j', 6)];
  // Bounds 2, 0 and 6 of the inner loop, by its outer one; a store for each of its iterations.
  const inner: Statement[] = [
    { kind: 'index', target: 1, index: j },
    { kind: 'operation', target: 2, op: 'lessInt', operands: [1, 0] },
    {
      kind: 'ifAny',
      mask: 2,
      endsLoop: true,
      body: [store(3, sum(sum(times(i, 24), times(j, 4)), lane(4)), 4)],
    },
  ];
  const body: Statement[] = [
    { ...load(0, 0, i, 'splat'), type: 'i32' } as Statement,
    load(3, 0, literal(4)),
    { kind: 'for', variable: 'j', count: 6, body: inner },
  ];
  const given = Int32Array.from([2, 0, 6, 0, ...fromFloats([1, 2, 3, 4])]);
  const types = ['i32', 'i32', 'i32', 'f32'] as const;
  const kernel = kernelOf({ types, body: [{ kind: 'for', variable: 'i', count: 3, body }] });
  const [, written] = await agrees(kernel, { buffers: [given, new Int32Array(72)] });
  const rows = Array.from({ length: 18 }, (_, k) => floats(written!)[4 * k]);
  assert.deepEqual(rows, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
});

test('scratch memory keeps what a chunk wrote', async () => {
  const chunk = variable('chunk', 4);
  const body: Statement[] = [
    load(0, 0, times(chunk, 4)),
    store(0, literal(8), 4, 'vector', SCRATCH),
    load(1, SCRATCH, sum(literal(11), lane(-1)), 'gather'),
    store(1, times(chunk, 4)),
  ];
  const [, reversed] = await agrees(kernelOf({ types: ['f32', 'f32'], scratch: 16, chunks: 4, body }), {
    buffers: [ramp(16), new Int32Array(16)],
  });
  assert.deepEqual([...floats(reversed!)].slice(0, 4), [4, 3, 2, 1]);
});

test('a guarded access below the start of memory does no harm, nor to its unguarded neighbour', async () => {
  const x = variable('x', 100);
  const guarded: Statement[] = [load(1, 0, sum(x, literal(-50)), 'splat'), store(1, sum(x, literal(100)), 1)];
  const body: Statement[] = [
    load(0, 0, x, 'splat'),
    store(0, x, 1),
    { kind: 'if', index: sum(times(x, -1), literal(50)), below: 1, body: guarded },
  ];
  const kernel = kernelOf({
    types: ['f32', 'f32'],
    body: [{ kind: 'for', variable: 'x', count: 100, body }],
  });
  await agrees(kernel, { buffers: [ramp(100), new Int32Array(200)] });
});

test('an index that falls with its variable reaches the first element', async () => {
  const i = variable('i', 10);
  const body = [load(0, 0, sum(times(i, -1), literal(9)), 'splat'), store(0, i, 1)];
  const kernel = kernelOf({ types: ['f32'], body: [{ kind: 'for', variable: 'i', count: 10, body }] });
  await agrees(kernel, { buffers: [ramp(10), new Int32Array(10)] });
});

// ---- Loops ----

test('loops of zero and one iteration, sibling loops of one name, and accumulators', async () => {
  const i = (count: number): Int => ({
    constant: 0,
    terms: [{ atom: { kind: 'variable', name: 'i', max: count - 1 }, coefficient: 1 }],
  });
  const add = (count: number): Statement => ({
    kind: 'for',
    variable: 'i',
    count,
    body: [
      load(2, 0, sum(times(i(count), 4), literal(count))),
      { kind: 'operation', target: 3, op: 'subtract', operands: [1, 2] },
      { kind: 'assign', accumulator: 1, value: 3 },
      { kind: 'multiplyAdd', accumulator: 1, a: 2, b: 2 },
      { kind: 'index', target: 4, index: times(i(count), 3) },
      store(4, sum(times(i(count), 4), literal(8))),
    ],
  });
  const body: Statement[] = [
    { kind: 'literal', target: 0, type: 'f32', value: 0.5 },
    { kind: 'accumulator', target: 1, type: 'f32', initial: 0 },
    add(0),
    add(1),
    add(5),
    add(2),
    store(0, literal(0)),
    store(1, literal(4)),
  ];
  const kernel = kernelOf({ types: ['f32', 'f32', 'f32', 'f32', 'i32'], body });
  await agrees(kernel, { buffers: [ramp(64), new Int32Array(64)] });
});

test('random nests of loops and guards with random indices, divisions and remainders included', async () => {
  const draw = randomSequence(keyFromSeed(3));
  const SIZE = 4096;
  for (let trial = 0; trial < 80; trial++) {
    const scope: Int[] = [variable('chunk', 3)];
    const affine = (variables: readonly Int[], least = -3): Int => {
      const x = variables.reduce((total, v) => plus(total, times(v, least + draw.below(9))), literal(0));
      return plus(x, literal(draw.below(20) - range(x)[0]));
    };
    const index = (variables: readonly Int[]): Int => {
      const parts = [
        affine(variables),
        div(affine(variables, 0), 1 + draw.below(6)),
        mod(affine(variables, 0), 1 + draw.below(9)),
      ];
      const x = parts.reduce(
        (total, part) => (draw.below(2) === 0 ? total : plus(total, times(part, 1 + draw.below(4)))),
        literal(0),
      );
      return plus(x, literal(draw.below(3)));
    };
    const types: 'f32'[] = [];
    const access = (): Statement[] => {
      types.push('f32');
      const value = types.length - 1;
      const mode = (['vector', 'splat', 'gather'] as const)[draw.below(3)]!;
      const isScatter = draw.below(3) === 0;
      const lanes = [...scope, variable(LANE, 4)];
      return [
        load(value, 0, index(mode === 'gather' ? lanes : scope), mode),
        store(value, index(isScatter ? lanes : scope), 1 + draw.below(4), isScatter ? 'scatter' : 'vector'),
      ];
    };
    const nest = (depth: number): Statement[] => {
      const body = access();
      if (depth < 3) {
        const count = 1 + draw.below(4);
        scope.push(variable(`v${depth}`, count));
        body.push({
          kind: 'for',
          variable: `v${depth}`,
          count,
          body: [...access(), ...nest(depth + 1), ...access()],
        });
        scope.pop();
      }
      const bound = affine(scope);
      body.push({ kind: 'if', index: bound, below: Math.ceil(range(bound)[1] / 2), body: access() });
      return body;
    };
    const body = nest(0);
    await agrees(kernelOf({ name: `nest ${trial}`, types, body, chunks: 3 }), {
      buffers: [ramp(SIZE), new Int32Array(SIZE)],
    });
  }
});

test('a register-blocked matrix product', async () => {
  const [rows, depth, columns] = [6, 5, 8] as const;
  const draw = randomSequence(keyFromSeed(4));
  const k = variable('k', depth);
  const chunk = variable('chunk', rows / 2);
  const column = times(variable('j', columns / 4), 4);
  const inner: Statement[] = [
    load(3, 1, sum(times(k, columns), column)),
    ...[0, 1].flatMap((row): Statement[] => [
      load(4 + row, 0, sum(times(chunk, 2 * depth), literal(row * depth), k), 'splat'),
      { kind: 'multiplyAdd', accumulator: 1 + row, a: 4 + row, b: 3 },
    ]),
  ];
  const block: Statement[] = [
    ...[1, 2].map((target): Statement => ({ kind: 'accumulator', target, type: 'f32', initial: 0 })),
    { kind: 'for', variable: 'k', count: depth, body: inner },
    ...[0, 1].map((row) =>
      store(1 + row, sum(times(chunk, 2 * columns), literal(row * columns), column), 4, 'vector', 2),
    ),
  ];
  const body: Statement[] = [
    { kind: 'literal', target: 0, type: 'f32', value: 0 },
    { kind: 'for', variable: 'j', count: columns / 4, body: block },
  ];
  const matrix = (size: number): Int32Array => fromFloats(Float32Array.from({ length: size }, draw.normal));
  const [a, b] = [matrix(rows * depth), matrix(depth * columns)];
  const kernel = kernelOf({ buffers: 3, chunks: rows / 2, types: new Array<'f32'>(6).fill('f32'), body });
  const [, , product] = await agrees(kernel, { buffers: [a, b, new Int32Array(rows * columns)] });
  const exact = floats(a)
    .subarray(0, depth)
    .reduce((total, x, i) => total + x * floats(b)[i * columns]!, 0);
  // Five products and additions of values of order one, each rounded to 2^-24.
  assert.ok(Math.abs(floats(product!)[0]! - exact) < 1e-5);
});

// ---- Promises ----

test('a kernel for another number of lanes is refused', () => {
  const kernel = { ...kernelOf({ types: [], body: [] }), lanes: 8 };
  assert.throws(
    () => encodeModule({ kernels: [kernel] }),
    new InternalError('internal: wasm kernel "test" has 8 lanes, not 4'),
  );
});

test('a variable outside its loop is refused', () => {
  const kernel = kernelOf({ types: ['f32'], body: [load(0, 0, variable('i', 3))] });
  assert.throws(() => encodeModule({ kernels: [kernel] }), /variable "i" is used outside its loop/);
});
