// The server of the lab: what it sends, and what it keeps to itself.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { labCommand } from './lab-command.ts';
import { labServer, listen } from './lab-server.ts';

const root = mkdtempSync(join(tmpdir(), 'ohmic-lab-server-'));
const folder = join(root, 'page');
mkdirSync(join(folder, 'assets'), { recursive: true });
writeFileSync(join(folder, 'index.html'), '<p>page');
writeFileSync(join(folder, 'assets', 'a.js'), 'export {}');
writeFileSync(join(root, 'secret.txt'), 'secret');
const server: Server = labServer({ folder, record: '{"format":"a"}' });
const port = await listen(server, 0);
after(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

type Answer = { readonly status: number; readonly type: string | undefined; readonly body: string };

/** Asks for a path exactly as it is written. */
function ask(path: string, { method = 'GET', host = `127.0.0.1:${port}` } = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ port, host: '127.0.0.1', path, method, headers: { host } }, (response) => {
    const { statusCode: status = 0, headers } = response;
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['cross-origin-embedder-policy'], 'require-corp');
    text(response).then((body) => resolve({ status, type: headers['content-type'], body }), reject);
  });
  sent.on('error', reject).end();
  return promise;
}

test('the page, its files and the record come with types and the headers of isolation', async () => {
  assert.deepEqual(await ask('/'), { status: 200, type: 'text/html; charset=utf-8', body: '<p>page' });
  assert.deepEqual(await ask('/assets/a.js'), {
    ...{ status: 200, type: 'text/javascript; charset=utf-8', body: 'export {}' },
  });
  assert.equal((await ask('/record.json')).body, '{"format":"a"}');
  assert.deepEqual(await ask('/', { method: 'HEAD' }), {
    ...{ status: 200, type: 'text/html; charset=utf-8', body: '' },
  });
});

test('nothing outside the folder is sent, nothing is taken, and other names of this machine are refused', async () => {
  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/..\\secret.txt',
  ])
    assert.equal((await ask(path)).status, 404, path);
  for (const path of ['/assets', '/nothing', '/%zz', '/a%00.js'])
    assert.equal((await ask(path)).status, 404, path);
  assert.equal((await ask('/', { method: 'POST' })).status, 405);
  assert.equal((await ask('/', { host: 'elsewhere.example' })).status, 403);
  assert.equal((await ask('/', { host: `localhost:${port}` })).status, 200);
});

test('a port that is taken is named', async () => {
  await assert.rejects(listen(labServer({ folder }), port), (thrown) => {
    assert.ok(thrown instanceof UsageError);
    assert.equal(
      thrown.message,
      `lab: expected port ${port} to be free, but something else listens there; choose another with --port`,
    );
    return true;
  });
});

test('a record that is none, or not there, is refused before anything is served', async () => {
  const other = join(root, 'other.json');
  writeFileSync(other, '{"format": "other"}');
  // The page of this test stands for the built one.
  const refused = (file: string): Promise<void> => labCommand(file, { port: 0 }, folder);
  await assert.rejects(refused(other), /record: expected the format "ohmic-record-1", got "other"/);
  await assert.rejects(refused(join(root, 'none.json')), /none\.json can't be read .*; check the path/);
  await assert.rejects(
    labCommand(undefined, { port: 0 }, undefined),
    /lab: expected the built page in dist\/lab, got none; build it with npm run build/,
  );
});
