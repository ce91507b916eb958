// What does it help to keep the first and the last layer digital?

import { byLayer, deploy, type HardwareSpec, joshi2020, prepareFit } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, percent, textureSettings, textures } from './textures.ts';

const { engine } = await createEngine();
const data = textures();
const { tensors } = await (await prepareFit({ engine, network, data, settings: textureSettings })).result();

const names = network.layers.map(({ name }) => name);
const isOuter = (name: string): boolean => name === names[0] || name === names.at(-1);
const choices: readonly (readonly [string, HardwareSpec])[] = [
  ['all layers on the chip', joshi2020],
  // The same by pattern: { ...joshi2020, layers: { 'first*': 'digital', last: 'digital' } }
  [
    'first and last digital',
    byLayer(joshi2020, network.layers, ({ name }) => (isOuter(name) ? 'digital' : undefined)),
  ],
];
for (const [what, hardware] of choices) {
  const evaluation = { methods: ['global'] } as const;
  const deployment = await deploy({ engine, network, data, parameters: tensors, hardware, evaluation });
  let sum = 0;
  // The draws of a layer do not depend on the others: both choices see the same cells.
  for (const chip of [0, 1, 2, 3, 4])
    sum += await deployment.accuracy({ chip, timeSeconds: 86_400, method: 'global' });
  console.log(`${what}: ${percent(sum / 5)} after a day, mean of 5 chips`);
  deployment.free();
}
await engine.close();
