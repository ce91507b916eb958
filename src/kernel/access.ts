// Loads and stores of a kernel as the verifier sees them: which addresses they reach, in which loops and behind which
// guards, and whether two of them can meet in an element. Interval arithmetic first, then an exact search over the
// loop variables, since addresses are almost always linear in them.

import { type Atom, type Int, intKey, LANE, plus, times, variablesOf } from './int.ts';
import { type Interval, intersection, isEmpty } from './interval.ts';

/** A loop around an access; two accesses in one loop refer to the same object. */
export type Loop = { readonly variable: string; readonly count: number };

/** A condition, `index` < `below`, around an access. */
export type Guard = { readonly index: Int; readonly below: number };

/** A load or store, and where it stands. */
export type Access = {
  readonly kind: 'load' | 'store';
  readonly buffer: number;
  /** Address of the first element, or with the variable `lane` that of each lane. */
  readonly index: Int;
  /** How much further on the access lies at most, where data decide. */
  readonly reach?: number;
  /** Consecutive elements from there on that the machine touches. */
  readonly width: number;
  /** Lanes whose values matter: what is loaded into the others is never stored. */
  readonly lanes: number;
  /** Place in the program's text: an access with a smaller number stands before. */
  readonly order: number;
  /** Outermost first. */
  readonly loops: readonly Loop[];
  readonly guards: readonly Guard[];
};

/** Bounds of variables that guards narrow. Others run from 0 to the maximum that stands in the address. */
type Bounds = ReadonlyMap<string, Interval>;

/** What guards on a single variable say of it. A guard on several variables says nothing here. */
function boundsOf({ guards }: Access): Bounds {
  const bounds = new Map<string, Interval>();
  for (const { index, below } of guards) {
    const [term, ...others] = index.terms;
    if (term === undefined || others.length > 0 || term.atom.kind !== 'variable') continue;
    const { name, max } = term.atom;
    const limit = (below - index.constant) / term.coefficient;
    const own: Interval = term.coefficient > 0 ? [0, Math.ceil(limit) - 1] : [Math.floor(limit) + 1, max];
    bounds.set(name, intersection(own, bounds.get(name) ?? [0, max]));
  }
  return bounds;
}

function rangeWithin(x: Int, bounds: Bounds): Interval {
  let [low, high] = [x.constant, x.constant];
  for (const { atom, coefficient } of x.terms) {
    const [least, most] = atomRange(atom, bounds);
    low += coefficient * (coefficient > 0 ? least : most);
    high += coefficient * (coefficient > 0 ? most : least);
  }
  return [low, high];
}

function atomRange(atom: Atom, bounds: Bounds): Interval {
  if (atom.kind === 'variable') return intersection([0, atom.max], bounds.get(atom.name) ?? [0, atom.max]);
  const [low, high] = rangeWithin(atom.of, bounds);
  const [first, last] = [Math.floor(low / atom.by), Math.floor(high / atom.by)];
  if (atom.kind === 'div') return [first, last];
  return first === last ? [low - first * atom.by, high - first * atom.by] : [0, atom.by - 1];
}

/** True if no iteration passes all guards. */
export function isUnreachable(access: Access): boolean {
  const bounds = boundsOf(access);
  if ([...bounds.values()].some(isEmpty)) return true;
  return access.guards.some(({ index, below }) => rangeWithin(index, bounds)[0] >= below);
}

/**
 * First elements that an access can touch, from the least to the greatest: of a vector, those of lane 0.
 *
 * A guard on several variables narrows an address of which it is a part: `y * 4 + x` where `y` runs along `y < 3`.
 */
export function firstElements(access: Access): Interval {
  const bounds = boundsOf(access);
  let found = rangeWithin(access.index, bounds);
  for (const { index: guard, below } of access.guards) {
    const [term] = guard.terms;
    if (term === undefined || guard.terms.length < 2) continue;
    const key = atomKey(term.atom);
    const own = access.index.terms.find(({ atom }) => atomKey(atom) === key);
    if (own === undefined) continue;
    const factor = own.coefficient / term.coefficient;
    const [least] = rangeWithin(guard, bounds);
    const [low, high] = rangeWithin(plus(access.index, times(guard, -factor)), bounds);
    const ends = [factor * least, factor * (below - 1)] as const;
    found = intersection(found, [low + Math.min(...ends), high + Math.max(...ends)]);
  }
  return [found[0], found[1] + (access.reach ?? 0)];
}

/** All elements that an access can touch, those of unused lanes included. */
export function touchedElements(access: Access): Interval {
  const [low, high] = firstElements(access);
  return [low, high + access.width - 1];
}

/** Iterations of two accesses, compared: which variables are equal in both, and whose is greater in the second. */
export type Iterations = {
  readonly equal: ReadonlySet<string>;
  readonly later?: Loop;
};

/** Pairs of iterations in which `first` comes before `second` within one chunk. */
export function iterationsBefore(first: Access, second: Access): Iterations[] {
  let shared = 0;
  while (shared < first.loops.length && first.loops[shared] === second.loops[shared]) shared++;
  const common = first.loops.slice(0, shared);
  const variables = common.map((loop) => loop.variable);
  const carried = common.map((later, depth) => ({
    equal: new Set(['chunk', ...variables.slice(0, depth)]),
    later,
  }));
  return first.order < second.order ? [...carried, { equal: new Set(['chunk', ...variables]) }] : carried;
}

/** Whether two accesses meet in an element: `unknown` where an address is not linear in the loop variables. */
export type Answer = 'never' | 'possible' | 'unknown';

/** coefficient · x, with x a whole number between low and high. */
type Unknown = { readonly coefficient: number; readonly low: number; readonly high: number };

/** Whether `second` touches, in its used lanes, an element that `first` touches, in iterations that compare so. */
export function canMeet(first: Access, second: Access, iterations: Iterations): Answer {
  const [own, other] = [boundsOf(first), boundsOf(second)];
  for (const name of iterations.equal) {
    const [a, b] = [own.get(name), other.get(name)];
    if (a !== undefined && b !== undefined && isEmpty(intersection(a, b))) return 'never';
  }
  const moved = increaseOf([first, own], [second, other], iterations.later);
  if (moved === undefined) return 'never';
  const { unknowns, isLinear } = differenceOf([first, own], [second, other], iterations);
  const reach = (access: Access): number => Math.min(access.width, access.lanes);
  const distance = second.index.constant - first.index.constant;
  const window: Interval = [1 - reach(second) - distance, reach(first) - 1 - distance];
  const found = canSumTo([...unknowns, ...moved.unknowns], window);
  if (found === false) return 'never';
  const isExact = [...first.guards, ...second.guards].every(({ index }) => index.terms.length < 2);
  return found === true && isLinear && moved.isLinear && isExact ? 'possible' : 'unknown';
}

type BoundedAccess = readonly [Access, Bounds];
type Difference = { readonly unknowns: readonly Unknown[]; readonly isLinear: boolean };

/** What the greater variable adds to the difference of the addresses; undefined if it can't be greater in the second. */
function increaseOf(
  [first, own]: BoundedAccess,
  [second, other]: BoundedAccess,
  later: Loop | undefined,
): Difference | undefined {
  if (later === undefined) return { unknowns: [], isLinear: true };
  const { variable, count } = later;
  const [low, high] = intersection([0, count - 2], own.get(variable) ?? [0, count - 2]);
  const [least, most] = intersection([low + 1, count - 1], other.get(variable) ?? [0, count - 1]);
  if (low > high || least > most) return undefined;
  const coefficient = ({ index }: Access): number =>
    index.terms.find(({ atom }) => atom.kind === 'variable' && atom.name === variable)?.coefficient ?? 0;
  const [a, b] = [coefficient(first), coefficient(second)];
  if (a === b) {
    const increase = { coefficient: a, low: Math.max(1, least - high), high: most - low };
    return { unknowns: [increase], isLinear: true };
  }
  const apart = [
    { coefficient: -a, low, high: Math.min(high, most - 1) },
    { coefficient: b, low: least, high: most },
  ];
  return { unknowns: apart, isLinear: a === 0 || b === 0 };
}

/** What else the address of the second access has beyond that of the first, but for the constants. */
function differenceOf(first: BoundedAccess, second: BoundedAccess, { equal, later }: Iterations): Difference {
  const unknowns: Unknown[] = [];
  /** Variables that are equal in both, and parts of addresses that depend on nothing else. */
  const shared = new Map<string, { readonly coefficient: number; readonly range: Interval }>();
  // Offsets that data decide are known by their bounds only.
  let isLinear = first[0].reach === undefined && second[0].reach === undefined;
  unknowns.push({ coefficient: -1, low: 0, high: first[0].reach ?? 0 });
  unknowns.push({ coefficient: 1, low: 0, high: second[0].reach ?? 0 });
  for (const [[{ index, lanes }, bounds], sign] of [[first, -1] as const, [second, 1] as const]) {
    for (const { atom, coefficient } of index.terms) {
      if (atom.kind === 'variable' && atom.name === later?.variable) continue;
      const range = atomRange(atom, bounds);
      const key = atomKey(atom);
      const names = atom.kind === 'variable' ? [atom.name] : [...variablesOf(atom.of)];
      if (names.every((name) => equal.has(name))) {
        // What is equal in both lies within the bounds of both.
        const own = atomRange(atom, first[1]);
        const known = shared.get(key) ?? {
          coefficient: 0,
          range: intersection(own, atomRange(atom, second[1])),
        };
        const total = known.coefficient + sign * coefficient;
        shared.set(key, { ...known, coefficient: total });
      } else {
        if (atom.kind !== 'variable') isLinear = false;
        const [low, high] = key === LANE ? intersection(range, [0, lanes - 1]) : range;
        unknowns.push({ coefficient: sign * coefficient, low, high });
      }
    }
  }
  for (const { coefficient, range } of shared.values())
    unknowns.push({ coefficient, low: range[0], high: range[1] });
  return { unknowns, isLinear };
}

/** Variables by their name, divisions and remainders by their text; lanes of two accesses are never the same. */
function atomKey(atom: Atom): string {
  return atom.kind === 'variable' ? atom.name : `${atom.kind}${atom.by} ${intKey(atom.of)}`;
}

/** Steps of the search after which it gives up. */
const MOST_STEPS = 20_000;

/** Whether a sum of `unknowns` can lie in a window; undefined if the search took too long. */
function canSumTo(unknowns: readonly Unknown[], window: Interval): boolean | undefined {
  // Terms of one size add up to one term: x − y is a whole number between its bounds like any other.
  const bySize = new Map<number, Interval>();
  for (const { coefficient, low, high } of unknowns) {
    if (coefficient === 0) continue;
    const [least, most] = bySize.get(Math.abs(coefficient)) ?? [0, 0];
    const own: Interval = coefficient > 0 ? [low, high] : [-high, -low];
    bySize.set(Math.abs(coefficient), [least + own[0], most + own[1]]);
  }
  const terms = [...bySize].sort(([a], [b]) => b - a);
  const rest: Interval[] = [[0, 0]];
  for (const [size, [low, high]] of [...terms].reverse()) {
    const [least, most] = rest[0]!;
    rest.unshift([least + size * low, most + size * high]);
  }
  let steps = 0;
  const search = (position: number, sum: number): boolean => {
    if (steps++ > MOST_STEPS) return true;
    const term = terms[position];
    if (term === undefined) return sum >= window[0] && sum <= window[1];
    const [size, [low, high]] = term;
    const [least, most] = rest[position + 1]!;
    const from = Math.max(low, Math.ceil((window[0] - sum - most) / size));
    const to = Math.min(high, Math.floor((window[1] - sum - least) / size));
    for (let x = from; x <= to; x++) if (search(position + 1, sum + size * x)) return true;
    return false;
  };
  const found = search(0, 0);
  return steps > MOST_STEPS ? undefined : found;
}
