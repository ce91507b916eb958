// Digests, by which files are told apart and damage is found out.

import { UsageError } from './errors.ts';

/**
 * SHA-256 of a text, as UTF-8, or of bytes; in hexadecimal.
 *
 * @throws UsageError on a page to which the browser gives no cryptography
 */
export async function sha256(content: string | Uint8Array): Promise<string> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  if (crypto.subtle === undefined) {
    throw new UsageError(
      'SHA-256: expected a page that may use cryptography, got one that came over plain http; ' +
        'serve it over https, or from localhost',
    );
  }
  // Never shared memory: bytes of files, tensors and texts.
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
