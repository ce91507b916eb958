import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../base/schema.ts';
import { gridSize, pointsOf } from './expand.ts';
import { checkSweepFile } from './sweep-file.ts';

const points = (raw: object): object[] => [...pointsOf(checkSweepFile('test', { base: {}, ...raw } as Json))];
const refused = (raw: object, message: RegExp): void => {
  assert.throws(() => points(raw), message);
};

test('points are the product of the axes, the last changing fastest, less what constraints leave out', () => {
  const axes = { eta: [0, 0.04], bits: { path: 'adc.bits', values: [4, 8] } };
  assert.deepEqual(points({ axes }), [
    { eta: 0, bits: 4 },
    { eta: 0, bits: 8 },
    { eta: 0.04, bits: 4 },
    { eta: 0.04, bits: 8 },
  ]);
  assert.deepEqual(points({ axes, where: ['eta == 0 or bits > 4', 'bits < 8 or eta > 0'] }), [
    { eta: 0, bits: 4 },
    { eta: 0.04, bits: 8 },
  ]);
  assert.deepEqual(points({ axes: {} }), [{}]);
});

test('ranges are linear or logarithmic, with both ends; whole ones may be fewer; seeds count from 0', () => {
  const values = (axis: object): unknown[] =>
    points({ axes: { x: axis } }).map((point) => (point as { x: number }).x);
  assert.deepEqual(values({ from: 0, to: 0.3, count: 4 }), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(values({ from: 0.001, to: 1, scale: 'logarithmic', count: 4 }), [0.001, 0.01, 0.1, 1]);
  assert.deepEqual(values({ from: 1, to: 3, count: 9, whole: true }), [1, 2, 3]);
  assert.deepEqual(values({ seeds: 3 }), [0, 1, 2]);
  assert.deepEqual(values({ seeds: [5, 9] }), [5, 9]);
});

test('axes without a count are drawn together, and cross the others', () => {
  const axes = {
    rate: { from: 0.001, to: 1, scale: 'logarithmic' },
    bits: [4, 8],
    eta: { from: 0, to: 0.1 },
  };
  const all = points({ axes, sample: { count: 8 } }) as { rate: number; bits: number; eta: number }[];
  assert.equal(all.length, 16);
  assert.deepEqual(Object.keys(all[0]!), ['rate', 'bits', 'eta']);
  assert.equal(new Set(all.map(({ rate, eta }) => `${rate} ${eta}`)).size, 8);
  // One in each eighth of the decades, as Sobol's sequence is balanced.
  const rates = [...new Set(all.map(({ rate }) => rate))];
  assert.equal(new Set(rates.map((rate) => Math.floor(((Math.log10(rate) + 3) / 3) * 8))).size, 8);
  assert.ok(all.every(({ eta }) => eta >= 0 && eta <= 0.1));
});

test('a million points are counted at once, and come one by one', () => {
  const file = checkSweepFile('test', {
    base: {},
    axes: { a: { seeds: 1000 }, b: { from: 1, to: 1000, count: 1000 } },
  });
  assert.equal(gridSize(file), 1_000_000);
  const [first] = pointsOf(file);
  assert.deepEqual(first, { a: 0, b: 1 });
});

test('what a file can’t mean is listed', () => {
  refused(
    { axes: { x: [] } },
    /axes\.x: expected at least one value, got none; leave the axis out to keep the base/,
  );
  refused({ axes: { x: { seeds: [] } } }, /axes\.x: expected at least one value/);
  refused({ axes: { x: [1, 2, 1] } }, /axes\.x: values must differ from one another, got 1 twice/);
  refused(
    { axes: { x: { from: 0, to: 1, scale: 'logarithmic', count: 3 } } },
    /a logarithmic range must be above 0, got 0 to 1/,
  );
  refused({ axes: { x: { from: 1, to: 1, count: 3 } } }, /expected different ends, got 1 twice/);
  refused({ axes: { x: { from: 0, to: 1 } } }, /axes\.x: expected a count, or a `sample`/);
  refused(
    { axes: { x: [1] }, sample: { count: 4 } },
    /sample: expected at least one axis from … to … without a count/,
  );
  refused({ axes: { chip: [1] } }, /axes\.chip: expected a name that is no other column of the table/);
  refused({ axes: { x: [1] }, where: 'y > 1' }, /where\[0\]: "y > 1": expected one of x/);
  refused(
    { axes: { x: [1], s: { path: 'seed', seeds: 2 } }, cost: 's' },
    /cost: "s": expected one of x, got "s"/,
  );
  refused({ axes: { x: [1] }, where: 'x + 1' }, /where "x \+ 1": expected a condition, true or false, got 2/);
  refused({ axes: { x: [1] }, name: '../x' }, /name: .*expected letters, digits/);
});

test('axes of more values than memory holds are refused before they are expanded', () => {
  refused({ axes: { x: { from: 0, to: 1, count: 1_000_000_000 } } }, /axes/);
  refused({ axes: { x: { from: 0, to: 1 } }, sample: { count: 1_000_000_000 } }, /sample\.count/);
});
