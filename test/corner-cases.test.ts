// Graphs that once came out wrong on a backend, and their neighbours: each against the float64 interpreter.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { elementCount } from '../src/base/shape.ts';
import type { Engine } from '../src/engine.ts';
import { engineOn } from '../src/engine.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { type Traced, trace } from '../src/graph/trace.ts';
import { assertAgrees, backends, type SampleTrace, sample, TOLERANCE } from './compare.ts';

/** Of equal terms, of which each addition may round the same way: 1,024 in a row, 2⁻²⁵ each. */
const LONG_SUMS = 3e-5;

const same = { stride: [1, 1], padding: [1, 1] } as const;

/** Graphs by what is special about them; those of one entry are independent, and share one compilation. */
const CASES: Readonly<Record<string, (t: SampleTrace) => Traced>> = {
  'transposes that are computed, or drawn, before a product reads them': (t) => {
    const [a, b, g] = [t.normals([64, 8]), t.normals([64, 8]), t.normals([64, 5])];
    const noise = t.key('noise');
    const drawn = (name: string): Tensor => noise.derive(name).normal([64, 8]);
    return {
      outputs: {
        first: a.tanh().transpose().matmul(g),
        second: b.tanh().transpose().matmul(g),
        firstDrawn: drawn('a').transpose().matmul(g),
        secondDrawn: drawn('b').transpose().matmul(g),
      },
    };
  },
  'transposes that are results themselves': (t) => {
    const [a, b, g] = [t.normals([64, 8]), t.normals([64, 8]), t.normals([64, 5])];
    const [ta, tb] = [a.transpose(), b.transpose()];
    return { outputs: { ta, tb, first: ta.matmul(g), second: tb.matmul(g) } };
  },
  'a state that is overwritten while its transpose is read': (t) => {
    const state = t.normalState('s', [64, 8]);
    const half = state.multiply(0.5);
    const flipped = state.transpose();
    return { outputs: { flipped, product: flipped.matmul(half) }, updates: { s: half } };
  },
  'many channels under a filter of one row': (t) => {
    const [x, filter, bias] = [
      t.normals([1, 8, 16, 128]),
      t.normals([1, 5, 128, 64], 0.05),
      t.normals([128]),
    ];
    const [long, coarse] = [t.normals([2, 1, 64, 128]), t.normals([1, 1, 80, 256])];
    return {
      outputs: {
        padded: x.convolve(filter, { stride: [1, 1], padding: [0, 2] }),
        biased: x.add(bias).convolve(filter, { stride: [1, 1], padding: [0, 0] }),
        sequence: long.convolve(filter, { stride: [1, 1], padding: [0, 2] }),
        strided: coarse.convolve(t.normals([1, 3, 256, 64], 0.05), { stride: [1, 2], padding: [0, 1] }),
      },
    };
  },
  'a row range of one kernel row': (t) => {
    const [x, filter] = [t.normals([1, 16, 16, 256]), t.normals([3, 3, 256, 64], 0.05)];
    return {
      outputs: {
        whole: x.convolve(filter, { stride: [2, 2], padding: [1, 1] }, [0, 768]),
        part: x.convolve(filter, { stride: [2, 2], padding: [1, 1] }, [100, 700]),
      },
    };
  },
  'images of one row under a filter of three': (t) => ({
    outputs: {
      long: t.normals([2, 1, 32_768, 16]).convolve(t.normals([3, 3, 16, 1], 0.1), same),
      short: t.normals([1, 1, 64, 64]).convolve(t.normals([3, 3, 64, 1], 0.1), same),
    },
  }),
  'noise that is transposed after it was drawn': (t) => {
    const z = t.key('noise').derive('z').normal([2, 8, 8, 16]);
    const y = t.normals([2, 8, 8, 16]).convolve(t.normals([3, 3, 16, 16], 0.1), same);
    return { outputs: { y: y.add(z.transpose([0, 2, 1, 3])) } };
  },
  'numbers beside a bool': (t) => {
    const mask = t.normals([50]).less(0);
    return { outputs: { isTrue: mask.equal(1), isFalse: mask.equal(0), either: mask.select(mask, 1) } };
  },
  'integers that wrap around': (t) => {
    const large = t.integers([20], 0, 40).add(2_147_483_620);
    return {
      outputs: {
        successor: large.add(1).less(large),
        sums: large.add(10).less(large.add(5)),
        products: large.multiply(6).less(large.multiply(4)),
        largest: large.add(30).maximum(large),
        difference: large.multiply(-1).subtract(large),
      },
    };
  },
  'a maximum over NaN': (t) => {
    const row = Array.from({ length: 40 }, (_, k) => k % 7);
    const withNaN = [0, 1, 17, 38, 39].map((place) => row.map((v, k) => (k === place ? Number.NaN : v)));
    const x = t.values([6, 40], [...withNaN.flat(), ...row]);
    const long = Array.from({ length: 40_000 }, (_, k) => (k === 12_345 ? Number.NaN : k % 100));
    return { outputs: { rows: x.max([1]), columns: x.max([0]), all: t.values([40_000], long).max() } };
  },
  'sums of more terms than one 32-bit sum can take in a row': (t) => {
    const tenths = (...shape: number[]): Tensor =>
      t.values(shape, new Float32Array(elementCount(shape)).fill(0.1));
    const prime = 200_003;
    const left = tenths(prime, 3);
    return {
      outputs: {
        columns: tenths(prime, 2).sum([0]),
        rows: tenths(2, prime).sum([1]),
        row: tenths(prime).sum(),
        planes: tenths(97, 2, 1031).sum([0, 2]),
        product: left.transpose().matmul(tenths(prime, 2)),
      },
    };
  },
  'a value that meets its own transpose again and again': (t) => {
    let x: Tensor = t.normals([8, 8]);
    for (let k = 0; k < 40; k++) x = x.add(x.transpose()).multiply(0.5);
    return { outputs: { x } };
  },
  'a maximum by halves': (t) => {
    let x: Tensor = t.normals([2 ** 16]);
    for (let half = 2 ** 15; half >= 1; half /= 2)
      x = x.slice([half], [2 * half]).maximum(x.slice([0], [half]));
    return { outputs: { x } };
  },
  'a chain of thousands of operations': (t) => {
    let x: Tensor = t.normals([8]);
    let y: Tensor = t.normals([4, 8]).matmul(t.normals([8, 8]));
    for (let k = 0; k < 1500; k++) {
      x = x.multiply(-1).add(1);
      y = y.multiply(-1).add(1);
    }
    return { outputs: { x, y } };
  },
};

for (const choice of backends) {
  let engine: Engine;
  before(async () => {
    engine = engineOn(await choice.start(2));
  });
  after(() => engine.close());

  for (const [name, define] of Object.entries(CASES))
    test(`${name}: as interpreted, on ${choice.name}`, () =>
      assertAgrees(engine, sample(define), { tolerance: name.startsWith('sums') ? LONG_SUMS : TOLERANCE }));

  test(`a cosine far out stays a cosine, on ${choice.name}`, async () => {
    const executable = await engine.compile(trace((t) => ({ outputs: { y: t.input('x', [5]).cos() } })));
    const { y } = await executable.run({ inputs: { x: Float32Array.of(1e3, 1e5, 1e7, 3e9, 1e30) } });
    executable.free();
    assert.ok(
      y!.every((value) => Math.abs(value) <= 1),
      String(y),
    );
    assert.ok(Math.abs(y![0]! - Math.cos(1e3)) < 1e-6);
  });
}
