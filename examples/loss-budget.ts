// Where is accuracy lost? Each source of error alone and left out, each group of layers alone on the chip and alone
// digital, all on the same chips.

import { attribute, joshi2020, prepareFit, printAttribution } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, textureSettings, textures } from './textures.ts';

const { engine } = await createEngine();
const data = textures();
const { tensors, history } = await (
  await prepareFit({ engine, network, data, settings: textureSettings })
).result();

const events = attribute({
  engine,
  network,
  data,
  label: 'textures',
  // What reports say of the network; `ohmic train` writes it into weights files.
  trained: {
    parameters: tensors,
    provenance: {
      ohmic: 'from source',
      model: network.name,
      dataset: 'textures',
      seed: 0,
      backend: engine.backend.name,
      history,
    },
  },
  hardware: joshi2020,
  points: [{ timeSeconds: 86_400, method: 'global' }],
  // Layers that are moved together, by name or pattern.
  groups: ['first*', 'last'],
  evaluation: { chips: 3 },
});
let next = await events.next();
while (next.done !== true) next = await events.next();
console.log(printAttribution(next.value));
await engine.close();
