// What is computed alike in a browser and on Node: a tiny network is trained for a few steps, programmed onto a chip, and
// read at two times. Every bit of every result goes into a digest.

import { deploy, type Engine, generateSynthetic, joshi2020, modelByName, prepareFit } from 'ohmic';

const data = generateSynthetic({ trainCount: 40, testCount: 20 });
const model = modelByName('small-cnn', { inputShape: [32, 32, 3], classes: 10 });

/** Digests and numbers, by what they are of. */
export type Digits = Readonly<Record<string, string>>;

/** Computes on an engine. */
export async function digits(engine: Engine): Promise<Digits> {
  const descent = { batchSize: 10, momentum: 0.9, nesterov: true, weightDecay: 5e-4, labelSmoothing: 0 };
  const regularization = {
    augmentation: { cropPadding: 0, flip: true, cutout: 0 },
    noise: { kind: 'gaussian', relativeToMax: 0.038 },
    clipping: { kind: 'standard-deviations', alpha: 2 },
  } as const;
  const learningRate = { kind: 'cosine', initial: 0.1, warmupEpochs: 0 } as const;
  const settings = { epochs: 1, ...descent, learningRate, statisticsMomentum: 0.1, ...regularization };
  const fitting = await prepareFit({ engine, model, data, settings, seed: 1 });
  const result: Record<string, string> = {};
  for await (const event of fitting.events())
    if (event.kind === 'epoch') result['training loss'] = String(event.record.trainLoss);
  const parameters = fitting.snapshot().tensors;
  result['trained'] = await digest(parameters);
  const adabs = { batches: 1, batchSize: 10 };
  const times = [25, 3600];
  const methods = ['global'] as const;
  const evaluation = { chips: 1, timesSeconds: times, methods, adabs, calibrationImages: 20 } as const;
  const hardware = { ...joshi2020, dac: { kind: 'uniform', bits: 6 } } as const;
  const network = await deploy({ engine, model, parameters, data, hardware, evaluation, seed: 1 });
  const chip = await network.program(0);
  result['programmed'] = await digest(chip.layers);
  const baseline = await network.readBaseline(chip);
  for (const time of times) {
    const reading = await network.read(chip, time);
    result[`read at ${time} s`] = await digest(reading.layers);
    result[`accuracy at ${time} s`] = String(await network.accuracy({ reading, baseline }, 'global'));
  }
  network.free();
  return result;
}

/** SHA-256 of every number in a record of records of tensors, in order. */
async function digest(record: object): Promise<string> {
  const parts: BlobPart[] = [];
  const collect = (value: unknown): void => {
    if (value instanceof Float32Array) parts.push(Uint8Array.from(new Uint8Array(value.buffer)));
    else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) collect(inner);
  };
  collect(record);
  const bytes = await new Blob(parts).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `${bytes.byteLength} bytes ${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
