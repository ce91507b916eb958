// A real server of a queue for tests: on a free port of the loopback, its append-only file in a folder of its own. It can be
// killed and started again on the same port and file.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';

/** A server under way. */
export type RedisServer = {
  readonly url: string;
  /** Kills it as a crash would, and starts it again. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** The server's program; undefined where there is none. */
export function findRedis(): string | undefined {
  return ['redis-server', 'valkey-server'].find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** Why tests of queues are skipped; false where they are not. */
export const withoutRedis: string | false =
  findRedis() === undefined ? 'neither redis-server nor valkey-server is installed' : false;

/** Starts a server that keeps its files in `folder`. */
export async function startRedis(folder: string, more: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(
      findRedis()!,
      [
        ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'],
        ...['--appendfsync', 'always', '--maxmemory-policy', 'noeviction', ...more],
      ],
      { stdio: 'ignore' },
    );
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return child;
  };
  let child = await start();
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    restart: async () => {
      await end();
      child = await start();
    },
    stop: end,
  };
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
