// Drives the PyTorch peer (peers/torch_peer.py) over its standard streams: one JSON line a request, one a reply.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { invariant } from '../src/base/errors.ts';
import type { Contestant } from './measure.ts';

/** An answer of the peer. */
type Reply = Readonly<Record<string, unknown>>;

/** A running peer. */
export type Peer = {
  /** What it says of itself. */
  readonly description: string;
  /** The instruction set that PyTorch dispatches to. */
  readonly vectors: string;
  /** Builds a case of the peer's table; `batch` is undefined for a case without one. Answers what was built. */
  readonly prepare: (name: string, batch: number | undefined, threads: number) => Promise<Reply>;
  /** Milliseconds of each of `steps` steps. The first step of a request warms the caches up and is left out. */
  readonly run: (name: string, steps: number) => Promise<number[]>;
  readonly close: () => void;
};

/** What holds PyTorch, oneDNN and MKL to the instructions that OHMIC_TARGET allows ohmic. */
const HELD: Readonly<Record<string, NodeJS.ProcessEnv>> = {
  avx2: { ATEN_CPU_CAPABILITY: 'avx2', ONEDNN_MAX_CPU_ISA: 'AVX2', MKL_ENABLE_INSTRUCTIONS: 'AVX2' },
  sse4: { ATEN_CPU_CAPABILITY: 'default', ONEDNN_MAX_CPU_ISA: 'SSE41', MKL_ENABLE_INSTRUCTIONS: 'SSE4_2' },
};

/** Starts the peer with OHMIC_PYTHON, else python3; undefined if it has no PyTorch. */
export async function startPeer(): Promise<Peer | undefined> {
  const script = fileURLToPath(new URL('./peers/torch_peer.py', import.meta.url));
  const child = spawn(process.env['OHMIC_PYTHON'] ?? 'python3', [script], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...HELD[process.env['OHMIC_TARGET'] ?? ''] },
  });
  const ask = asker(child);
  try {
    const info = await ask({ info: true });
    return {
      description: `PyTorch ${info['torch']} (${info['threads']} threads)`,
      vectors: String(info['vectors']),
      prepare: (name, batch, threads) => ask({ prepare: name, batch, threads }),
      run: async (name, steps) =>
        ((await ask({ run: name, steps: steps + 1 }))['milliseconds'] as number[]).slice(1),
      close: () => child.stdin.end(),
    };
  } catch {
    child.kill();
    return undefined;
  }
}

/** What a contestant of the peer's is made from. */
export type PeerCase = {
  /** The contestant's name. */
  readonly name: string;
  /** The case in the peer's table. */
  readonly peerCase: string;
  readonly batch?: number;
  /** The number of weights that it must have built, for a network. */
  readonly weights?: number;
};

/** One of the peer's cases as a contestant, in a list that is empty if there is no peer. */
export async function peerContestants(
  { peer, options }: { readonly peer?: Peer; readonly options: { readonly threads: number } },
  { name, peerCase, batch, weights }: PeerCase,
): Promise<Contestant[]> {
  if (peer === undefined) return [];
  const built = await peer.prepare(peerCase, batch, options.threads);
  invariant(
    weights === undefined || built['weights'] === weights,
    () => `bench: the peer's ${peerCase} has ${String(built['weights'])} weights, expected ${weights}`,
  );
  return [{ name, run: (steps) => peer.run(peerCase, steps) }];
}

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
