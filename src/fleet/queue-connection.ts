// The connection to a queue's server, Redis or Valkey: address, secrets, and what to do if there is no answer. The client is
// loaded with the first connection, so that commands without a queue do not pay for it.

import type { Redis, RedisOptions } from 'ioredis';
import { messageOf, UsageError } from '../base/errors.ts';

/** The variable that holds the password. */
const PASSWORD = 'OHMIC_QUEUE_PASSWORD';

/** The server that a command line names, and the password that the environment has. */
export type QueueAddress = { readonly url: string; readonly options: RedisOptions };

/**
 * The address of a queue. `rediss:` is TLS, checked against the system's authorities and those of NODE_EXTRA_CA_CERTS.
 *
 * @throws UsageError if the text is no address, or holds a password, which other users of the machine could read in the list
 *   of processes
 */
export function queueAddress(text: string): QueueAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(
      `--queue: expected an address, got "${text}"; write for example redis://queue.example.org:6379`,
    );
  }
  if (!['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new UsageError(
      `--queue: expected redis:// or rediss:// and a host, got "${url.protocol}//${url.hostname}"`,
    );
  if (url.password !== '')
    throw new UsageError(
      `--queue: expected no password in the address, where others can read it; set ${PASSWORD} instead`,
    );
  const database = url.pathname.replace(/^\//, '');
  if (!/^\d*$/.test(database))
    throw new UsageError(`--queue: expected the number of a database after the host, got "${database}"`);
  const password = process.env[PASSWORD] || undefined;
  return {
    url: text,
    options: {
      // A URL has IPv6 addresses in brackets.
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 6379 : Number(url.port),
      db: database === '' ? 0 : Number(database),
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(password !== undefined && { password }),
      ...(url.protocol === 'rediss:' && { tls: {} }),
    },
  };
}

const PATIENCE_MILLISECONDS = 5000;

/**
 * Connects, and asks for a sign of life.
 *
 * @throws UsageError if there is no answer, the server wants a password or refuses the one it got, or forgets what it has no
 *   room for
 */
export async function connectQueue({ url, options }: QueueAddress): Promise<Redis> {
  const { Redis: Client } = await import('ioredis');
  const client = new Client({
    ...options,
    lazyConnect: true,
    connectTimeout: PATIENCE_MILLISECONDS,
    // While a server restarts, commands wait for it.
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(100 * attempt, 2000),
  });
  const failed = new Promise<never>((_, reject) => {
    client.once('error', reject);
  });
  const late = new Promise<never>((_, reject) => {
    setTimeout(
      () => reject(new Error(`no answer for ${PATIENCE_MILLISECONDS / 1000} s`)),
      PATIENCE_MILLISECONDS,
    ).unref();
  });
  failed.catch(() => undefined);
  late.catch(() => undefined);
  try {
    await Promise.race([client.connect().then(() => client.ping()), failed, late]);
    await refuseForgetful(client, url);
  } catch (thrown) {
    client.disconnect();
    throw thrown instanceof UsageError ? thrown : new UsageError(connectionFault(url, messageOf(thrown)));
  }
  // From now on a lost connection is made anew.
  client.on('error', () => undefined);
  return client;
}

function connectionFault(url: string, reason: string): string {
  if (/NOAUTH/.test(reason)) return `--queue ${url}: the server wants a password; set ${PASSWORD}`;
  if (/WRONGPASS|invalid (username-)?password|Client sent AUTH|without any password configured/i.test(reason))
    return `--queue ${url}: the server refuses the password in ${PASSWORD} or the user of the address (${reason})`;
  if (/NOPERM/.test(reason)) return `--queue ${url}: the user may not do what a queue needs (${reason})`;
  return `--queue ${url}: can't be reached (${reason || 'no reason given'}); check host and port, and start redis-server there`;
}

/** A server that throws keys away when its memory is full would lose jobs. */
async function refuseForgetful(client: Redis, url: string): Promise<void> {
  let policy: string | undefined;
  try {
    policy = /maxmemory_policy:(\S+)/.exec(await client.info('memory'))?.[1];
  } catch (thrown) {
    // Without the right to ask, it is the administrator's business.
    if (/NOAUTH|WRONGPASS/.test(messageOf(thrown))) throw thrown;
  }
  if (policy === undefined || policy === 'noeviction') return;
  throw new UsageError(
    `--queue ${url}: expected a server that forgets nothing, got maxmemory-policy ${policy}; set it to noeviction`,
  );
}
