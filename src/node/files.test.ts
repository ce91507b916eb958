import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cacheSource, download, folderSource, readBytes, removeTemporaries } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-node-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const place = (name: string): string => join(folder, name);

test('a folder gives the files that it holds, and undefined for others', async () => {
  writeFileSync(place('file'), 'words');
  mkdirSync(place('sub'));
  const source = folderSource(folder);
  assert.deepEqual(await source.read('file'), new TextEncoder().encode('words'));
  assert.equal(await source.read('absent'), undefined);
  assert.equal(await source.read('file/inside'), undefined);
  assert.deepEqual([source.describe, source.write], [`folder ${folder}`, undefined]);
  await assert.rejects(source.read('sub'), {
    name: 'UsageError',
    message: /sub: can't be read \(.*\); check its permissions$/,
  });
});

test('a cache keeps what is written, and makes the folders it needs', async () => {
  const cache = cacheSource(place('cache'));
  await cache.write!('set/file', Uint8Array.of(1, 2));
  assert.deepEqual(await cache.read('set/file'), Uint8Array.of(1, 2));
  assert.equal(cache.describe, `cache ${place('cache')}`);
});

test('a cache loses what killed downloads left, once it is old', async () => {
  const cache = cacheSource(place('littered'));
  mkdirSync(place('littered'));
  for (const name of ['.old.1.ohmic-temporary', '.new.2.ohmic-temporary'])
    writeFileSync(place(`littered/${name}`), '');
  const before = Date.now() / 1000 - 7200;
  utimesSync(place('littered/.old.1.ohmic-temporary'), before, before);
  await cache.write!('file', Uint8Array.of(1));
  assert.deepEqual(readdirSync(place('littered')).sort(), ['.new.2.ohmic-temporary', 'file']);
});

test('bytes of a file that is not there are an error', () => {
  assert.throws(() => readBytes(place('absent')), {
    name: 'UsageError',
    message: /absent: can't be read \(.*\); check the path$/,
  });
});

test('what a killed process left is removed, and nothing else', () => {
  mkdirSync(place('run'));
  writeFileSync(place('run/.weights.7.ohmic-temporary'), 'half');
  writeFileSync(place('run/weights'), 'whole');
  removeTemporaries(place('run'));
  removeTemporaries(place('no-such-run'));
  assert.deepEqual(readdirSync(place('run')), ['weights']);
});

test('a download is the content of an address', async (t) => {
  const answers = [new Response('content'), new Response('', { status: 503, statusText: 'Busy' })];
  t.mock.method(globalThis, 'fetch', async () => answers.shift()!);
  assert.equal(new TextDecoder().decode(await download('https://example.org/file')), 'content');
  await assert.rejects(download('https://example.org/file'), {
    name: 'UsageError',
    message: 'the server answered 503 Busy',
  });
});

/** A server that sends what `answer` writes; gives its address. */
async function serve(
  answer: (response: ServerResponse) => void,
): Promise<{ address: string; end: () => void }> {
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/file`, end: () => void server.close().closeAllConnections() };
}

test('a download that falls silent, or brings more than expected, ends; a slow one does not', async () => {
  const silent = await serve((response) => void response.write('half'));
  await assert.rejects(download(silent.address, { silentSeconds: 0.2 }), {
    name: 'UsageError',
    message: 'nothing came for 0.2 s',
  });
  silent.end();
  const endless = await serve((response) => {
    const more = (): boolean => !response.destroyed && response.write(Buffer.alloc(1 << 16), more);
    more();
  });
  await assert.rejects(download(endless.address, { most: 1e6 }), {
    name: 'UsageError',
    message: 'expected at most 1000000 bytes, got more',
  });
  endless.end();
  const slow = await serve((response) => {
    let left = 8;
    const timer = setInterval(() => {
      response.write('.');
      if (--left > 0) return;
      clearInterval(timer);
      response.end();
    }, 100);
  });
  assert.equal((await download(slow.address, { silentSeconds: 0.5 })).length, 8);
  slow.end();
});

test('a server that is not there is an error with its cause', async () => {
  const { address, end } = await serve(() => undefined);
  end();
  await assert.rejects(download(address), {
    name: 'UsageError',
    message: /^fetch failed: connect ECONNREFUSED/,
  });
});

test('a file in place of a folder holds nothing half-written', () => {
  writeFileSync(place('no-folder'), '');
  removeTemporaries(place('no-folder'));
});
