// C of small kernels, as text. That it compiles and computes is tested by running (backend.test.ts, test/).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { lane } from '../compile/draft.ts';
import { KernelBuilder } from '../kernel/builder.ts';
import { div, literal, mod, plus, times, variable } from '../kernel/int.ts';
import { type Kernel, SCRATCH } from '../kernel/kernel.ts';
import { printTranslationUnit, printTranslationUnits } from './print-c.ts';

/** A kernel that has every kind of statement. */
function everyStatement(): Kernel {
  const b = new KernelBuilder(4);
  const chunk = variable('chunk', 6);
  const base = b.reserve(8);
  const sum = b.accumulator(b.literal(-0.5));
  b.loop(5, (i) => {
    const x = b.load(0, plus(times(chunk, 20), plus(times(i, 4), lane(4))));
    b.multiplyAdd(sum, x, b.load(1, i));
    b.guard(i, 3, () => b.assign(sum, b.operation('maximum', sum, b.load(0, times(lane(3), 7)))));
    b.store(SCRATCH, plus(literal(base), lane(4)), b.scalar(2, 'f32'));
    b.prefetch(0, times(i, 16), 'load');
    b.prefetch(2, plus(times(chunk, 4), literal(64)), 'store');
  });
  const whole = b.operation(
    'selectInt',
    b.operation('less', b.load(1, literal(0)), b.literal(1)),
    b.index(plus(chunk, times(lane(4), 2))),
    b.pushConstant(0),
  );
  const digits = b.index(div(plus(chunk, lane(4)), 3));
  const mixed = b.operation('toFloat', b.operation('xor', b.shift('right', whole, 9), digits));
  b.store(2, plus(times(chunk, 4), lane(3)), b.operation('add', mixed, b.fold('add', sum)), 3);
  const chosen = b.lookup(
    Array.from({ length: 32 }, (_, k) => k / 2),
    digits,
  );
  b.store(
    2,
    plus(times(lane(2), 5), mod(chunk, 4)),
    b.operation('multiply', chosen, b.operation('sqrt', b.literal(Number.POSITIVE_INFINITY))),
    2,
  );
  const offset = { by: whole, reach: 9, isUniform: true };
  const further = b.loadAt(0, lane(4), offset);
  const own = b.loadAt(0, lane(4), { ...offset, isUniform: false }, 'i32');
  b.storeAt(2, plus(chunk, lane(4)), offset, further, 4);
  b.storeAt(2, lane(3), offset, own, 3);
  return b.finish({ name: 'every_0', buffers: 3, pushConstants: 1, chunks: 6 });
}

test('every statement has its C', () => {
  const text = printTranslationUnit([everyStatement()], 4);
  assert.equal(
    text.slice(text.indexOf('void every_0(')),
    `void every_0(float *const *buffers, const uint32_t *scalars, const uint32_t *push_constants, float *scratch, integer chunk) {
  float *b0 = buffers[0];
  float *b1 = buffers[1];
  float *b2 = buffers[2];
  (void)scalars; (void)push_constants; (void)scratch; (void)chunk;
  const vf v0 = splat_f(-0.5f);
  vf v1 = v0;
  const vf v4 = (vf){ b0[0], b0[7], b0[14], b0[14] };
  const vf v6 = splat_f(float_of(scalars[2]));
  for (integer i_0 = 0; i_0 < 5; i_0++) {
    const vf v2 = load_f(b0 + chunk * 20 + i_0 * 4);
    const vf v3 = splat_load_f(b1 + i_0);
    v1 = multiply_add(v2, v3, v1);
    if (i_0 < 3) {
      const vf v5 = op_maximum(v1, v4);
      v1 = v5;
    }
    store(scratch + 0, (vf)v6);
    __builtin_prefetch(b0 + i_0 * 16, 0, 3);
    __builtin_prefetch(b2 + chunk * 4 + 64, 1, 3);
  }
  const vf v7 = splat_load_f(b1 + 0);
  const vf v8 = splat_f(1.0f);
  const vi v9 = v7 < v8;
  const vi v10 = splat_i((int32_t)(chunk)) + lane_numbers * 2;
  const vi v11 = splat_i((int32_t)push_constants[0]);
  const vi v12 = op_selectInt(v9, v10, v11);
  const vi v13 = (vi){ ((chunk) / 3), ((chunk + 1) / 3), ((chunk + 2) / 3), ((chunk) / 3) + 1 };
  const vi v14 = (vi)((vu)v12 >> 9);
  const vi v15 = v14 ^ v13;
  const vf v16 = op_toFloat(v15);
  const vf v17 = fold_add(v1);
  const vf v18 = v16 + v17;
  store_first(b2 + chunk * 4, (vf)v18, 3);
  const vf v19 = lookup(every_0_constants + 0, v13);
  const vf v20 = splat_f(INFINITY);
  const vf v21 = op_sqrt(v20);
  const vf v22 = v19 * v21;
  b2[((chunk) % 4)] = ((vf)v22)[0]; b2[((chunk) % 4) + 5] = ((vf)v22)[1];
  const vf v23 = load_f(b0 + 0 + (integer)v12[0]);
  const vi v24 = (vi){ int_of(b0[0 + (integer)v12[0]]), int_of(b0[1 + (integer)v12[1]]), int_of(b0[2 + (integer)v12[2]]), int_of(b0[3 + (integer)v12[3]]) };
  store(b2 + chunk + (integer)v12[0], (vf)v23);
  store_first(b2 + 0 + (integer)v12[0], (vf)v24, 3);
}

void every_0(float *const *buffers, const uint32_t *scalars, const uint32_t *push_constants, float *scratch, integer chunk);
static const kernel_function ohmic_kernels[] = { every_0 };
EXPORT const void *ohmic_kernel_table(void) { return ohmic_kernels; }
`,
  );
});

test('a unit begins with the prelude for its lanes, as it stands in prelude.h', () => {
  for (const lanes of [4, 8, 16]) {
    const [unit] = printTranslationUnits([], lanes);
    const file = readFileSync(new URL('prelude.h', import.meta.url), 'utf8');
    assert.ok(unit!.startsWith(`#define LANES ${lanes}\n${file}`));
  }
});

test('a short plan is one unit, a long one two, which together hold every kernel once and the table', () => {
  const kernels = (count: number): Kernel[] =>
    Array.from({ length: count }, (_, k) => ({ ...everyStatement(), name: `kernel_${k}` }));
  assert.equal(printTranslationUnits(kernels(3), 4).length, 1);
  const units = printTranslationUnits(kernels(60), 4);
  assert.equal(units.length, 2);
  for (let k = 0; k < 60; k++) {
    assert.equal(
      units.filter((unit) =>
        unit.includes(
          `void kernel_${k}(float *const *buffers, const uint32_t *scalars, const uint32_t *push_constants, float *scratch, integer chunk) {`,
        ),
      ).length,
      1,
    );
  }
  assert.equal(units.filter((unit) => unit.includes('ohmic_kernel_table(void) {')).length, 1);
  const [first, second] = units.map((unit) => unit.length) as [number, number];
  assert.ok(first < 2 * second && second < 2 * first);
});

test('a condition on any lane is a branch', () => {
  const b = new KernelBuilder(4);
  const mask = b.operation('less', b.load(0, lane(4)), b.literal(0));
  b.ifAny(mask, () => b.store(1, lane(4), b.literal(1)));
  const text = printTranslationUnit([b.finish({ name: 'k', buffers: 2, pushConstants: 0, chunks: 1 })], 4);
  assert.match(text, /\n {2}if \(any_lane\(v2\)\) \{\n.*\n {4}store\(b1 \+ 0, \(vf\)v3\);\n {2}\}\n/);
});

test('a condition that ends its loop is a branch that leaves it', () => {
  const b = new KernelBuilder(4);
  const x = b.load(0, lane(4));
  b.loop(3, (i) => {
    const mask = b.operation('lessInt', b.index(i), b.operation('truncate', x));
    b.ifAny(mask, () => b.store(1, plus(times(i, 4), lane(4)), x), { endsLoop: true });
  });
  const text = printTranslationUnit([b.finish({ name: 'k', buffers: 2, pushConstants: 0, chunks: 1 })], 4);
  assert.match(text, /\n {4}if \(any_lane\(v\d+\)\) \{\n.*\n {4}\} else break;\n {2}\}\n/);
});
