// Schemas that agree with a type to the letter, and the faults of a value in words. Used where records enter.

import type { z } from 'zod';
import { valueAt } from '../base/value-at.ts';

/** A type without `readonly`, at every depth: schemas infer mutable ones. */
type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/** True if two types are one, optional fields included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Agreement<A, B> =
  Same<Writable<A>, Writable<B>> extends true ? unknown : 'the schema and the type differ';

/**
 * A schema of exactly `T`. The compiler refuses a schema that lacks a field of the type, has another one, or has one of
 * another type: `exactly<T>()(schema)`.
 */
export function exactly<T>(): <S extends z.ZodType<T>>(
  schema: S & Agreement<T, z.output<S>>,
) => z.ZodType<T> {
  return (schema) => schema;
}

/**
 * Every fault that a check found in `value`: `networks.0.digitalAccuracy: Too big: expected number to be <=1; got 93`.
 * Values that are large are not repeated; a number that was not finite when it was written is named as such.
 */
export function faultsOf(error: z.ZodError, value: unknown): readonly string[] {
  return error.issues.map((issue) => {
    const at = issue.path.length === 0 ? 'the whole' : issue.path.join('.');
    const came = valueAt(value, issue.path);
    if (came === null && issue.code === 'invalid_type')
      return `${at}: ${issue.message}; JSON has null for NaN and infinity`;
    const isRepeated = came !== undefined && (typeof came !== 'object' || came === null);
    return isRepeated ? `${at}: ${issue.message}; got ${JSON.stringify(came)}` : `${at}: ${issue.message}`;
  });
}
