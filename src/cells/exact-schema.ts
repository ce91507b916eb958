// Schemas that are proven equal to the types they check: the compiler refuses a field or an alternative that stands in
// one of the two only. Declarations must be written out here (isolatedDeclarations), so types can't be inferred.

import type { z } from 'zod';

/** `T` with every readonly taken off, all the way down: a schema's output is mutable, our types are not. */
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
 * A schema as the schema of `T`: `exactSchema<Law>()(z.discriminatedUnion(…))`. Does not compile unless the schema's
 * output and `T` are the same type but for readonly. Two calls, because TypeScript infers all type arguments or none.
 */
export function exactSchema<T>(): <S extends z.ZodType>(schema: S & Exactly<T, S>) => z.ZodType<T> {
  return (schema) => schema as unknown as z.ZodType<T>;
}
