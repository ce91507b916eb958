import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNever, InternalError, invariant, messageOf, throwFaults, UsageError } from './errors.ts';

test('the two kinds of errors are told apart by class and by name', () => {
  const [usage, internal] = [new UsageError('a'), new InternalError('b')];
  assert.ok(usage instanceof Error && !(usage instanceof InternalError));
  assert.ok(internal instanceof Error && !(internal instanceof UsageError));
  assert.deepEqual([usage.name, internal.name], ['UsageError', 'InternalError']);
});

test('an invariant that holds is silent, and does not even build its message', () => {
  invariant(true, () => assert.fail('built'));
});

test('an invariant that does not hold is an internal error with its message', () => {
  assert.throws(() => invariant(0, 'zero came'), new InternalError('internal: zero came'));
  assert.throws(() => invariant(undefined, () => `made ${1 + 1}`), new InternalError('internal: made 2'));
});

test('an impossible case shows its value', () => {
  assert.throws(
    () => assertNever({ kind: 'odd' } as never),
    new InternalError('internal: impossible case {"kind":"odd"}'),
  );
});

test('faults are thrown all at once: none, one on the line, several as a list', () => {
  throwFaults('here', []);
  assert.throws(() => throwFaults('here', ['a is wrong']), new UsageError('here: a is wrong'));
  assert.throws(
    () => throwFaults('here', ['a is wrong', 'b is missing']),
    new UsageError('here: 2 faults\n  - a is wrong\n  - b is missing'),
  );
});

test('anything that was thrown has a message', () => {
  assert.equal(messageOf(new RangeError('too far')), 'too far');
  assert.equal(messageOf('text'), 'text');
  assert.equal(messageOf(undefined), 'undefined');
});
