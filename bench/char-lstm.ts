// Training steps of two LSTM layers of 512 units over 50 characters, beside PyTorch: 100 and 50 steps in time, batches
// of 32 and 64. An unrolled network is many small launches and a few large products.

import { countAnalogWeights } from '../src/nn/network.ts';
import {
  type BenchCase,
  type CaseResult,
  compared,
  joined,
  numbersOf,
  race,
  type Tools,
} from './bench-case.ts';
import { charLstmStep, randomText } from './char-lstm-network.ts';
import { usefulOperations } from './kernel-classes.ts';
import { compiledStep } from './networks.ts';
import { peerContestants } from './peer.ts';

const SIZES = [
  { time: 100, batch: 32 },
  { time: 100, batch: 64 },
  { time: 50, batch: 32 },
];

/** The case. */
export const charLstmCase: BenchCase = {
  name: 'char-lstm',
  description: 'training steps of an LSTM of 2 x 512 units: 100 and 50 steps in time, batch 32 and 64',
  run: async (tools) => {
    const parts: CaseResult[] = [];
    for (const { time, batch } of SIZES) parts.push(await lstmStep(tools, time, batch));
    return joined(parts);
  },
};

async function lstmStep(tools: Tools, time: number, batch: number): Promise<CaseResult> {
  const name = `char-lstm-${time}-${batch}`;
  const by = `${name}-pytorch`;
  const options = charLstmStep(time, batch);
  const torch = await peerContestants(tools, {
    name: by,
    peerCase: `char-lstm-${time}-training-step`,
    batch,
    // Without biases, of which PyTorch has two in each LSTM layer.
    weights: countAnalogWeights(options.network),
  });
  const step = await compiledStep(tools.native, name, options, randomText(time, batch));
  const results = await race(tools, name, [step, ...torch]);
  step.free();
  return {
    rows: [
      compared(tools, results, {
        title: `char LSTM 2x512 training step, batch ${batch}, ${time} steps`,
        contestant: name,
        by,
        peerName: 'PyTorch',
        atMost: 1,
        operations: usefulOperations(step.graph),
      }),
    ],
    ...numbersOf(tools, results, [[name, by]]),
    details: { [`${name}-ready-milliseconds`]: step.readyMs },
  };
}
