// Files in memory and what data sets are packed in: gzip (by the web-standard DecompressionStream) and tar. Used by idx.ts and
// named-sets.ts. Left out: writing, links, names of more than 255 bytes, and whatever else data sets do not use.

import { messageOf, UsageError } from '../base/errors.ts';

const BLOCK = 512;

/** A file in memory; the name appears in error messages. */
export type NamedBytes = { readonly name: string; readonly bytes: Uint8Array };

/** True if the bytes start with gzip's magic bytes 1f 8b. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Bytes that a file of unknown size may unpack to: more than any data set here holds. */
const MOST_BYTES = 2 ** 30;

/**
 * The content of a gzip file; anything else is returned as it is.
 *
 * @param name names the file in errors
 * @param most bytes after which unpacking stops: a small file can hold a thousand times its size
 * @throws UsageError if the gzip stream is damaged, truncated or too large
 */
export async function decompressed(
  name: string,
  bytes: Uint8Array,
  most: number = MOST_BYTES,
): Promise<Uint8Array> {
  if (!isGzip(bytes)) {
    return bytes;
  }
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'));
  try {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let count = 0;
    // A reader: not every browser iterates over streams.
    const reader = stream.getReader();
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      count += step.value.length;
      if (count > most) {
        await reader.cancel();
        throw new UsageError(
          `${name}: expected at most ${most} bytes when unpacked, got more; fetch the file again`,
        );
      }
      parts.push(step.value);
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    throw new UsageError(
      `${name}: expected a complete gzip file, got ${bytes.length} bytes that do not decompress ` +
        `(${messageOf(thrown)}); fetch the file again`,
    );
  }
}

/**
 * The regular files of a tar archive by path; the contents share memory with `bytes`.
 *
 * @param name names the archive in errors
 * @throws UsageError if a header fails its checksum, a size is none, or the archive ends inside a file
 * @source POSIX.1-1988 ustar
 */
export function readTar(name: string, bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) {
      break;
    }
    const sum = header.reduce((total, byte, place) => total + (place >= 148 && place < 156 ? 32 : byte), 0);
    if (sum !== octal(header, 148, 8)) {
      throw new UsageError(
        `${name}: expected a tar header at byte ${at}, its checksum is wrong; fetch it again`,
      );
    }
    const size = octal(header, 124, 12);
    if (!(size >= 0)) {
      throw new UsageError(
        `${name}: expected the size of "${text(header, 0, 100)}" in octal digits, got "${text(header, 124, 12)}"; fetch it again`,
      );
    }
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) {
      throw new UsageError(
        `${name}: expected ${size} bytes of "${text(header, 0, 100)}", the archive ends after ${content.length}; ` +
          'fetch it again',
      );
    }
    // Type flag: '0' or NUL is a regular file; folders, links and extended headers are skipped.
    if (header[156] === 0x30 || header[156] === 0) {
      const prefix = text(header, 257, 5) === 'ustar' && header[262] === 0 ? text(header, 345, 155) : '';
      files.set(prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`, content);
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}
