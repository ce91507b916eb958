// The door for plain data, wherever it comes from: a schema accepts it, or all faults are listed at once, each with its
// place and with what came instead. Every record of ohmic is checked here.

import { z } from 'zod';
import { echo, shortened } from './echo.ts';
import { throwFaults } from './errors.ts';
import { unknownName } from './suggest.ts';
import { valueAt } from './value-at.ts';

/** A value of JSON. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** `T` without readonly, at every depth: a schema's output is mutable, our types are not. */
type Mutable<T> = T extends (...args: never) => unknown
  ? T
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;

/** True if both are one type; any difference counts, also in optional fields. */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

/** `unknown` if the schema gives exactly a `T`, else a type that no schema has. */
type Exactly<T, S extends z.ZodType> =
  Same<Mutable<z.output<S>>, Mutable<T>> extends true ? unknown : { readonly theTypesDiffer: T };

/**
 * A schema as the schema of `T`: `exactly<Law>()(z.discriminatedUnion(…))`. Does not compile unless the schema's output
 * and `T` are one type but for readonly. Two calls, because TypeScript infers all type arguments or none.
 */
export function exactly<T>(): <S extends z.ZodType>(schema: S & Exactly<T, S>) => z.ZodType<T> {
  return (schema) => schema as unknown as z.ZodType<T>;
}

/** What a caller may hand in where everything has a default: any part of a record. */
export type Incomplete<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Incomplete<T[K]> | undefined }
    : T;

/**
 * A value that a schema accepts, with its defaults.
 *
 * @param where what holds it, for errors
 * @throws UsageError that lists all faults: `training.epochs: expected number to be >=0, got -1`
 */
export function check<T>(schema: z.ZodType<T>, where: string, raw: unknown): T {
  const checked = examine(schema, raw);
  if (checked.faults.length > 0) throwFaults(where, checked.faults);
  return checked.data as T;
}

/** A value that a schema accepts, or why it does not. */
export type Checked<T> = { readonly data?: T; readonly faults: readonly string[] };

/** As `check`, for whoever has something to say about the faults. */
export function examine<T>(schema: z.ZodType<T>, raw: unknown): Checked<T> {
  const fault = formFault(raw);
  if (fault !== undefined) return { faults: [fault] };
  const result = schema.safeParse(raw);
  return result.success ? { data: result.data, faults: [] } : { faults: faultsIn(result.error, raw) };
}

/**
 * Checks a value that is no plain data: it may hold functions, and itself. Only the fields that the schema names are
 * looked at, and the value is used as it is.
 *
 * @param where what takes it, for errors
 * @throws UsageError that lists all faults: `deploy: network: expected a network, got nothing`
 */
export function checkForm(schema: z.ZodType, where: string, value: unknown): void {
  const result = schema.safeParse(value);
  if (!result.success) throwFaults(where, faultsIn(result.error, value));
}

/** A function, of which nothing else can be known. */
export const someFunction: z.ZodType = z.custom((value) => typeof value === 'function', {
  error: ({ input }) => `expected a function, got ${echo(input)}`,
});

/**
 * A value with some fields, and any others, for `checkForm`.
 *
 * @param what for errors: `a network`
 */
export function holding(what: string, fields: Readonly<Record<string, z.ZodType>>): z.ZodType {
  return z.looseObject(fields, { error: ({ input }) => `expected ${what}, got ${echo(input)}` });
}

/** No record has more levels of fields in fields; a schema that describes itself, as that of laws, would never end. */
const DEEPEST = 64;

/** What no schema can look at: fields in fields without end, as in a value that holds itself, and numbers of a type that JSON lacks. */
function formFault(raw: unknown): string | undefined {
  const levels = new Map<object, number>();
  const waiting: { readonly value: unknown; readonly level: number }[] = [{ value: raw, level: 0 }];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const { value, level } = one;
    if (typeof value === 'bigint') return `expected numbers, got the bigint ${String(value).slice(0, 40)}n`;
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    if (level > DEEPEST) return `expected at most ${DEEPEST} levels of fields in fields, got more`;
    // What several fields share is looked at again only where it lies deeper.
    if ((levels.get(value) ?? -1) >= level) continue;
    levels.set(value, level);
    for (const inner of Object.values(value)) waiting.push({ value: inner, level: level + 1 });
  }
  return undefined;
}

/** Largest and smallest amounts of physics: 32-bit arithmetic has room to spare, also for products of several. */
const LARGEST = 1e6;
const SMALLEST = 1e-6;

/** An amount of physics, of any sign: µS, weights, steps. */
export const amount: z.ZodType<number> = z.number().min(-LARGEST).max(LARGEST);

/** An amount that is not negative. */
export const amountFromZero: z.ZodType<number> = z.number().min(0).max(LARGEST);

/** An amount by which something is divided. */
export const positiveAmount: z.ZodType<number> = z.number().min(SMALLEST).max(LARGEST);

/** One line for every fault that a schema finds. */
export function faultsIn({ issues }: z.ZodError, raw: unknown): string[] {
  return issues.flatMap((issue) => issueTexts(issue, raw));
}

/** One of some names; an unknown one is told which is near. */
export function nameSchema<N extends string>(known: readonly N[]): z.ZodType<N, N> {
  return z.enum(known as readonly [N, ...N[]], { error: ({ input }) => unknownName(input, known) });
}

/** Messages of schemas, which list unknown fields, are cut here. */
const LONGEST_MESSAGE = 1000;

function issueTexts(issue: z.core.$ZodIssue, raw: unknown): string[] {
  const came = valueAt(raw, issue.path);
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const meant = meantAlternative(issue.errors, came);
    return meant.flatMap((inner) => issueTexts({ ...inner, path: [...issue.path, ...inner.path] }, raw));
  }
  const place = issue.path.join('.');
  if (issue.code === 'invalid_union' && 'options' in issue) {
    return [`${place}: ${unknownName(came, (issue.options ?? []).map(String))}`];
  }
  const message = issue.message.replace(
    /^(Too small|Too big|Invalid input|Invalid discriminator value)[:.] /,
    '',
  );
  const isScalar = came !== undefined && (typeof came !== 'object' || came === null);
  const isComplete =
    (issue.code === 'custom' && !isScalar) ||
    issue.code === 'unrecognized_keys' ||
    message.includes(', got ');
  // zod says what came by its type; the value says more.
  const expected = message.replace(/, received -?\w+$/, '');
  const isNumber = came === null && expected.includes('number');
  const hint = isNumber ? ' (JSON has null for NaN and infinity)' : '';
  const text = isComplete ? shortened(message, LONGEST_MESSAGE) : `${expected}, got ${echo(came)}${hint}`;
  return [place === '' ? text : `${shortened(place)}: ${text}`];
}

/** Of the faults of all alternatives those of the one that was meant: a name, or the fields of a record. */
function meantAlternative(
  errors: readonly (readonly z.core.$ZodIssue[])[],
  came: unknown,
): readonly z.core.$ZodIssue[] {
  const isRecord = typeof came === 'object' && came !== null;
  const isAboutRecord = (issues: readonly z.core.$ZodIssue[]): boolean =>
    issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys');
  const fitting = errors.filter((issues) => isAboutRecord(issues) === isRecord);
  const candidates = fitting.length > 0 ? fitting : errors;
  // Whoever writes a record writes its fields: that with the fewest missing, then the one with the fewest faults.
  const missing = (issues: readonly z.core.$ZodIssue[]): number =>
    issues.filter(({ path }) => path.length === 1 && valueAt(came, path) === undefined).length;
  const ranked = candidates.map((issues) => ({ issues, missing: missing(issues) }));
  const isNearer = (a: (typeof ranked)[number], b: (typeof ranked)[number]): boolean =>
    a.missing < b.missing ||
    (a.missing === b.missing &&
      (isRecord ? a.issues.length <= b.issues.length : a.issues.length < b.issues.length));
  return ranked.reduce((best, next) => (isNearer(next, best) ? next : best)).issues;
}
