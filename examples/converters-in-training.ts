// Can a network learn to live with coarse converters? A trained network goes on to train for a few epochs with DAC and ADC
// of 4 bits in its forward pass. Their ranges follow the inputs at first, are then learned with the weights, and are
// brought to the chip.

import { deploy, meanOf, type Parameters, prepareFit, resolveHardware } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, percent, textureSettings, textures } from './textures.ts';

const { engine } = await createEngine();
const data = textures();
const hardware = resolveHardware({
  preset: 'standardEvaluation',
  name: 'standardEvaluation with 4 bits',
  dac: { bits: 4 },
  adc: { bits: 4 },
});

/** Mean of three chips. */
async function onChips(parameters: Parameters): Promise<number> {
  const evaluation = { methods: ['global'] } as const;
  const deployment = await deploy({ engine, network, data, parameters, hardware, evaluation });
  const accuracies: number[] = [];
  for (const chip of [0, 1, 2])
    accuracies.push(await deployment.accuracy({ chip, timeSeconds: 25, method: 'global' }));
  deployment.free();
  return meanOf(accuracies);
}

const { tensors: initial } = await (
  await prepareFit({ engine, network, data, settings: textureSettings })
).result();
const settings = {
  ...textureSettings,
  learningRate: { kind: 'cosine', initial: 0.05 },
  hardware,
  // Of 320 steps.
  ranges: { initialSteps: 200 },
} as const;
const { tensors } = await (await prepareFit({ engine, network, data, settings, initial })).result();

const [before, after] = [await onChips(initial), await onChips(tensors)];
console.log(`on a chip of 4 bits: ${percent(before)}, trained for it ${percent(after)}`);
await engine.close();
