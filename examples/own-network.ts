// How do I define a network of my own, and what is left of it on a chip? Here it is one of 1-D convolutions.

import {
  activation,
  batchNormalization,
  classifier,
  convolution1d,
  dense,
  deploy,
  globalAveragePool,
  hermes256,
  type Module,
  maxPool,
  prepareFit,
  sequence,
} from 'ohmic';
import { createEngine } from 'ohmic/node';
import { percent } from './textures.ts';
import { LENGTH, waveforms } from './waveforms.ts';

// A module is a function from the shape of its input to what it computes. This one takes signals out of their images.
const asSignal: Module = () => ({
  outputShape: [LENGTH, 1],
  parameters: [],
  layers: [],
  apply: (x) => ({ value: x.reshape([x.shape[0]!, LENGTH, 1]), statistics: {} }),
});

const block = (name: string, filters: number): Module =>
  sequence([
    convolution1d({ name: `${name}.conv`, filters, size: 5, padding: 'same' }),
    batchNormalization(`${name}.norm`),
    activation('relu'),
    maxPool(2),
  ]);

const network = classifier({
  name: 'signals',
  inputShape: [1, LENGTH, 1],
  classes: 4,
  module: sequence([
    asSignal,
    block('first', 16),
    block('second', 32),
    globalAveragePool,
    dense({ name: 'last', outputs: 4 }),
  ]),
});

const { engine } = await createEngine();
const data = waveforms();
const settings = { epochs: 5, batchSize: 50, noise: { kind: 'gaussian', relativeToMax: 0.04 } } as const;
const { tensors } = await (await prepareFit({ engine, network, data, settings })).result();

const deployment = await deploy({
  engine,
  network,
  data,
  parameters: tensors,
  hardware: hermes256,
  evaluation: { methods: ['global'] },
});
const digital = await deployment.digitalAccuracy();
const chip = await deployment.accuracy({ chip: 0, timeSeconds: 3600, method: 'global' });
console.log(`digital ${percent(digital)}, on a chip after an hour ${percent(chip)}`);
await engine.close();
