// Training steps of two small networks on 28 x 28 images, at a batch of 64 and of 1, beside PyTorch: where the time
// between kernels counts.

import { countWeights, type Network } from '../src/nn/network.ts';
import { networkByName } from '../src/nn/networks.ts';
import {
  type BenchCase,
  type CaseResult,
  compared,
  joined,
  numbersOf,
  race,
  type Tools,
} from './bench-case.ts';
import { usefulOperations } from './kernel-classes.ts';
import { digitalStep, trainingStep } from './networks.ts';
import { peerContestants } from './peer.ts';

const task = { inputShape: [28, 28, 1], classes: 10 };
const networks = [
  { title: 'MLP 784-250-10', network: networkByName('mlp', task) },
  { title: 'LeNet-5', network: networkByName('lenet5', task) },
];
const BATCHES = [64, 1];
/** Steps of a millisecond or less are taken so many times as often as long ones. */
const REPEAT = 20;

/** The case. */
export const smallNetworksCase: BenchCase = {
  name: 'small-networks',
  description: 'training steps of MLP 784-250-10 and LeNet-5, batch 64 and batch 1',
  run: async (tools) => {
    const parts: CaseResult[] = [];
    for (const { title, network } of networks)
      for (const batch of BATCHES) parts.push(await smallStep(tools, title, network, batch));
    return joined(parts);
  },
};

async function smallStep(tools: Tools, title: string, network: Network, batch: number): Promise<CaseResult> {
  const name = `${network.name}-${batch}`;
  const by = `${name}-pytorch`;
  const torch = await peerContestants(tools, {
    name: by,
    peerCase: `${network.name}-training-step`,
    batch,
    weights: countWeights(network),
  });
  const step = await trainingStep(tools.native, name, network, digitalStep(batch));
  const results = await race(tools, name, [step, ...torch], REPEAT);
  step.free();
  const operations = usefulOperations(step.graph);
  return {
    rows: [
      compared(tools, results, {
        title: `${title} training step, batch ${batch}`,
        contestant: name,
        by,
        peerName: 'PyTorch',
        atMost: 1,
        operations,
      }),
    ],
    ...numbersOf(tools, results, [[name, by]]),
  };
}
