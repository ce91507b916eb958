import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable } from './printable.ts';

test('no character that a terminal obeys is left', () => {
  for (let code = 0; code < 0x3000; code++) {
    const text = printable(`a${String.fromCharCode(code)}b`);
    assert.equal(text.length, 3);
    assert.doesNotMatch(text, /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u, `U+${code.toString(16)}`);
  }
});

test('escape sequences are shown, not run; line breaks and tabs are blanks unless they are kept', () => {
  assert.equal(printable('\u001b[31mred\u009b0m'), '\ufffd[31mred\ufffd0m');
  assert.equal(printable('one\r\ntwo\tthree'), 'one  two three');
  assert.equal(printable('one\ntwo\u0007', '\n'), 'one\ntwo\ufffd');
});

test('what people write stays as it is', () => {
  for (const text of ['ResNet-32 (η = 3.8 %)', 'Größe µS ≥ 0', '精度 🙂 e\u0301'])
    assert.equal(printable(text), text);
});
