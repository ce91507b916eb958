// Chips in a sweep beside the same chips in a loop of one process: what processes, messages and tasks cost, and what a second
// worker brings.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../src/base/digest.ts';
import { keyFromSeed } from '../src/base/random.ts';
import { hermes256 } from '../src/crossbar/presets.ts';
import { generateSynthetic } from '../src/data/synthetic.ts';
import { measureChip } from '../src/experiment/evaluate.ts';
import { evaluationSchema } from '../src/experiment/evaluation-settings.ts';
import { imageTask } from '../src/experiment/subject.ts';
import { createPool } from '../src/fleet/pool.ts';
import { initialParameters } from '../src/nn/network.ts';
import { networkByName } from '../src/nn/networks.ts';
import { createEngine } from '../src/node/create-engine.ts';
import { folderStorage } from '../src/node/folder-storage.ts';
import { contentName, deployed } from '../src/sweep/perform.ts';
import { type EvaluationWork, named, type Task } from '../src/sweep/works.ts';
import { encodeWeights } from '../src/train/checkpoint.ts';
import { type BenchCase, compared, numbersOf, race } from './bench-case.ts';
import type { Contestant } from './measure.ts';

/** Chips of a task. */
const CHIPS = 16;

/** The case. */
export const sweepChipsCase: BenchCase = {
  name: 'sweep-chips',
  description: 'LeNet-5 chips in worker processes of a sweep, beside a loop in one process',
  run: async (tools) => {
    const folder = mkdtempSync(join(tmpdir(), 'ohmic-bench-'));
    const storage = folderStorage(folder);
    const data = generateSynthetic({ trainCount: 500, testCount: 2000 });
    const network = networkByName('lenet5', imageTask(data));
    const weights = await encodeWeights({
      parameters: initialParameters(network, keyFromSeed(1)),
      provenance: {
        ohmic: '0.0.0',
        model: 'lenet5',
        dataset: 'synthetic',
        seed: 1,
        backend: 'none',
        history: [],
      },
    });
    const digest = await sha256(weights);
    await storage.write(contentName(digest), weights);
    const { chips: _, ...evaluation } = evaluationSchema.parse({
      timesSeconds: [25, 86_400],
      methods: ['none', 'global'],
    });
    const { name, work } = await named<EvaluationWork>({
      kind: 'evaluation',
      backend: 'native',
      data: { dataset: 'synthetic', trainImages: 500, testImages: 2000 },
      weights: { kind: 'file', sha256: digest },
      hardware: hermes256,
      evaluation,
      seed: 1,
    });
    const { engine } = await createEngine({ backend: 'native', threads: 1 });
    const deployment = await deployed(engine, storage, work, async () => data);
    const start = {
      ohmic: '0.0.0',
      backend: 'native',
      threads: 1,
      data: undefined,
      checkpointMinutes: 2,
    } as const;
    const pool = createPool({ count: 2, silentSeconds: 600, start });
    let next = 0;
    const task = (): Task => {
      const from = next;
      next += CHIPS;
      return { kind: 'evaluation', name, work, from, to: next, digital: false };
    };
    const inPool = (workers: number) => async (): Promise<void> => {
      const store = { kind: 'folder', path: folder } as const;
      await Promise.all(pool.slots.slice(0, workers).map((slot) => slot.run(task(), store)));
    };
    const inLoop = async (): Promise<void> => {
      const from = next;
      next += CHIPS;
      for (let chip = from; chip < next; chip++)
        for await (const _ of measureChip(deployment, work.evaluation, chip));
    };
    try {
      await inPool(2)();
      const contestants = [
        timed('loop', inLoop),
        timed('one-worker', inPool(1)),
        timed('two-workers', inPool(2)),
      ];
      const results = await race(tools, 'sweep-chips', contestants);
      const row = (title: string, contestant: string, by: string, atMost: number) =>
        compared(tools, results, { title, contestant, by, peerName: by, atMost });
      return {
        rows: [
          row(`${CHIPS} chips in a worker of a sweep`, 'one-worker', 'loop', 1.05),
          row(`${2 * CHIPS} chips in two workers`, 'two-workers', 'one-worker', 1 / 0.95),
        ],
        ...numbersOf(tools, results, [
          ['one-worker', 'loop'],
          ['two-workers', 'one-worker'],
        ]),
      };
    } finally {
      await pool.close();
      deployment.free();
      await engine.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function timed(name: string, work: () => Promise<void>): Contestant {
  return {
    name,
    run: async (steps) => {
      const times: number[] = [];
      for (let step = 0; step < steps; step++) {
        const began = performance.now();
        await work();
        times.push(performance.now() - began);
      }
      return times;
    },
  };
}
