import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Axis } from './chart.ts';
import { coincidingSeries, curves, endLabels, type Series, spread } from './curves.ts';

/** 1,000 pixels for accuracies from 1 to 0. */
const y: Axis = { place: (share) => 1000 * (1 - share), ticks: [] };

function series(name: string, means: readonly number[], change: Partial<Series> = {}): Series {
  const points = means.map((mean, index) => ({
    x: 100 * index,
    name: `t${index}`,
    result: { timeSeconds: index, method: 'global' as const, accuracies: [mean, mean], mean },
  }));
  return { name, method: 'global', colour: 'global', pattern: 0, points, ...change };
}

test('series coincide that are nowhere three pixels apart', () => {
  const a = series('a', [0.9, 0.8, 0.7]);
  const close = series('close', [0.9, 0.8025, 0.699]);
  const crossing = series('crossing', [0.9, 0.8, 0.6]);
  const names = (all: readonly Series[]) =>
    coincidingSeries(all, y).map((group) => group.map(({ name }) => name));
  assert.deepEqual(names([a, crossing, close]), [['a', 'close']]);
  assert.deepEqual(names([a, crossing]), []);
  assert.deepEqual(names([a, series('short', [0.9])]), [['a', 'short']]);
  assert.deepEqual(names([a, { ...series('elsewhere', [0.9, 0.8]), points: [] }]), []);
});

test('of coinciding curves every one is visible: lower lines are wider, no mark hides another', () => {
  const same = [0.9, 0.8, 0.7];
  const { source } = curves([series('a', same), series('b', same), series('c', same)], y, {
    singleChips: false,
  });
  const widths = [...source.matchAll(/stroke-width:([\d.]+)/g)].map(([, width]) => Number(width));
  assert.equal(widths.length, 3);
  assert.ok(widths[0]! > widths[1]! + 1.5 && widths[1]! > widths[2]! + 1.5, widths.join());
  const marks = [...source.matchAll(/translate\(([-\d.]+) 100\)/g)].map(([, x]) => Number(x));
  assert.equal(new Set(marks).size, 3);
  for (const [index, x] of marks.slice(1).entries()) assert.ok(x - marks[index]! >= 8);
});

test('curves that do not coincide are equally wide, with marks at their points', () => {
  const { source } = curves([series('a', [0.9, 0.8]), series('b', [0.5, 0.4])], y, { singleChips: false });
  assert.deepEqual(
    [...source.matchAll(/stroke-width:([\d.]+)/g)].map(([, width]) => width),
    ['2', '2'],
  );
  assert.ok(source.includes('translate(100 200)') && source.includes('translate(100 600)'));
});

test('a second network has dashes and hollow marks', () => {
  const { source } = curves([series('b', [0.5, 0.4], { pattern: 1 })], y, { singleChips: false });
  assert.match(source, /stroke-dasharray="8 4"/);
  assert.equal([...source.matchAll(/class="mark hollow"/g)].length, 2);
});

test('labels never overlap, keep their order, and move only where they must', () => {
  const heights = [40, 41, 42, 100, 113, 300];
  const places = spread(heights, [0, 400]);
  for (const [index, place] of places.slice(1).entries()) assert.ok(place - places[index]! >= 14 - 1e-9);
  assert.equal(places.at(-1), 300);
  assert.equal(places[1], 41);
  const atTheEdge = spread([0, 1, 2], [0, 400]);
  assert.deepEqual(atTheEdge, [0, 14, 28]);
  assert.deepEqual(spread([399, 400], [0, 400]), [386, 400]);
});

test('a label that was cut has its whole name as title', () => {
  const area = { left: 0, right: 100, top: 0, bottom: 100 };
  const { source } = endLabels([{ text: 'long…', full: 'long name', y: 10, from: 90 }], area);
  assert.match(source, /long…<title>long name<\/title>/);
});
