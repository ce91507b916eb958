// Which compensation of drift is worth its price? The same chips, compensated in every way that needs no training: one factor a
// layer, one a column, and statistics of batch normalisation re-estimated on training images (AdaBS).

import { DAY, deploy, HOUR, joshi2020, MONTH, meanOf, prepareFit } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, percent, textureSettings, textures } from './textures.ts';

const { engine } = await createEngine();
const data = textures();
const settings = { ...textureSettings, noise: { kind: 'gaussian', relativeToMax: 0.04 } } as const;
const { tensors } = await (await prepareFit({ engine, network, data, settings })).result();

const methods = ['none', 'global', 'per-column', 'adabs'] as const;
const deployment = await deploy({
  engine,
  network,
  data,
  parameters: tensors,
  hardware: joshi2020,
  evaluation: { methods, adabs: { batches: 5, batchSize: 100 } },
});
for (const method of methods) {
  const row: string[] = [];
  for (const timeSeconds of [25, HOUR, DAY, MONTH]) {
    const accuracies: number[] = [];
    for (const chip of [0, 1, 2]) accuracies.push(await deployment.accuracy({ chip, timeSeconds, method }));
    row.push(percent(meanOf(accuracies)));
  }
  console.log(`${method.padEnd(12)}${row.join('  ')}`);
}
await engine.close();
