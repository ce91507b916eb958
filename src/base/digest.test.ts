// Digests against the examples of the standard.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from './digest.ts';
import { UsageError } from './errors.ts';

test('SHA-256 gives the digests of FIPS 180-4, of texts and of bytes', async () => {
  const ofAbc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.equal(await sha256('abc'), ofAbc);
  assert.equal(await sha256(Uint8Array.of(0x61, 0x62, 0x63)), ofAbc);
  assert.equal(await sha256(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('a page without cryptography is told why', async (t) => {
  t.mock.getter(crypto, 'subtle', () => undefined);
  await assert.rejects(
    sha256('abc'),
    new UsageError(
      'SHA-256: expected a page that may use cryptography, got one that came over plain http; ' +
        'serve it over https, or from localhost',
    ),
  );
});
