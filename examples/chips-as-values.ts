// What is on a chip? Programmed chips and reads are plain values: every cell's target, its conductance, its drift exponent.
// Nothing changes them; a read at another time is another value.

import { DAY, deploy, HOUR, hermes256, initialParameters, keyFromSeed, meanOf } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, textures } from './textures.ts';

const { engine } = await createEngine();
const deployment = await deploy({
  engine,
  network,
  data: textures(),
  parameters: initialParameters(network, keyFromSeed(0)),
  hardware: hermes256,
  evaluation: { methods: ['none'] },
});

const chip = await deployment.chip(0);
for (const { name, rows, columns, cells } of Object.values(chip.layers)) {
  const [plus] = cells;
  const error = plus!.conductance.data.map((g, i) => g - plus!.target.data[i]!);
  const rms = Math.sqrt(meanOf(error.map((value) => value * value)));
  console.log(`${name}: ${rows} x ${columns} cells a polarity, programmed to within ${rms.toFixed(2)} µS`);
}

const meanConductance = async (timeSeconds: number): Promise<number> => {
  const { layers } = await deployment.reading({ chip: 0, timeSeconds });
  return meanOf(
    Object.values(layers).flatMap(({ cells }) => cells.flatMap(({ conductance }) => [...conductance.data])),
  );
};
const means = [await meanConductance(0), await meanConductance(HOUR), await meanConductance(DAY)];
console.log(
  `mean conductance ${means.map((g) => g.toFixed(2)).join(', ')} µS: at once, after an hour, after a day`,
);
await engine.close();
