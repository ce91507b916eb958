import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { UsageError } from '../base/errors.ts';
import { decompressed, readTar } from './archive.ts';

type Member = {
  readonly path: string;
  readonly content: string;
  readonly type?: string;
  readonly prefix?: string;
};

/** A ustar archive with its two closing blocks. */
function tar(members: readonly Member[]): Uint8Array {
  const blocks = members.map(({ path, content, type = '0', prefix = '' }) => {
    const block = Buffer.alloc(512 + Math.ceil(content.length / 512) * 512);
    block.write(path, 0);
    block.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    block.write(' '.repeat(8), 148);
    block.write(type, 156);
    block.write('ustar\x0000', 257);
    block.write(prefix, 345);
    const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    block.write(content, 512);
    return block;
  });
  return new Uint8Array(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test('a tar archive gives its regular files by path', () => {
  const long = 'x'.repeat(1300);
  const files = readTar(
    'a.tar',
    tar([
      { path: 'folder/', content: '', type: '5' },
      { path: 'folder/one.txt', content: 'one' },
      { path: 'comment', content: 'skipped', type: 'g' },
      { path: 'two.bin', content: long, prefix: 'deep/er' },
    ]),
  );
  assert.deepEqual([...files.keys()], ['folder/one.txt', 'deep/er/two.bin']);
  assert.equal(text(files.get('folder/one.txt')), 'one');
  assert.equal(text(files.get('deep/er/two.bin')), long);
});

test('a tar archive that ends inside a file is refused', () => {
  const bytes = tar([{ path: 'one.txt', content: 'x'.repeat(600) }]).subarray(0, 1000);
  assert.throws(
    () => readTar('a.tar', bytes),
    /a\.tar: expected 600 bytes of "one\.txt", the archive ends after 488/,
  );
});

test('a damaged tar header is refused', () => {
  const bytes = tar([{ path: 'one.txt', content: 'one' }]);
  bytes[0] = 0x51;
  assert.throws(
    () => readTar('a.tar', bytes),
    /a\.tar: expected a tar header at byte 0, its checksum is wrong/,
  );
});

test('a tar header whose size is negative, or no number, is refused', () => {
  for (const size of ['-0000000001', '00000000-10', '99999999999', '           ']) {
    const bytes = Buffer.from(tar([{ path: 'one.txt', content: 'one' }]));
    bytes.write(size, 124);
    bytes.write(' '.repeat(8), 148);
    const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    assert.throws(() => readTar('a.tar', new Uint8Array(bytes)), {
      name: 'UsageError',
      message: `a.tar: expected the size of "one.txt" in octal digits, got "${size}"; fetch it again`,
    });
  }
});

test('unpacking stops soon after what was expected', async () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(200_000_000)));
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(decompressed('a.gz', bomb, 1000), {
    name: 'UsageError',
    message: 'a.gz: expected at most 1000 bytes when unpacked, got more; fetch the file again',
  });
  assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000);
  assert.equal((await decompressed('a.gz', new Uint8Array(gzipSync('x'.repeat(1000))), 1000)).length, 1000);
});

test('gzip is seen from the first bytes and undone; other bytes pass', async () => {
  const bytes = new Uint8Array(gzipSync('resistance'));
  assert.equal(text(await decompressed('a.gz', bytes)), 'resistance');
  const plain = Uint8Array.of(1, 2, 3);
  assert.equal(await decompressed('a', plain), plain);
});

test('a truncated gzip file is refused', async () => {
  const bytes = new Uint8Array(gzipSync('resistance'.repeat(100)));
  await assert.rejects(
    decompressed('a.gz', bytes.subarray(0, 20)),
    (thrown) =>
      thrown instanceof UsageError &&
      /a\.gz: expected a complete gzip file, got 20 bytes .*; fetch the file again/.test(thrown.message),
  );
});
