// What is computed alike in a browser and on Node: a tiny network is trained for a few steps, programmed onto a chip, and
// read at two times. Every bit of every result goes into a digest.

import { deploy, type Engine, generateSynthetic, joshi2020, networkByName, prepareFit } from 'ohmic';

const data = generateSynthetic({ trainCount: 40, testCount: 20 });
const network = networkByName('small-cnn', { inputShape: [32, 32, 3], classes: 10 });

/** Digests and numbers, by what they are of. */
export type Digits = Readonly<Record<string, string>>;

/** Computes on an engine. */
export async function digits(engine: Engine): Promise<Digits> {
  const settings = {
    epochs: 1,
    batchSize: 10,
    noise: { kind: 'gaussian', relativeToMax: 0.038 },
    clipping: { kind: 'standard-deviations', alpha: 2 },
  } as const;
  const fitting = await prepareFit({ engine, network, data, settings, seed: 1 });
  const result: Record<string, string> = {};
  for await (const event of fitting.events())
    if (event.kind === 'epoch') result['training loss'] = String(event.record.trainLoss);
  const { tensors: parameters } = await fitting.snapshot();
  result['trained'] = await digest(parameters);
  const evaluation = { methods: ['global'], calibrationImages: 20 } as const;
  const hardware = { ...joshi2020, dac: { kind: 'uniform', bits: 6 } } as const;
  const deployment = await deploy({ engine, network, parameters, data, hardware, evaluation, seed: 1 });
  result['programmed'] = await digest((await deployment.chip(0)).layers);
  for (const timeSeconds of [25, 3600]) {
    const read = { chip: 0, timeSeconds };
    result[`read at ${timeSeconds} s`] = await digest((await deployment.reading(read)).layers);
    result[`accuracy at ${timeSeconds} s`] = String(await deployment.accuracy({ ...read, method: 'global' }));
  }
  deployment.free();
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
