// Inference of ResNet-32 16/28/56 on a batch of 128 random images, on a chip whose read noise is drawn for every product
// with its exact variance, which is a second product, of squares; beside digital inference.

import type { HardwareSpec } from '../src/crossbar/hardware.ts';
import { type BenchCase, type CaseResult, compared, numbersOf, race, type Tools } from './bench-case.ts';
import { chipInference, digitalInference, noisyPeriphery } from './inference.ts';
import { usefulOperations } from './kernel-classes.ts';

/** The chip of the inference case, and read noise in every product. */
const noisyProducts: HardwareSpec = { ...noisyPeriphery, readNoise: { kind: 'per-product' } };

/** The case. */
export const readNoiseCase: BenchCase = {
  name: 'read-noise',
  description: 'inference of ResNet-32 on a chip with read noise drawn for every product',
  run,
};

async function run(tools: Tools): Promise<CaseResult> {
  tools.log('read-noise: compiling');
  const plain = await digitalInference(tools.native, 'read-noise-digital');
  const chip = await chipInference(tools.native, 'read-noise-inference', noisyProducts);
  const results = await race(tools, 'read-noise', [plain, chip]);
  plain.free();
  chip.free();
  return {
    rows: [
      compared(tools, results, {
        title: 'ResNet-32 on a chip, read noise in every product',
        contestant: chip.name,
        by: plain.name,
        peerName: 'digital',
        atMost: 3,
        // Those of the digital network: squares are not useful.
        operations: usefulOperations(plain.graph),
      }),
    ],
    ...numbersOf(tools, results, [['read-noise-inference', 'read-noise-digital']]),
  };
}
