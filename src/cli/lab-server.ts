// A server for the lab's page, for this machine only: a few files, sent with the headers of cross-origin isolation, and
// one record beside them.

import { createReadStream, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join } from 'node:path';
import { UsageError } from '../base/errors.ts';

/** What is served. */
export type LabFiles = {
  /** Folder of the built page. */
  readonly folder: string;
  /** JSON text at `/record.json`; absent: none. */
  readonly record?: string | undefined;
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
};

/** With these, workers of the page share memory; no other page gets at it; addresses are not remembered as files. */
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};

/** What the page is called by; a name elsewhere that leads to this machine is refused. */
const HOSTS = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

/** The server, not yet listening. It answers GET and HEAD, and knows no files outside its folder. */
export function labServer({ folder, record }: LabFiles): Server {
  return createServer((request, response) => {
    const end = (status: number, words = ''): void => {
      response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' }).end(words);
    };
    if (!HOSTS.test(request.headers.host ?? '')) return end(403, 'only from this machine');
    if (request.method !== 'GET' && request.method !== 'HEAD') return end(405);
    const path = pathOf(request.url ?? '/');
    const isBare = request.method === 'HEAD';
    if (path === '/record.json' && record !== undefined) {
      response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES['.json'] });
      response.end(isBare ? undefined : record);
      return;
    }
    const file = path === undefined ? undefined : fileAt(join(folder, path === '/' ? 'index.html' : path));
    if (file === undefined) return end(404, 'not here');
    const type = TYPES[extname(file.path)] ?? 'application/octet-stream';
    response.writeHead(200, { ...HEADERS, 'Content-Type': type, 'Content-Length': file.bytes });
    if (isBare) response.end();
    else
      createReadStream(file.path)
        .on('error', () => response.destroy())
        .pipe(response);
  });
}

/** The path of an address, if it stays below the folder. */
function pathOf(address: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(address, 'http://localhost').pathname);
    return /(^|\/|\\)\.\.($|\/|\\)|\0/.test(path) ? undefined : path;
  } catch {
    return undefined;
  }
}

function fileAt(path: string): { readonly path: string; readonly bytes: number } | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true ? { path, bytes: found.size } : undefined;
}

/**
 * Listens on this machine.
 *
 * @param port 0: any that is free
 * @returns the port
 * @throws UsageError if the port is taken
 */
export async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, '127.0.0.1', resolve);
  try {
    await promise;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw thrown;
    const why = code === 'EACCES' ? 'it is reserved' : 'something else listens there';
    throw new UsageError(`lab: expected port ${port} to be free, but ${why}; choose another with --port`);
  }
  return (server.address() as { readonly port: number }).port;
}
