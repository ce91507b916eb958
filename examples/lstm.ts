// How does a recurrent network do on a chip? An LSTM reads a signal in 16 steps of 4 samples; its two matrices, for the
// input and for the hidden state, lie on crossbars and are used at every step, with fresh read noise each time.

import { classifier, dense, deploy, hermes256, lstm, type Module, prepareFit, sequence } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { percent } from './textures.ts';
import { LENGTH, waveforms } from './waveforms.ts';

const STEPS = 16;
const inSteps: Module = () => ({
  outputShape: [STEPS, LENGTH / STEPS],
  parameters: [],
  layers: [],
  apply: (x) => ({ value: x.reshape([x.shape[0]!, STEPS, LENGTH / STEPS]), statistics: {} }),
});

const network = classifier({
  name: 'lstm',
  inputShape: [1, LENGTH, 1],
  classes: 4,
  module: sequence([inSteps, lstm({ name: 'lstm', hidden: 32 }), dense({ name: 'last', outputs: 4 })]),
});

const { engine } = await createEngine();
const data = waveforms();
const settings = {
  epochs: 12,
  batchSize: 50,
  rule: { kind: 'adam', weightDecay: 0 },
  learningRate: { kind: 'cosine', initial: 0.01 },
  noise: { kind: 'gaussian', relativeToMax: 0.03 },
} as const;
const { tensors } = await (await prepareFit({ engine, network, data, settings })).result();

const hardware = { ...hermes256, readNoise: { kind: 'per-product' } } as const;
const deployment = await deploy({
  engine,
  network,
  data,
  parameters: tensors,
  hardware,
  evaluation: { methods: ['global'] },
});
const chip = await deployment.accuracy({ chip: 0, timeSeconds: 3600, method: 'global' });
console.log(
  `digital ${percent(await deployment.digitalAccuracy())}, on a chip after an hour ${percent(chip)}`,
);
await engine.close();
