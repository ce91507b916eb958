// Drives the PyTorch peer (peers/torch_peer.py) over its standard streams: one JSON line a request, one a reply.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A running peer. */
export type Peer = {
  /** What it says of itself. */
  readonly description: string;
  readonly prepare: (name: string, batch: number, threads: number) => Promise<void>;
  /** Milliseconds of each of `steps` steps. The first step of a request warms the caches up and is left out. */
  readonly run: (name: string, steps: number) => Promise<number[]>;
  readonly close: () => void;
};

/** Starts the peer with OHMIC_PYTHON, else python3; undefined if it has no PyTorch. */
export async function startPeer(): Promise<Peer | undefined> {
  const script = fileURLToPath(new URL('./peers/torch_peer.py', import.meta.url));
  const child = spawn(process.env['OHMIC_PYTHON'] ?? 'python3', [script], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ask = asker(child);
  try {
    const info = await ask({ info: true });
    return {
      description: `PyTorch ${info['torch']} (${info['vectors']}, ${info['threads']} threads)`,
      prepare: async (name, batch, threads) => {
        await ask({ prepare: name, batch, threads });
      },
      run: async (name, steps) =>
        ((await ask({ run: name, steps: steps + 1 }))['milliseconds'] as number[]).slice(1),
      close: () => child.stdin.end(),
    };
  } catch {
    child.kill();
    return undefined;
  }
}

type Reply = Readonly<Record<string, unknown>>;

function asker(child: ChildProcess): (request: object) => Promise<Reply> {
  const waiting: { resolve: (reply: Reply) => void; reject: (reason: Error) => void }[] = [];
  const failAll = (reason: string): void => {
    for (const { reject } of waiting.splice(0)) reject(new Error(reason));
  };
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply;
    const next = waiting.shift();
    if (reply['error'] === undefined) next?.resolve(reply);
    else next?.reject(new Error(String(reply['error'])));
  });
  child.on('error', () => failAll('the peer could not be started'));
  child.on('exit', () => failAll('the peer has ended'));
  child.stdin!.on('error', () => failAll('the peer has ended'));
  return (request) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin!.write(`${JSON.stringify(request)}\n`);
    });
}
