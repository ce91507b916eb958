// Where the noise-trained network loses accuracy on chips: each source of error and each stage of the network, alone and
// left out, on the chips of the record. What `ohmic attribute` does, as a script on the library's names.
//
//   npm run example results/joshi2020/faithful/losses.ts FOLDER     FOLDER holds CIFAR-10; writes losses.json; some twenty minutes

import {
  type Attribution,
  attribute,
  DAY,
  decodeWeights,
  joshi2020,
  networkByName,
  printAttribution,
} from 'ohmic';
import { createEngine, loadDataSet, readBytes, writeWhole } from 'ohmic/node';

const file = (name: string): string => new URL(name, import.meta.url).pathname;

const { engine } = await createEngine();
const data = await loadDataSet('cifar10', { folder: process.argv[2] });
const weights = file('noise-trained/weights.safetensors');
const events = attribute({
  engine,
  network: networkByName('resnet32', { inputShape: [32, 32, 3], classes: 10 }),
  trained: await decodeWeights(weights, readBytes(weights)),
  data,
  label: 'noise-trained',
  hardware: joshi2020,
  // 25 s after programming as it is read, and a day with either compensation; time starts with a read after 20 s.
  points: [
    { timeSeconds: 5, method: 'none' },
    { timeSeconds: DAY, method: 'global' },
    { timeSeconds: DAY, method: 'adabs' },
  ],
  evaluation: { chips: 5, adabs: { augmentation: { cropPadding: 4, flip: true, cutout: 8 } } },
  seed: 1,
});
let result: Attribution | undefined;
while (result === undefined) {
  const { done, value } = await events.next();
  if (done === true) result = value;
  else process.stderr.write(`${value.done} of ${value.total}: ${value.variant}\n`);
}
process.stdout.write(`${printAttribution(result)}\n`);
writeWhole(file('losses.json'), `${JSON.stringify(result, null, 2)}\n`);
await engine.close();
