// Integer expressions for addresses: constant + Σ coefficient · atom, kept in canonical form, so that views of
// views simplify to plain strides. Atoms are loop variables, and divisions and remainders that did not cancel.

import { invariant } from '../base/errors.ts';

/** What an integer expression is a linear combination of. Every atom lies in 0 … max. */
export type Atom =
  | { readonly kind: 'variable'; readonly name: string; readonly max: number }
  | { readonly kind: 'div' | 'mod'; readonly of: Int; readonly by: number; readonly max: number };

type Term = { readonly atom: Atom; readonly coefficient: number };

/** constant + Σ coefficient · atom */
export type Int = { readonly constant: number; readonly terms: readonly Term[] };

/** Name of the variable that counts the lanes of a vector. */
export const LANE = 'lane';

/** The integer `value`. */
export function literal(value: number): Int {
  return { constant: value, terms: [] };
}

/** A loop variable that runs from 0 to count − 1. */
export function variable(name: string, count: number): Int {
  return count === 1
    ? literal(0)
    : { constant: 0, terms: [{ atom: { kind: 'variable', name, max: count - 1 }, coefficient: 1 }] };
}

const keys = new WeakMap<Int, string>();

/** A text that is equal for equal expressions. */
export function intKey(x: Int): string {
  let key = keys.get(x);
  if (key === undefined) {
    const terms = x.terms.map((term) => `+${term.coefficient}*${atomKey(term.atom)}`);
    if (terms.length > 1) terms.sort();
    key = terms.reduce((text, term) => text + term, String(x.constant));
    keys.set(x, key);
  }
  return key;
}

function atomKey(atom: Atom): string {
  if (atom.kind !== 'variable') return `(${intKey(atom.of)})${atom.kind}${atom.by}`;
  // Loads that use different numbers of lanes differ.
  return atom.name === LANE ? `${LANE}${atom.max}` : atom.name;
}

/** Sum. */
export function plus(a: Int, b: Int): Int {
  const constant = a.constant + b.constant;
  if (b.terms.length === 0) return b.constant === 0 ? a : { constant, terms: a.terms };
  if (a.terms.length === 0) return a.constant === 0 ? b : { constant, terms: b.terms };
  const terms = [...a.terms];
  for (const term of b.terms) {
    const at = terms.findIndex(({ atom }) => isSameAtom(atom, term.atom));
    if (at < 0) {
      terms.push(term);
      continue;
    }
    const coefficient = terms[at]!.coefficient + term.coefficient;
    if (coefficient === 0) terms.splice(at, 1);
    else terms[at] = { atom: term.atom, coefficient };
  }
  return rejoin({ constant, terms });
}

function isSameAtom(a: Atom, b: Atom): boolean {
  if (a === b) return true;
  if (a.kind === 'variable') {
    if (b.kind !== 'variable' || a.name !== b.name) return false;
    // Loads that use different numbers of lanes differ.
    return a.name !== LANE || a.max === b.max;
  }
  return b.kind === a.kind && a.by === b.by && intKey(a.of) === intKey(b.of);
}

/** Product with a fixed number. */
export function times(a: Int, factor: number): Int {
  if (factor === 0) return literal(0);
  if (factor === 1) return a;
  return {
    constant: a.constant * factor,
    terms: a.terms.map(({ atom, coefficient }) => ({ atom, coefficient: coefficient * factor })),
  };
}

/** n · (x div n) + (x mod n) = x, wherever both stand with fitting coefficients. */
function rejoin(x: Int): Int {
  for (const { atom: div, coefficient } of x.terms) {
    if (div.kind !== 'div') continue;
    const mod = x.terms.find(
      (term) =>
        term.atom.kind === 'mod' &&
        term.atom.by === div.by &&
        term.coefficient * div.by === coefficient &&
        intKey(term.atom.of) === intKey(div.of),
    );
    if (mod === undefined) continue;
    const rest = x.terms.filter((term) => term.atom !== div && term !== mod);
    return plus({ constant: x.constant, terms: rest }, times(div.of, mod.coefficient));
  }
  return x;
}

/** The least and the greatest value that `x` can take. */
export function range(x: Int): readonly [number, number] {
  let low = x.constant;
  let high = x.constant;
  for (const { atom, coefficient } of x.terms) {
    if (coefficient > 0) high += coefficient * atom.max;
    else low += coefficient * atom.max;
  }
  return [low, high];
}

/** Splits x into a multiple of `by` and a remainder expression. */
function splitMultiples(x: Int, by: number): { readonly quotient: Int; readonly rest: Int } {
  const whole = Math.floor(x.constant / by);
  const multiples = x.terms.filter((term) => term.coefficient % by === 0);
  const others = x.terms.filter((term) => term.coefficient % by !== 0);
  const rest = { constant: x.constant - whole * by, terms: others };
  // Negative coefficients may take the rest below zero: it borrows a multiple.
  const borrowed = Math.max(0, Math.ceil(-range(rest)[0] / by));
  return {
    quotient: {
      constant: whole - borrowed,
      terms: multiples.map((term) => ({ atom: term.atom, coefficient: term.coefficient / by })),
    },
    rest: { ...rest, constant: rest.constant + borrowed * by },
  };
}

/** x div by, rounding down; x is not negative. */
export function div(x: Int, by: number): Int {
  if (by === 1) return x;
  const { quotient, rest } = splitMultiples(x, by);
  const [low, high] = range(rest);
  if (low >= 0 && high < by) return quotient;
  return plus(quotient, atomOf('div', rest, by));
}

/** x mod by; x is not negative. */
export function mod(x: Int, by: number): Int {
  if (by === 1) return literal(0);
  const { rest } = splitMultiples(x, by);
  const [low, high] = range(rest);
  if (low >= 0 && high < by) return rest;
  return atomOf('mod', rest, by);
}

function atomOf(kind: 'div' | 'mod', of: Int, by: number): Int {
  const [low, high] = range(of);
  invariant(low >= 0, () => `${kind} of an expression that can be negative: ${intKey(of)}`);
  const max = kind === 'div' ? Math.floor(high / by) : Math.min(by - 1, high);
  return { constant: 0, terms: [{ atom: { kind, of, by, max }, coefficient: 1 }] };
}

/** Names of all variables in `x`. */
export function variablesOf(x: Int): Set<string> {
  const names = new Set<string>();
  const visit = (y: Int): void => {
    for (const { atom } of y.terms) {
      if (atom.kind === 'variable') names.add(atom.name);
      else visit(atom.of);
    }
  };
  visit(x);
  return names;
}

/** True if the variable `name` stands in `x`. */
export function dependsOn(x: Int, name: string): boolean {
  return x.terms.some(({ atom }) => atomDependsOn(atom, name));
}

/** The same of an atom. */
export function atomDependsOn(atom: Atom, name: string): boolean {
  return atom.kind === 'variable' ? atom.name === name : dependsOn(atom.of, name);
}

/** `x` with the variable `name` replaced by a number. */
export function substitute(x: Int, name: string, value: number): Int {
  if (!dependsOn(x, name)) return x;
  const rest = { constant: x.constant, terms: x.terms.filter(({ atom }) => !atomDependsOn(atom, name)) };
  return x.terms.reduce<Int>((sum, { atom, coefficient }) => {
    if (!atomDependsOn(atom, name)) return sum;
    const replaced =
      atom.kind === 'variable'
        ? literal(value)
        : (atom.kind === 'div' ? div : mod)(substitute(atom.of, name, value), atom.by);
    return plus(sum, times(replaced, coefficient));
  }, rest);
}

/**
 * `x` in one lane. Lanes beyond those that the variable `lane` counts repeat the last of these: what would be their
 * addresses may lie anywhere.
 */
export function inLane(x: Int, lane: number): Int {
  return substitute(x, LANE, Math.min(lane, lastLane(x)));
}

function lastLane(x: Int): number {
  const limits = x.terms.map(({ atom }) => {
    if (atom.kind !== 'variable') return lastLane(atom.of);
    return atom.name === LANE ? atom.max : Number.POSITIVE_INFINITY;
  });
  return Math.min(...limits);
}

/** How `x` varies with the variable `name`: its coefficient, or undefined if it stands inside a div or mod. */
export function coefficientOf(x: Int, name: string): number | undefined {
  let coefficient = 0;
  for (const term of x.terms) {
    if (term.atom.kind === 'variable') {
      if (term.atom.name === name) coefficient = term.coefficient;
    } else if (dependsOn(term.atom.of, name)) {
      return undefined;
    }
  }
  return coefficient;
}

/** True if a div or a mod stands in `x`. */
export function hasDivision(x: Int): boolean {
  return x.terms.some((term) => term.atom.kind !== 'variable');
}

/** Row-major offset of a multi-index in a tensor with these strides. */
export function flatten(index: readonly Int[], strides: readonly number[]): Int {
  return index.reduce((sum, i, axis) => plus(sum, times(i, strides[axis]!)), literal(0));
}

/** The multi-index, in a tensor of this shape, of a row-major offset. */
export function unflatten(offset: Int, shape: readonly number[]): Int[] {
  const index: Int[] = [];
  let rest = offset;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(axis === 0 ? rest : mod(rest, shape[axis]!));
    rest = div(rest, shape[axis]!);
  }
  return index;
}

/** The expression as C and people write it. */
export function printInt(x: Int): string {
  const terms = x.terms.map(({ atom, coefficient }) => {
    const text =
      atom.kind === 'variable'
        ? atom.name
        : `((${printInt(atom.of)}) ${atom.kind === 'div' ? '/' : '%'} ${atom.by})`;
    return coefficient === 1 ? text : `${text} * ${coefficient}`;
  });
  if (x.constant !== 0 || terms.length === 0) terms.push(String(x.constant));
  return terms.join(' + ').replaceAll('+ -', '- ');
}
