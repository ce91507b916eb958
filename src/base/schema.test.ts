// The door for plain data: one form of fault for everything that is checked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { check, exactly, faultsIn, nameSchema } from './schema.ts';

type Colour = 'red' | 'green' | 'blue';

const shape = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('circle'), radius: z.number().positive() }),
  z.strictObject({ kind: z.literal('square'), side: z.number().positive(), corners: z.int().default(4) }),
]);
const schema = z.strictObject({
  count: z.int().min(1).max(9),
  colour: nameSchema<Colour>(['red', 'green', 'blue']).default('red'),
  shape: shape.optional(),
  layers: z
    .record(z.string(), z.union([z.literal('digital'), z.strictObject({ bits: z.int().min(2) })]))
    .optional(),
  list: z.array(z.number()).optional(),
});

function faultsOf(raw: unknown): string[] {
  const { error } = schema.safeParse(raw);
  return error === undefined ? [] : faultsIn(error, raw);
}

test('what a schema accepts comes back with its defaults', () => {
  assert.deepEqual(check(schema, 'here', { count: 3 }), { count: 3, colour: 'red' });
  assert.deepEqual(check(schema, 'here', { count: 3, shape: { kind: 'square', side: 2 } }).shape, {
    kind: 'square',
    side: 2,
    corners: 4,
  });
});

const faulty: readonly (readonly [raw: unknown, fault: string])[] = [
  [{ count: 0 }, 'count: expected number to be >=1, got 0'],
  [{ count: 10 }, 'count: expected number to be <=9, got 10'],
  [{ count: 1.5 }, 'count: expected int, got 1.5'],
  [{ count: '3' }, 'count: expected number, got "3"'],
  [{}, 'count: expected number, got nothing'],
  [{ count: null }, 'count: expected number, got null (JSON has null for NaN and infinity)'],
  [{ count: Number.NaN }, 'count: expected number, got NaN'],
  [{ count: 1, list: [Number.NEGATIVE_INFINITY] }, 'list.0: expected number, got -Infinity'],
  [[1], 'expected object, got [1]'],
  [undefined, 'expected object, got nothing'],
  [
    { count: 1, colour: 'gren' },
    'colour: expected one of red, green, blue, got "gren"; did you mean "green"?',
  ],
  [{ count: 1, colour: 7 }, 'colour: expected one of red, green, blue, got 7'],
  [{ count: 1, size: 2 }, 'Unrecognized key: "size"'],
  [
    { count: 1, shape: { kind: 'squares' } },
    'shape.kind: expected one of circle, square, got "squares"; did you mean "square"?',
  ],
  [{ count: 1, shape: {} }, 'shape.kind: expected one of circle, square, got nothing'],
  [{ count: 1, shape: { kind: 'circle', radius: -1 } }, 'shape.radius: expected number to be >0, got -1'],
  [{ count: 1, shape: { kind: 'circle', side: 1, radius: 1 } }, 'shape: Unrecognized key: "side"'],
  [{ count: 1, list: [1, 'two'] }, 'list.1: expected number, got "two"'],
  // Of a union the alternative that was meant: a name, or the fields of a record.
  [{ count: 1, layers: { fc: 'analog' } }, 'layers.fc: expected "digital", got "analog"'],
  [{ count: 1, layers: { fc: { bits: 1 } } }, 'layers.fc.bits: expected number to be >=2, got 1'],
  [{ count: 1, layers: { fc: { bit: 3, bits: 3 } } }, 'layers.fc: Unrecognized key: "bit"'],
];

for (const [raw, fault] of faulty) {
  test(`a fault has its place, what was expected, and what came: ${fault}`, () => {
    assert.deepEqual(faultsOf(raw), [fault]);
    assert.throws(() => check(schema, 'here', raw), { name: 'UsageError', message: `here: ${fault}` });
  });
}

test('all faults are listed at once', () => {
  assert.throws(() => check(schema, 'here', { count: 0, colour: 'pink', list: ['one'] }), {
    name: 'UsageError',
    message: `here: 3 faults
  - count: expected number to be >=1, got 0
  - colour: expected one of red, green, blue, got "pink"
  - list.0: expected number, got "one"`,
  });
});

test('long values are cut where they are echoed', () => {
  const [fault] = faultsOf({ count: 1, list: 'x'.repeat(1000) });
  assert.ok(fault!.endsWith('x…') && fault!.length < 260, fault);
});

test('the compiler refuses a schema that is not exactly its type', () => {
  type Pair = { readonly a: number; readonly b?: string };
  const schema = exactly<Pair>()(z.strictObject({ a: z.number(), b: z.exactOptional(z.string()) }));
  assert.deepEqual(schema.parse({ a: 1 }), { a: 1 });
  // @ts-expect-error a field is missing that the type has
  exactly<Pair>()(z.strictObject({ a: z.number() }));
  // @ts-expect-error a field that the type has not
  exactly<Pair>()(z.strictObject({ a: z.number(), b: z.exactOptional(z.string()), c: z.number() }));
  // @ts-expect-error a field is optional in the type
  exactly<Pair>()(z.strictObject({ a: z.number(), b: z.string() }));
  // @ts-expect-error a field has another type
  exactly<Pair>()(z.strictObject({ a: z.string(), b: z.exactOptional(z.string()) }));
});
