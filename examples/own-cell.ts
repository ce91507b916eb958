// How do I use cells that I measured myself? A CSV with one line a read becomes a cell with fitted programming noise,
// drift and read noise, and the cell becomes hardware. The measurements here are drawn; read your own file instead.

import {
  deploy,
  deriveKey,
  fitCell,
  hermes256,
  keyFromSeed,
  parseMeasurements,
  prepareFit,
  randomSequence,
} from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, percent, textureSettings, textures } from './textures.ts';

/** 40 devices for each of six targets, read at five times: 0.8 µS of programming noise, ν = 0.05 ± 0.01, 1 % of read noise. */
function measured(): string {
  const draw = randomSequence(deriveKey(keyFromSeed(4), 'devices'));
  const lines = ['device,targetMicrosiemens,timeSeconds,conductanceMicrosiemens'];
  for (const target of [1, 5, 10, 15, 20, 25])
    for (let device = 0; device < 40; device++) {
      const [g0, nu] = [Math.abs(target + 0.8 * draw.normal()), 0.05 + 0.01 * draw.normal()];
      for (const time of [20, 100, 1000, 10_000, 100_000]) {
        const g = g0 * (time / 20) ** -nu * (1 + 0.01 * draw.normal());
        lines.push(`${target}/${device},${target},${time},${g}`);
      }
    }
  return lines.join('\n');
}

const measurements = parseMeasurements('measurements.csv', measured());
const { cell } = fitCell(measurements, { name: 'mine', source: 'drawn for this example', readSeconds: 1e-6 });
for (const { name, value, standardError, unit } of cell.fit.parameters)
  console.log(`${name} = ${value.toPrecision(3)} ± ${standardError?.toPrecision(1) ?? '?'} ${unit}`);

const { engine } = await createEngine();
const data = textures();
const { tensors } = await (await prepareFit({ engine, network, data, settings: textureSettings })).result();
const deployment = await deploy({
  engine,
  network,
  data,
  parameters: tensors,
  hardware: { ...hermes256, name: 'mine', source: cell.source, cell },
  evaluation: { methods: ['none', 'global'] },
});
const day = { chip: 0, timeSeconds: 86_400 } as const;
const [none, global] = [
  await deployment.accuracy({ ...day, method: 'none' }),
  await deployment.accuracy({ ...day, method: 'global' }),
];
console.log(`after a day ${percent(none)}, with drift compensation ${percent(global)}`);
await engine.close();
