// Whether accesses meet, against all iterations, one by one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, type RandomSequence, randomSequence } from '../base/random.ts';
import {
  type Access,
  canMeet,
  firstElements,
  type Guard,
  type Iterations,
  isUnreachable,
  iterationsBefore,
  type Loop,
} from './access.ts';
import { div, type Int, literal, mod, plus, range, substitute, times, variable } from './int.ts';

/** All iterations of an access: values of its variables, `chunk` included. */
function iterationsOf({ loops, guards }: Access, chunks: number): Record<string, number>[] {
  const all = [{ variable: 'chunk', count: chunks }, ...loops].reduce<Record<string, number>[]>(
    (rows, loop) =>
      rows.flatMap((row) => Array.from({ length: loop.count }, (_, k) => ({ ...row, [loop.variable]: k }))),
    [{}],
  );
  return all.filter((row) => guards.every(({ index, below }) => valueAt(index, row) < below));
}

function valueAt(index: Int, row: Readonly<Record<string, number>>): number {
  return range(Object.entries(row).reduce((x, [name, value]) => substitute(x, name, value), index))[0];
}

/** Elements of an access in one iteration. */
function elementsAt({ index, width }: Access, row: Readonly<Record<string, number>>): number[] {
  const first = valueAt(index, row);
  return Array.from({ length: width }, (_, k) => first + k);
}

function meets(first: Access, second: Access, { equal, later }: Iterations, chunks: number): boolean {
  const others = iterationsOf(second, chunks);
  return iterationsOf(first, chunks).some((own) =>
    others.some((other) => {
      if ([...equal].some((name) => own[name] !== other[name])) return false;
      if (later !== undefined && own[later.variable]! >= other[later.variable]!) return false;
      const elements = new Set(elementsAt(first, own));
      return elementsAt(second, other).some((element) => elements.has(element));
    }),
  );
}

/** Two accesses in loops of which they share some, with guards on single variables now and then. */
function randomPair(draw: RandomSequence, chunks: number, hasDivisions: boolean): readonly [Access, Access] {
  const loop = (name: string): Loop => ({ variable: name, count: 2 + draw.below(3) });
  const common = ['i', 'j'].slice(0, draw.below(3)).map(loop);
  const access = (order: number, own: string): Access => {
    const loops = [...common, ...(draw.below(2) === 0 ? [loop(own)] : [])];
    const variables = [{ variable: 'chunk', count: chunks }, ...loops];
    const terms = variables.map(({ variable: name, count }) =>
      times(variable(name, count), [0, 1, 2, 4, 6, 12, -2][draw.below(7)]!),
    );
    let index = terms.reduce(plus, literal(20 + draw.below(6)));
    if (hasDivisions) {
      const { variable: name, count } = variables[draw.below(variables.length)]!;
      const x = plus(times(variable(name, count), 3), literal(draw.below(3)));
      index = plus(index, times((draw.below(2) === 0 ? div : mod)(x, 4), 1 + draw.below(4)));
    }
    const guards: Guard[] = variables.flatMap(({ variable: name, count }) => {
      if (draw.below(4) > 0) return [];
      const x = variable(name, count);
      const isFromBelow = draw.below(2) === 0;
      return [
        { index: isFromBelow ? x : plus(literal(count - 1), times(x, -1)), below: 1 + draw.below(count) },
      ];
    });
    const width = 1 + draw.below(4);
    return { kind: 'store', buffer: 0, index, width, lanes: 4, order, loops, guards };
  };
  return [access(0, 'p'), access(1, 'q')];
}

const CHUNKS = 3;

test('accesses with linear addresses meet exactly where an iteration shows it', () => {
  const draw = randomSequence(keyFromSeed(4));
  const answers = { never: 0, possible: 0 };
  for (let round = 0; round < 600; round++) {
    const [first, second] = randomPair(draw, CHUNKS, false);
    if (isUnreachable(first) || isUnreachable(second)) continue;
    const betweenChunks: Iterations = { equal: new Set(), later: { variable: 'chunk', count: CHUNKS } };
    for (const iterations of [
      ...iterationsBefore(first, second),
      ...iterationsBefore(second, first),
      betweenChunks,
    ]) {
      const answer = canMeet(first, second, iterations);
      const isMet = meets(first, second, iterations, CHUNKS);
      // A variable that steps by different amounts is met approximately, from the safe side.
      if (answer === 'unknown') continue;
      assert.equal(answer, isMet ? 'possible' : 'never', JSON.stringify([first, second, iterations]));
      answers[answer]++;
    }
  }
  assert.ok(answers.never > 300 && answers.possible > 300, JSON.stringify(answers));
});

test('divisions are met from the safe side: never is never', () => {
  const draw = randomSequence(keyFromSeed(5));
  let proved = 0;
  for (let round = 0; round < 400; round++) {
    const [first, second] = randomPair(draw, CHUNKS, true);
    for (const iterations of iterationsBefore(first, second)) {
      if (canMeet(first, second, iterations) !== 'never') continue;
      assert.ok(!meets(first, second, iterations, CHUNKS), JSON.stringify([first, second, iterations]));
      proved++;
    }
  }
  assert.ok(proved > 50, `${proved}`);
});

test('no iteration leaves the interval of first elements, and linear ones reach both ends', () => {
  const draw = randomSequence(keyFromSeed(6));
  for (let round = 0; round < 300; round++) {
    const [access] = randomPair(draw, CHUNKS, round % 2 === 0);
    const values = iterationsOf(access, CHUNKS).map((row) => valueAt(access.index, row));
    assert.equal(isUnreachable(access), values.length === 0);
    if (values.length === 0) continue;
    const [low, high] = firstElements(access);
    const ends = [Math.min(...values), Math.max(...values)];
    if (round % 2 === 0) assert.ok(low <= ends[0]! && high >= ends[1]!);
    else assert.deepEqual([low, high], ends);
  }
});

test('a guard on several variables narrows an address of which it is a part', () => {
  const [i, y] = [variable('i', 4), variable('y', 8)];
  const row = plus(times(i, 8), plus(y, literal(1)));
  const access: Access = {
    kind: 'load',
    buffer: 0,
    index: plus(times(row, 10), literal(5)),
    width: 1,
    lanes: 1,
    order: 0,
    loops: [
      { variable: 'i', count: 4 },
      { variable: 'y', count: 8 },
    ],
    guards: [{ index: row, below: 32 }],
  };
  assert.deepEqual(firstElements(access), [15, 315]);
  assert.deepEqual(firstElements({ ...access, guards: [] }), [15, 325]);
});
