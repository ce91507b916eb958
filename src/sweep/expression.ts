// Expressions on the values of axes, for constraints and costs: `dacBits <= adcBits or eta == 0`, `2 ** bits`. Numbers,
// texts in quotes, true and false; + − * / % **, comparisons, and, or, not, parentheses. Read and evaluated here: nothing
// of an expression is ever run as code.

import { echo } from '../base/echo.ts';
import { messageOf, UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';

/** What an expression can be. */
export type Value = number | string | boolean;

type Values = Readonly<Record<string, Json>>;
/** An expression that was read. */
type Expression = (values: Values) => Value;

type Token = { readonly text: string; readonly kind: 'number' | 'text' | 'name' | 'sign' };

/** A name may have the dots of a path. */
const TOKEN =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|(?<text>"[^"]*"|'[^']*')|(?<name>[A-Za-z_][\w.]*)|(?<sign>\*\*|<=|>=|==|!=|&&|\|\||[-+*/%()<>!]))/iy;
const SPELLED: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '!': 'not' };
/** Deeper ones are a mistake, and would end the stack. */
const MOST_LEVELS = 100;

/** Why a text is no expression on these names; undefined if it is one. */
export function expressionFault(text: string, names: readonly string[]): string | undefined {
  try {
    readExpression(text, names);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

/**
 * What an expression is for these values.
 *
 * @throws UsageError if the text is no expression, or a value is of another type than an operation needs
 */
export function evaluateExpression(text: string, values: Values): Value {
  return readExpression(text, Object.keys(values))(values);
}

/**
 * Reads an expression once, for many evaluations.
 *
 * @param names what may occur in it
 * @throws UsageError if the text is no expression; from the function, if a value is of another type than is needed
 */
export function readExpression(text: string, names: readonly string[]): Expression {
  const tokens = tokensOf(text);
  const { expression, at } = reader(text, tokens, names)(0, 0, 0);
  if (at < tokens.length) throw fault(text, `expected an end or an operation, got "${tokens[at]!.text}"`);
  return expression;
}

function fault(text: string, what: string): UsageError {
  return new UsageError(`"${text}": ${what}`);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined)
      throw fault(text, `expected a number, a name or an operation, got ${echo(text.slice(at).trim())}`);
    const [kind, found] = Object.entries(groups).find(([, part]) => part !== undefined) as [
      Token['kind'],
      string,
    ];
    tokens.push({ kind, text: SPELLED[found] ?? found });
  }
  return tokens;
}

type Binary = {
  readonly strength: number;
  readonly isRight?: boolean;
  readonly apply: (a: Value, b: Value) => Value;
};

const numeric =
  (apply: (a: number, b: number) => Value) =>
  (a: Value, b: Value): Value =>
    apply(numberOf(a), numberOf(b));

/** Operations between two values, the weakest first. */
const BINARY: Readonly<Record<string, Binary>> = {
  or: { strength: 1, apply: (a, b) => truthOf(a) || truthOf(b) },
  and: { strength: 2, apply: (a, b) => truthOf(a) && truthOf(b) },
  '==': { strength: 4, apply: (a, b) => a === b },
  '!=': { strength: 4, apply: (a, b) => a !== b },
  '<': { strength: 4, apply: numeric((a, b) => a < b) },
  '<=': { strength: 4, apply: numeric((a, b) => a <= b) },
  '>': { strength: 4, apply: numeric((a, b) => a > b) },
  '>=': { strength: 4, apply: numeric((a, b) => a >= b) },
  '+': { strength: 5, apply: numeric((a, b) => a + b) },
  '-': { strength: 5, apply: numeric((a, b) => a - b) },
  '*': { strength: 6, apply: numeric((a, b) => a * b) },
  '/': { strength: 6, apply: numeric((a, b) => a / b) },
  '%': { strength: 6, apply: numeric((a, b) => a % b) },
  '**': { strength: 8, isRight: true, apply: numeric((a, b) => a ** b) },
};
const NOT_STRENGTH = 3;
const MINUS_STRENGTH = 7;

type Part = { readonly expression: Expression; readonly at: number };

/** Reads by the strength of operations (V. Pratt, POPL 1973). */
function reader(
  text: string,
  tokens: readonly Token[],
  names: readonly string[],
): (at: number, strength: number, level: number) => Part {
  const read = (start: number, weakest: number, level: number): Part => {
    if (level > MOST_LEVELS)
      throw fault(text, `expected at most ${MOST_LEVELS} levels of parentheses, got more`);
    let { expression, at } = first(start, level);
    for (;;) {
      const token = tokens[at];
      const binary = token === undefined || token.kind === 'text' ? undefined : ownBinary(token.text);
      if (binary === undefined || binary.strength < weakest) return { expression, at };
      const right = read(at + 1, binary.isRight === true ? binary.strength : binary.strength + 1, level + 1);
      const left = expression;
      expression = (values) => binary.apply(left(values), right.expression(values));
      at = right.at;
    }
  };
  const first = (at: number, level: number): Part => {
    const token = tokens[at];
    if (token === undefined) throw fault(text, 'expected a value, got the end');
    if (token.kind === 'number') return constant(Number(token.text), at);
    if (token.kind === 'text') return constant(token.text.slice(1, -1), at);
    if (token.text === 'true' || token.text === 'false') return constant(token.text === 'true', at);
    if (token.text === '(') {
      const inner = read(at + 1, 0, level + 1);
      if (tokens[inner.at]?.text !== ')') throw fault(text, 'expected ")", got another or the end');
      return { expression: inner.expression, at: inner.at + 1 };
    }
    if (token.text === '-' || token.text === '+') {
      const { expression, at: end } = read(at + 1, MINUS_STRENGTH, level + 1);
      const sign = token.text === '-' ? -1 : 1;
      return { expression: (values) => sign * numberOf(expression(values)), at: end };
    }
    if (token.text === 'not') {
      const { expression, at: end } = read(at + 1, NOT_STRENGTH, level + 1);
      return { expression: (values) => !truthOf(expression(values)), at: end };
    }
    if (token.kind === 'name' && names.includes(token.text))
      return { expression: (values) => plain(token.text, values[token.text]), at: at + 1 };
    if (token.kind === 'name' && ownBinary(token.text) === undefined)
      throw fault(text, unknownName(token.text, names));
    throw fault(text, `expected a value, got "${token.text}"`);
  };
  return read;
}

function ownBinary(text: string): Binary | undefined {
  return Object.hasOwn(BINARY, text) ? BINARY[text] : undefined;
}

function constant(value: Value, at: number): Part {
  return { expression: () => value, at: at + 1 };
}

function plain(name: string, value: Json | undefined): Value {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  throw new UsageError(
    `${name}: expected a number, a text, true or false in an expression, got ${echo(value)}`,
  );
}

function numberOf(value: Value): number {
  if (typeof value === 'number') return value;
  throw new UsageError(`expected a number in an expression, got ${echo(value)}`);
}

function truthOf(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  throw new UsageError(
    `expected true or false in an expression, got ${echo(value)}; compare it with something`,
  );
}
