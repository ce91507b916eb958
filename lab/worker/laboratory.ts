// The lab without its messages: one engine, the sets of images, the weights that are held, chips and devices, and a
// function for every call.

import { createWasmEngine, type Engine, UsageError } from 'ohmic';
import { type Chips, createChips, evaluateChips } from './chips.ts';
import { createDevices, type Devices } from './devices.ts';
import type { CallName, Calls } from './messages.ts';
import { createSets, firstImages } from './sets.ts';
import { type Held, openOnnx, openWeights, restore, saveOnnx, saveWeights, train } from './weights.ts';

/** What a call is given beside its input. */
export type CallContext<K extends CallName> = {
  readonly onEvent: (event: Calls[K]['event']) => void;
  readonly signal: AbortSignal;
};

/** A function for every call. */
export type Laboratory = {
  readonly [K in CallName]: (
    input: Calls[K]['input'],
    context: CallContext<K>,
  ) => Promise<Calls[K]['result']>;
};

type Bench = {
  readonly engine: Engine;
  readonly notice: string | undefined;
  readonly chips: Chips;
  readonly devices: Devices;
};

/** A laboratory whose engine starts at once. */
export function laboratory(): Laboratory {
  const bench = openBench();
  const sets = createSets();
  let held: Held | undefined;
  const hold = (one: Held): Held['facts'] => {
    held = one;
    return one.facts;
  };
  const current = (): Held => {
    if (held === undefined)
      throw new UsageError('lab: expected weights, got none yet; train a network or open a weights file');
    return held;
  };
  return {
    start: async () => {
      const { engine, notice } = await bench;
      return { description: engine.backend.description, ...(notice !== undefined && { notice }) };
    },
    images: async ({ set, count }) => firstImages(sets.split(set), count),
    ownImages: async (images) => {
      const { train: training, test } = sets.setOwn(images);
      return { train: training.count, test: test.count };
    },
    train: async (choice, context) => hold(await train((await bench).engine, sets, choice, context)),
    restore: async (choice) => {
      const found = await restore((await bench).engine, sets, choice);
      return found === undefined ? undefined : hold(found);
    },
    openWeights: async (file) => hold(await openWeights((await bench).engine, sets, file)),
    saveWeights: () => saveWeights(current()),
    openOnnx: async (file) => hold(await openOnnx((await bench).engine, sets, file)),
    saveOnnx: async ({ read }, { signal }) => {
      const one = current();
      return saveOnnx(one, read && (await (await bench).chips.parameters(one, read, signal)));
    },
    program: async (choice) => (await bench).chips.view(current(), choice),
    digital: async (choice) => (await bench).chips.digital(current(), choice),
    answers: async (choice, { signal }) => (await bench).chips.answers(current(), choice, signal),
    classify: async (choice) => (await bench).chips.classify(current(), choice),
    evaluate: async (input, context) => evaluateChips((await bench).engine, current(), input, context),
    pulses: async (choice) => (await bench).devices.pulses(choice),
    cell: async (choice) => (await bench).devices.cell(choice),
  };
}

async function openBench(): Promise<Bench> {
  const { engine, notice } = await createWasmEngine();
  return { engine, notice, chips: createChips(engine), devices: createDevices(engine) };
}
