// One process of chip-ready.ts: deploys two networks of one shape, with other weights and other converter ranges, one
// after the other, and prints the times as JSON. Its argument is the number of threads; OHMIC_CACHE names the cache.

import { hermes256 } from '../src/crossbar/presets.ts';
import { generateSynthetic } from '../src/data/synthetic.ts';
import type { Engine } from '../src/engine.ts';
import { deploy } from '../src/experiment/deploy.ts';
import type { NativeProgram } from '../src/native/backend.ts';
import { initialParameters } from '../src/nn/network.ts';
import { createEngine } from '../src/node/create-engine.ts';
import { converterRanges } from './inference.ts';
import { resnet32 } from './networks.ts';

/** Deployment of one network. */
export type ChipReadiness = {
  /** Milliseconds of `deploy`: traces programming, reading and inference, and makes all three ready. */
  readonly readyMs: number;
  /** How many of the programs had kernels compiled. */
  readonly fresh: number;
};

const data = generateSynthetic({ trainCount: 50, testCount: 50 });

async function deployOnce(engine: Engine, network: number): Promise<ChipReadiness> {
  const fresh: boolean[] = [];
  const watched: Engine = {
    ...engine,
    compile: async (graph) => {
      const executable = await engine.compile(graph);
      fresh.push((executable.program as NativeProgram).isFresh);
      return executable;
    },
  };
  const parameters = {
    ...initialParameters(resnet32, [1, network]),
    ...converterRanges(hermes256, 1 + network / 8),
  };
  const start = performance.now();
  const deployment = await deploy({
    engine: watched,
    network: resnet32,
    parameters,
    data,
    hardware: hermes256,
    evaluation: { methods: ['global'], calibrationImages: 50 },
  });
  const readyMs = performance.now() - start;
  deployment.free();
  return { readyMs, fresh: fresh.filter((isFresh) => isFresh).length };
}

const { engine } = await createEngine({ backend: 'native', threads: Number(process.argv[2]) });
const networks = [await deployOnce(engine, 0), await deployOnce(engine, 1)];
console.log(JSON.stringify(networks));
await engine.close();
