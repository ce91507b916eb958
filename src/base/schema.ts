// The door for plain data, wherever it comes from: a schema accepts it, or all faults are listed at once, each with its
// place and with what came instead. Every record of ohmic is checked here.

import { z } from 'zod';
import { echo, shortened } from './echo.ts';
import { invariant, throwFaults } from './errors.ts';
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
  const checked = schema.safeParse(raw);
  if (!checked.success) throwFaults(where, faultsIn(checked.error, raw));
  invariant(checked.success, 'a failed check has faults');
  return checked.data;
}

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
  return candidates.reduce((best, next) => (next.length < best.length ? next : best));
}
