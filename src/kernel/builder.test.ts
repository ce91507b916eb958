// The builder's promises, by the text of the kernels that it writes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lane } from '../compile/draft.ts';
import { KernelBuilder } from './builder.ts';
import { type Int, literal, plus, times, variable } from './int.ts';
import { SCRATCH } from './kernel.ts';
import { printKernel } from './print.ts';

/** The body that `write` writes, as text. */
function bodyOf(write: (b: KernelBuilder, chunk: Int) => void): string {
  const builder = new KernelBuilder(4);
  write(builder, variable('chunk', 8));
  const text = printKernel(builder.finish({ name: 'k', buffers: 2, pushConstants: 0, chunks: 8 }));
  return text.slice(text.indexOf('\n') + 1).trimEnd();
}

const row = (i: Int): Int => plus(times(i, 4), lane(4));

test('equal values are one local, and loads too', () => {
  const text = bodyOf((b, chunk) => {
    const twice = [0, 1].map(() => b.operation('abs', b.load(0, row(chunk))));
    b.store(1, row(chunk), b.operation('add', twice[0]!, twice[1]!));
  });
  assert.equal(
    text,
    [
      '  v0 = b0[chunk * 4] vector:f32',
      '  v1 = abs(v0)',
      '  v2 = add(v1, v1)',
      '  b1[chunk * 4] = v2 vector 4',
    ].join('\n'),
  );
});

test('a value stands in the outermost loop that knows its operands', () => {
  const text = bodyOf((b) => {
    b.loop(3, (i) => {
      b.loop(5, (j) => {
        const scale = b.operation('multiply', b.load(0, i), b.literal(2));
        b.store(1, row(plus(times(i, 5), j)), b.operation('add', scale, b.load(0, row(j))));
      });
    });
  });
  assert.equal(
    text,
    [
      '  v1 = 2:f32',
      '  for i_0 in 3',
      '    v0 = b0[i_0] splat:f32',
      '    v2 = multiply(v0, v1)',
      '    for i_1 in 5',
      '      v3 = b0[i_1 * 4] vector:f32',
      '      v4 = add(v2, v3)',
      '      b1[i_0 * 20 + i_1 * 4] = v4 vector 4',
    ].join('\n'),
  );
});

test('a load of a guarded place stays within its guard', () => {
  const text = bodyOf((b) => {
    b.loop(5, (i) => {
      b.guard(i, 3, () => b.store(1, row(i), b.load(0, row(i))));
    });
  });
  assert.equal(
    text,
    [
      '  for i_0 in 5',
      '    if i_0 < 3',
      '      v0 = b0[i_0 * 4] vector:f32',
      '      b1[i_0 * 4] = v0 vector 4',
    ].join('\n'),
  );
});

test('what is first asked for under a condition is computed there, what does not change in the loop before it', () => {
  const text = bodyOf((b) => {
    b.loop(5, (i) => {
      const x = b.load(0, row(i));
      b.ifAny(b.operation('less', x, b.literal(0)), () => {
        const y = b.operation('abs', b.load(0, literal(0)));
        b.store(1, row(i), b.operation('multiply', b.operation('sqrt', x), y));
        b.store(1, row(i), b.operation('sqrt', x));
      });
      b.store(1, row(i), b.operation('sqrt', x));
    });
  });
  assert.equal(
    text,
    [
      '  v1 = 0:f32',
      '  v3 = b0[0] splat:f32',
      '  v4 = abs(v3)',
      '  for i_0 in 5',
      '    v0 = b0[i_0 * 4] vector:f32',
      '    v2 = less(v0, v1)',
      '    if any v2',
      '      v5 = sqrt(v0)',
      '      v6 = multiply(v5, v4)',
      '      b1[i_0 * 4] = v6 vector 4',
      '      b1[i_0 * 4] = v5 vector 4',
      '    v7 = sqrt(v0)',
      '    b1[i_0 * 4] = v7 vector 4',
    ].join('\n'),
  );
});

test('the value of an accumulator stays what it was, and what is shared is made once where it is known', () => {
  const builder = new KernelBuilder(4);
  let made = 0;
  const shared = (): number => builder.shared('key', () => [builder.literal(++made)])[0]!;
  for (const type of ['f32', 'i32'] as const) {
    const sum = builder.accumulator(builder.literal(1, type));
    const before = builder.valueOf(sum);
    builder.loop(2, () => {
      builder.assign(sum, builder.valueOf(sum));
      assert.equal(shared(), shared());
    });
    assert.notEqual(builder.valueOf(sum), before);
    assert.equal(builder.typeOf(before), type);
  }
  assert.equal(made, 2);
  shared();
  builder.loop(2, () => shared());
  assert.equal(made, 3);
});

test('a guard that always holds is no guard, a loop of one is no loop, a loop of none is nothing', () => {
  const text = bodyOf((b, chunk) => {
    b.guard(chunk, 8, () => b.loop(1, (i) => b.store(1, row(plus(chunk, i)), b.literal(0))));
    b.loop(0, (i) => b.store(0, row(i), b.literal(1)));
  });
  assert.equal(text, ['  v0 = 0:f32', '  b1[chunk * 4] = v0 vector 4'].join('\n'));
});

test('how a load and a store reach memory follows from the lane’s coefficient', () => {
  const text = bodyOf((b, chunk) => {
    const wide = (factor: number): Int => plus(chunk, times(lane(4), factor));
    const sum = [0, 1, 3].map((factor) => b.load(0, wide(factor))).reduce((a, c) => b.operation('add', a, c));
    b.store(1, wide(1), sum, 3);
    b.store(1, wide(2), sum, 3);
    b.store(1, times(lane(1), 7), sum, 1);
  });
  assert.equal(
    text,
    [
      '  v0 = b0[chunk] splat:f32',
      '  v1 = b0[chunk] vector:f32',
      '  v2 = b0[chunk + lane * 3] gather:f32',
      '  v3 = add(v0, v1)',
      '  v4 = add(v3, v2)',
      '  b1[chunk] = v4 vector 3',
      '  b1[chunk + lane * 2] = v4 scatter 3',
      '  b1[0] = v4 vector 1',
    ].join('\n'),
  );
});

test('how a load reaches where data say follows from the lane’s coefficient, and whether the data differ by lane', () => {
  const text = bodyOf((b, chunk) => {
    const offset = { by: b.load(1, chunk, 'i32'), reach: 5, isUniform: true };
    const [along, apart] = [plus(chunk, lane(4)), plus(chunk, times(lane(4), 2))];
    b.loop(3, () => {
      b.loadAt(0, along, offset);
      b.loadAt(0, apart, offset, 'i32');
      b.loadAt(0, along, { ...offset, isUniform: false });
      b.storeAt(1, along, offset, b.loadHereAt(1, along, offset), 3);
    });
  });
  assert.equal(
    text,
    [
      '  v0 = b1[chunk] splat:i32',
      '  v1 = b0[chunk + v0] vector:f32',
      '  v2 = b0[chunk + lane * 2 + v0] gather:i32',
      '  v3 = b0[chunk + lane + v0] gather:f32',
      '  for i_0 in 3',
      '    v4 = b1[chunk + v0] vector:f32',
      '    b1[chunk + v0] = v4 vector 3',
    ].join('\n'),
  );
});

test('an operation on an accumulator takes its value of there and then', () => {
  const text = bodyOf((b) => {
    const sum = b.accumulator(b.literal(0));
    b.loop(3, (i) => {
      b.assign(sum, b.operation('add', sum, b.load(0, row(i))));
      b.store(1, row(i), b.operation('negate', sum));
    });
    b.store(1, row(literal(3)), b.operation('negate', sum));
  });
  assert.equal(
    text,
    [
      '  v0 = 0:f32',
      '  var v1 = v0',
      '  for i_0 in 3',
      '    v2 = b0[i_0 * 4] vector:f32',
      '    v3 = add(v1, v2)',
      '    v1 := v3',
      '    v4 = negate(v1)',
      '    b1[i_0 * 4] = v4 vector 4',
      '  v5 = negate(v1)',
      '  b1[12] = v5 vector 4',
    ].join('\n'),
  );
});

test('parts are interleaved statement by statement, and what one needs from another comes first', () => {
  const text = bodyOf((b) => {
    b.loop(2, (i) => {
      const results = b.interleaved(
        [1, 2].map((k) => () => {
          const shared = b.load(0, times(i, 8));
          const own = b.operation('add', shared, b.load(1, plus(times(i, 8), literal(k))));
          b.store(2, row(plus(times(i, 2), literal(k))), own);
          return k;
        }),
      );
      assert.deepEqual(results, [1, 2]);
    });
  });
  assert.equal(
    text,
    [
      '  for i_0 in 2',
      '    v0 = b0[i_0 * 8] splat:f32',
      '    v3 = b1[i_0 * 8 + 2] splat:f32',
      '    v1 = b1[i_0 * 8 + 1] splat:f32',
      '    v4 = add(v0, v3)',
      '    v2 = add(v0, v1)',
      '    b2[i_0 * 8 + 8] = v4 vector 4',
      '    b2[i_0 * 8 + 4] = v2 vector 4',
    ].join('\n'),
  );
});

test('interleaved parts are independent: no accumulator, no loop, no load of what another part stores', () => {
  const write = (part: (b: KernelBuilder, k: number, i: Int) => void) => (): void => {
    const b = new KernelBuilder(4);
    b.loop(2, (i) => b.interleaved([0, 1].map((k) => () => part(b, k, i))));
  };
  assert.throws(
    write((b) => b.accumulator(b.literal(0))),
    /^InternalError: internal: an interleaved part changes an accumulator$/,
  );
  assert.throws(
    write((b, _, i) => b.loop(3, (j) => b.store(0, row(plus(i, times(j, 2))), b.literal(1)))),
    /an interleaved part holds a loop or a guard$/,
  );
  assert.throws(
    write((b, k, i) => {
      b.store(SCRATCH, row(plus(i, literal(k))), b.literal(1));
      b.load(SCRATCH, row(plus(i, literal(1 - k))));
    }),
    /an interleaved part loads from a buffer that another one stores to$/,
  );
  // What a part stores itself, it may load.
  write((b, k) =>
    k === 0 ? b.store(SCRATCH, row(literal(0)), b.load(SCRATCH, row(literal(0)))) : b.literal(3),
  )();
});

test('a load of a buffer is asked for before any store to its element, or is a load here', () => {
  const finish = (write: (b: KernelBuilder) => void): void => {
    const b = new KernelBuilder(4);
    write(b);
    b.finish({ name: 'k', buffers: 2, pushConstants: 0, chunks: 1 });
  };
  const late = /kernel k stores b0\[.*\] before it loads b0\[.*\]; use loadHere$/;
  // In one block: the load would be shared with an earlier one.
  const inOneBlock = (b: KernelBuilder): void => {
    b.store(0, row(literal(1)), b.load(0, row(literal(1))));
    b.store(1, row(literal(1)), b.load(0, row(literal(1))));
  };
  assert.throws(() => finish(inOneBlock), late);
  // In a loop: the load would leave the loop, in which an earlier turn has stored the element.
  const inLoop = (b: KernelBuilder): void =>
    b.loop(3, () => b.store(0, row(literal(0)), b.operation('abs', b.load(0, row(literal(0))))));
  assert.throws(() => finish(inLoop), late);
  // The element after the one that was stored in the turn before, and the one before.
  const shifted =
    (by: number) =>
    (b: KernelBuilder): void =>
      b.loop(3, (i) => b.store(0, row(plus(i, literal(1))), b.load(0, row(plus(i, literal(1 + by))))));
  assert.throws(() => finish(shifted(-1)), late);
  finish(shifted(1));
  finish(shifted(0));
  finish((b) =>
    b.loop(3, (i) => {
      b.store(0, row(i), b.literal(2));
      b.store(0, row(i), b.operation('abs', b.loadHere(0, row(i))));
    }),
  );
});

test('a table is kept once, however often it is looked up, and must have 32 numbers', () => {
  const builder = new KernelBuilder(4);
  const [first, second] = [1, 2].map((factor) => Array.from({ length: 32 }, (_, k) => k * factor));
  const index = builder.index(lane(4));
  const found = builder.lookup(first!, index);
  assert.equal(builder.lookup(first!, index), found);
  assert.notEqual(builder.lookup(second!, index), found);
  assert.throws(() => builder.lookup([1, 2], index), /a table has 32 numbers, not 2/);
  const kernel = builder.finish({ name: 'k', buffers: 0, pushConstants: 0, chunks: 1 });
  assert.deepEqual(kernel.constants, [...first!, ...second!]);
});

test('scratch memory is loaded where it is asked for, and reservations lie apart', () => {
  const builder = new KernelBuilder(4);
  const [first, second] = [builder.reserve(10), builder.reserve(10)];
  assert.ok(second >= first + 10 + 4);
  const values = [0, 1].map(() => builder.load(SCRATCH, plus(literal(first), lane(4))));
  assert.notEqual(values[0], values[1]);
  assert.ok(
    builder.finish({ name: 'k', buffers: 0, pushConstants: 0, chunks: 1 }).scratch >= second + 10 + 4,
  );
});

test('literals are floats: what is equal as a float is one literal, −0 and 0 are two', () => {
  const builder = new KernelBuilder(4);
  assert.equal(builder.literal(0.1), builder.literal(Math.fround(0.1)));
  assert.notEqual(builder.literal(0), builder.literal(-0));
  assert.notEqual(builder.literal(0), builder.literal(0, 'i32'));
  assert.equal(builder.literal(1e39), builder.literal(Number.POSITIVE_INFINITY));
});

test('a kernel cannot end inside a loop', () => {
  const builder = new KernelBuilder(4);
  builder.loop(2, () => {
    assert.throws(
      () => builder.finish({ name: 'k', buffers: 0, pushConstants: 0, chunks: 1 }),
      /^InternalError: internal: kernel finished inside a loop$/,
    );
  });
});
