import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateExpression, expressionFault } from './expression.ts';

const values = { eta: 0.04, bits: 6, 'adc.bits': 8, cell: 'pcm', learned: true };

test('operations have the strengths of mathematics, and powers go from the right', () => {
  const cases: Readonly<Record<string, number | boolean>> = {
    '1 + 2 * 3': 7,
    '(1 + 2) * 3': 9,
    '2 ** 3 ** 2': 512,
    '-2 ** 2': -4,
    '2 ** -1': 0.5,
    '7 - 2 - 1': 4,
    '7 % 4 / 2': 1.5,
    '1e-3 * 1000 == 1': true,
    '2 ** bits': 64,
    'bits <= adc.bits and eta > 0': true,
    'bits > adc.bits or not learned': false,
    'not bits == 4 && learned': true,
    'cell == "pcm"': true,
    "cell != 'reram' || false": true,
  };
  for (const [text, expected] of Object.entries(cases)) {
    assert.equal(evaluateExpression(text, values), expected, text);
  }
});

test('random expressions of numbers are what JavaScript makes of them', () => {
  // A linear congruence, so that a failure repeats itself.
  let state = 1;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const make = (depth: number): string => {
    if (depth === 0) return String(draw(9) + 1);
    const sign = ['+', '-', '*', '/', '%'][draw(5)]!;
    const inner = `${make(depth - 1)} ${sign} ${make(depth - 1)}`;
    return draw(2) === 0 ? `(${inner})` : inner;
  };
  for (let k = 0; k < 300; k++) {
    const text = make(3);
    const expected = new Function(`return ${text}`)() as number;
    assert.equal(evaluateExpression(text, {}), expected, text);
  }
});

test('what is no expression is told where and why, with the name that was meant', () => {
  const names = Object.keys(values);
  const faults: Readonly<Record<string, RegExp>> = {
    'bitz > 4': /expected one of eta, bits, .* got "bitz"; did you mean "bits"\?/,
    'bits >': /expected a value, got the end/,
    'bits > > 4': /expected a value, got ">"/,
    '(bits > 4': /expected "\)", got another or the end/,
    'bits > 4)': /expected an end or an operation, got "\)"/,
    'bits = 4': /expected a number, a name or an operation, got "= 4"/,
    'process.exit()': /expected one of/,
    '': /expected a value, got the end/,
    [`${'('.repeat(200)}1${')'.repeat(200)}`]: /at most 100 levels/,
  };
  for (const [text, message] of Object.entries(faults))
    assert.match(expressionFault(text, names)!, message, text);
  assert.equal(expressionFault('bits > 4', names), undefined);
});

test('a value of another type than an operation needs is refused', () => {
  assert.throws(
    () => evaluateExpression('cell > 4', values),
    /expected a number in an expression, got "pcm"/,
  );
  assert.throws(
    () => evaluateExpression('bits and true', values),
    /expected true or false in an expression, got 6/,
  );
  assert.throws(
    () => evaluateExpression('rule == 1', { rule: { kind: 'sgd' } }),
    /rule: expected a number, a text/,
  );
});
