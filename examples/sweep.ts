// How much noise should I train with? A loop over amounts and seeds, and an interval for each amount.

import { confidenceInterval95, deploy, joshi2020, meanOf, prepareFit } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, percent, textureSettings, textures } from './textures.ts';

const { engine } = await createEngine();
const data = textures();

let best = { amount: 0, mean: 0 };
for (const amount of [0, 0.04, 0.08]) {
  const accuracies: number[] = [];
  for (const seed of [0, 1, 2]) {
    const settings = { ...textureSettings, noise: { kind: 'gaussian', relativeToMax: amount } } as const;
    // Networks of one shape share every kernel: only the first run compiles.
    const fitting = await prepareFit({ engine, network, data, settings, seed });
    const { tensors } = await fitting.result();
    const evaluation = { methods: ['global'] } as const;
    const deployment = await deploy({
      engine,
      network,
      data,
      parameters: tensors,
      hardware: joshi2020,
      evaluation,
      seed,
    });
    accuracies.push(await deployment.accuracy({ chip: 0, timeSeconds: 86_400, method: 'global' }));
    fitting.free();
    deployment.free();
  }
  const [mean, interval] = [meanOf(accuracies), confidenceInterval95(accuracies)!];
  console.log(
    `noise ${percent(amount)}: ${percent(mean)} (${percent(interval[0])} to ${percent(interval[1])})`,
  );
  if (mean > best.mean) best = { amount, mean };
}
console.log(`best: noise ${percent(best.amount)}, ${percent(best.mean)} after a day`);
await engine.close();
