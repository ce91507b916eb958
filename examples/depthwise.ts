// How do depthwise convolutions do on a chip? Each channel is a matrix of nine rows of its own: few cells share an error,
// and a tile of 256 rows is nearly empty.

import {
  activation,
  batchNormalization,
  classifier,
  convolution,
  dense,
  deploy,
  depthwiseConvolution,
  globalAveragePool,
  hermes256,
  type Module,
  prepareFit,
  sequence,
} from 'ohmic';
import { createEngine } from 'ohmic/node';
import { percent, textureSettings, textures } from './textures.ts';

const normalized = (name: string, module: Module): Module =>
  sequence([module, batchNormalization(`${name}Norm`), activation('relu')]);

/** A depthwise convolution, and one over the channels of each pixel: a block of MobileNet. */
const separable = (name: string, filters: number, stride: number): Module =>
  sequence([
    normalized(
      `${name}.depth`,
      depthwiseConvolution({ name: `${name}.depth`, size: 3, stride, padding: 'same' }),
    ),
    normalized(`${name}.point`, convolution({ name: `${name}.point`, filters, size: 1 })),
  ]);

const network = classifier({
  name: 'separable',
  inputShape: [32, 32, 3],
  classes: 2,
  module: sequence([
    normalized('stem', convolution({ name: 'stem', filters: 12, size: 3, padding: 'same' })),
    separable('first', 24, 2),
    separable('second', 48, 2),
    globalAveragePool,
    dense({ name: 'last', outputs: 2 }),
  ]),
});

const { engine } = await createEngine();
const data = textures();
const { tensors } = await (await prepareFit({ engine, network, data, settings: textureSettings })).result();

for (const [where, layers] of [
  ['depthwise layers digital', { '*.depth': 'digital' }],
  ['all layers on the chip', {}],
] as const) {
  const hardware = { ...hermes256, layers };
  const evaluation = { methods: ['global'] } as const;
  const deployment = await deploy({ engine, network, data, parameters: tensors, hardware, evaluation });
  const chip = await deployment.accuracy({ chip: 0, timeSeconds: 3600, method: 'global' });
  console.log(`${where}: ${percent(chip)} (digital ${percent(await deployment.digitalAccuracy())})`);
  deployment.free();
}
await engine.close();
