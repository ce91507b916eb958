// Inference on a chip whose read noise is drawn for every product: output-referred, with its exact variance from a
// second product on squared inputs. Not built: the hardware has no such noise yet. Once `HardwareSpec` has a field for
// it, this case is `chipInference` (inference.ts) with that hardware, in a race with `digitalInference`.

import type { BenchCase } from './bench-case.ts';

/** The case. */
export const readNoiseCase: BenchCase = {
  name: 'read-noise',
  description: 'inference of ResNet-32 on a chip with read noise drawn for every product (not built)',
  run: async () => ({
    rows: [
      {
        title: 'ResNet-32 on a chip, read noise in every product',
        target: { of: 'ratio', atMost: 3 },
      },
    ],
    milliseconds: {},
    ratios: {},
  }),
};
