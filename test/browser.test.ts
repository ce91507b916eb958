// The library in a web page: the packed package is bundled by Vite with its default configuration, and a headless Chromium
// trains, programs and reads with it. Its digits are those of Node. The project is test/vite-project.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { installPacked } from './packed-package.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'ohmic-browser-'));
const project = join(folder, 'project');
const assets = join(project, 'dist', 'assets');
after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Output of a Node program in the project. */
async function inProject(...command: readonly string[]): Promise<string> {
  const failed = ({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): never => {
    throw new Error(`${command.join(' ')} failed:\n${stdout}${stderr}`);
  };
  return (await run(process.execPath, command, { cwd: project }).catch(failed)).stdout;
}

before(async () => {
  cpSync(join(root, 'test', 'vite-project'), project, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }');
  await installPacked(project);
});

test('a project for browsers passes the type check, without the types of Node', async () => {
  assert.equal(await inProject('node_modules/typescript/bin/tsc', '-p', '.'), '');
});

test('Vite bundles the package as it is, and nothing of Node is in the bundle', async () => {
  const { stdout, stderr } = await run(
    process.execPath,
    ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'],
    { cwd: project },
  );
  assert.equal(stdout + stderr, '', 'no warnings');
  const scripts = readdirSync(assets);
  const kinds = scripts.map((name) => name.replace(/-[\w-]{8}\.js$/, '')).sort();
  assert.deepEqual(
    kinds,
    ['index', 'worker', 'worker-main'],
    'the page, its own worker, that of the package',
  );
  for (const name of scripts) {
    const found = /["'`](node:|koffi)|process\.env/.exec(readFileSync(join(assets, name), 'utf8'));
    assert.equal(found, null, name);
  }
});

const CHROMIUM = '/usr/bin/chromium';
/** The last four keep it from looking for hosts outside. */
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'],
  ...['--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };
const BROWSER_SECONDS = 120;

// As in test/vite-project/main.ts, which knows the types of a browser and not those of Node.
type Outcome =
  | {
      readonly description: string;
      readonly notice?: string;
      readonly digits: Readonly<Record<string, string>>;
    }
  | { readonly usageError: string };
type Report =
  | { readonly crossOriginIsolated: boolean; readonly outcomes: Readonly<Record<string, Outcome>> }
  | { readonly failure: string };

/** Serves the bundle on a free port of this machine. What pages post goes to `onReport`, which says where they go on. */
async function serve(
  headers: Readonly<Record<string, string>>,
  onReport: (report: Report) => string,
): Promise<{ readonly server: Server; readonly origin: string }> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'POST') {
      response.end(onReport(JSON.parse(await text(request)) as Report));
      return;
    }
    const { pathname } = new URL(request.url!, 'http://localhost');
    const file = join(project, 'dist', pathname === '/' ? 'index.html' : pathname);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { ...headers, 'Content-Type': TYPES[extname(file)] }).end(readFileSync(file));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function startChromium(address: string): ChildProcess {
  const profile = `--user-data-dir=${join(folder, 'profile')}`;
  // With a process group of its own, so that all of it can be ended.
  return spawn(CHROMIUM, [...FLAGS, profile, address], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Opens the page on an isolated origin, on one that is not, and there without WebAssembly; what each posts. */
async function visitPages(): Promise<readonly Report[]> {
  const reports: Report[] = [];
  const { promise: all, resolve: finish, reject: fail } = Promise.withResolvers<void>();
  const addresses: string[] = [];
  const onReport = (report: Report): string => {
    reports.push(report);
    if (reports.length === addresses.length || 'failure' in report) finish();
    return addresses[reports.length] ?? '';
  };
  const isolated = await serve(ISOLATION, onReport);
  const plain = await serve({}, onReport);
  addresses.push(`${isolated.origin}/`, `${plain.origin}/`, `${plain.origin}/?without-webassembly`);
  const chromium = startChromium(addresses[0]!);
  const said = text(chromium.stderr!);
  chromium.once('exit', () => said.then((words) => fail(new Error(`the browser ended: ${words}`))));
  const timer = setTimeout(
    () => fail(new Error(`no report within ${BROWSER_SECONDS} s, after ${JSON.stringify(reports)}`)),
    1000 * BROWSER_SECONDS,
  );
  try {
    await all;
    return reports;
  } finally {
    clearTimeout(timer);
    if (chromium.exitCode === null) {
      process.kill(-chromium.pid!, 'SIGKILL');
      await once(chromium, 'exit');
    }
    for (const { server } of [isolated, plain]) server.close().closeAllConnections();
  }
}

const HEADERS =
  'serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';

test('a page trains, programs and reads to the digits of Node, on workers and on its own thread', {
  skip: !existsSync(CHROMIUM) && `there is no browser at ${CHROMIUM}`,
}, async () => {
  const expected = JSON.parse(await inProject('node.ts')) as Readonly<Record<string, string>>;
  assert.match(expected['training loss']!, /^[12]\.\d+$/);
  assert.equal(Object.keys(expected).length, 7);
  const [isolated, plain, bare] = await visitPages();
  const threads = (count: string | number): string => `WebAssembly SIMD, ${count} threads`;
  const alone = {
    description: 'WebAssembly SIMD, on the calling thread',
    notice: `computing on the calling thread, because this page is not cross-origin isolated; for more threads ${HEADERS}`,
    digits: expected,
  };
  assert.deepEqual(isolated, {
    crossOriginIsolated: true,
    outcomes: {
      'by default': { description: threads(navigator.hardwareConcurrency), digits: expected },
      'two threads': { description: threads(2), digits: expected },
      'two workers of its own': { description: threads(2), digits: expected },
      'a worker that is not there': {
        usageError:
          "wasm backend: expected 1 worker thread to start, got: wasm worker died: its file can't be loaded; " +
          'ask for fewer threads, or check the file that startWorker loads',
      },
    },
  });
  const refused = {
    usageError:
      `createWasmEngine: 2 threads need shared memory, but this page is not cross-origin isolated; ${HEADERS}, ` +
      'or leave out threads to compute on the calling thread',
  };
  assert.deepEqual(plain, {
    crossOriginIsolated: false,
    outcomes: {
      'by default': alone,
      'two threads': refused,
      'two workers of its own': refused,
      'a worker that is not there': alone,
    },
  });
  const missing = {
    usageError:
      'createWasmEngine: expected WebAssembly with SIMD, got: there is none; ' +
      "use a browser of 2023 or later, and allow 'wasm-unsafe-eval' if the page has a content security policy",
  };
  assert.deepEqual(bare, {
    crossOriginIsolated: false,
    outcomes: {
      'by default': missing,
      'two threads': missing,
      'two workers of its own': missing,
      'a worker that is not there': missing,
    },
  });
});
