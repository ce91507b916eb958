// A training stage over a storage: what it leaves there, that it continues to the same bytes, and what it refuses.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import {
  fullSettings,
  plainSettings,
  tinyConvolutional,
  tinyPerceptron,
  tinySplit,
} from '../../test/tiny.ts';
import { memoryStorage, type Storage } from '../base/storage.ts';
import { hermes256 } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { decodeCheckpoint, encodeCheckpoint, type TrainedNetwork } from '../train/checkpoint.ts';
import { imageSubject } from './subject.ts';
import {
  normalizedAs,
  readWeights,
  TRAINING_FILES,
  type TrainStage,
  type TrainStageEvent,
  trainStage,
} from './train-stage.ts';

const engine = engineOn(await backends.find(({ name }) => name === 'wasm')!.start(1));
after(() => engine.close());
const data = tinySplit({ train: 32, test: 20 });
const { weights, checkpoint, history } = TRAINING_FILES;

/** Two epochs of two steps. */
function stageIn(storage: Storage, more: Partial<TrainStage> = {}): TrainStage {
  const settings = { ...fullSettings, epochs: 2 };
  return {
    engine,
    storage,
    ohmic: '0.0.0',
    subject: imageSubject({ network: tinyConvolutional, dataset: 'tiny', data }),
    settings,
    seed: 3,
    ...more,
  };
}

type Followed = { readonly events: TrainStageEvent[]; readonly trained: TrainedNetwork };

async function follow(
  stage: TrainStage,
  onEvent: (event: TrainStageEvent) => void = () => undefined,
): Promise<Followed> {
  const events: TrainStageEvent[] = [];
  const stages = trainStage(stage);
  for (;;) {
    const { done, value } = await stages.next();
    if (done === true) return { events, trained: value };
    events.push(value);
    onEvent(value);
  }
}

const whole = memoryStorage('whole');
const reference = await follow(stageIn(whole));

test('a stage says what it does, and leaves weights, a checkpoint and the history', async () => {
  assert.deepEqual(
    reference.events.map((event) => (event.kind === 'step' ? `step ${event.step}` : event.kind)),
    ['begun', 'step 1', 'step 2', 'epoch', 'step 3', 'step 4', 'epoch'],
  );
  assert.deepEqual(reference.events[0], { kind: 'begun', step: 0, steps: 4 });
  const kept = JSON.parse(new TextDecoder().decode(await whole.read(history))) as unknown[];
  assert.equal(kept.length, 2);
  const read = await readWeights(whole, weights, tinyConvolutional);
  assert.deepEqual(read, reference.trained);
  assert.ok(!Object.keys(read.parameters).some((name) => name.endsWith('.momentum')));
});

test('a finished stage only reads its weights', async () => {
  const { events, trained } = await follow(stageIn(whole));
  assert.deepEqual(events, [{ kind: 'found', file: 'whole/weights.safetensors' }]);
  assert.deepEqual(trained, reference.trained);
});

test('finished weights of another training are refused with every difference', async () => {
  const other = { ...fullSettings, epochs: 2, batchSize: 8 };
  await assert.rejects(follow(stageIn(whole, { settings: other, initial: reference.trained.parameters })), {
    name: 'UsageError',
    message:
      /^whole\/weights\.safetensors: of another training, or damaged; remove it to train from the start: 2 faults\n {2}- settings\.batchSize: 16 there, 8 here\n {2}- initial: absent there, "[0-9a-f]{64}" here$/,
  });
  // Who trained them, and on what machine, does not matter.
  const { events } = await follow(stageIn(whole, { ohmic: '9.9.9' }));
  assert.equal(events[0]!.kind, 'found');
});

for (const [what, settings] of [
  ['in floating point', { ...fullSettings, epochs: 2 }],
  [
    'for hardware, with a ramp, drop-connect and Adam',
    {
      ...plainSettings,
      epochs: 2,
      hardware: hermes256,
      noise: { kind: 'gaussian', relativeToMax: 0.04, rampEpochs: 1 },
      dropConnect: 0.01,
      rule: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    },
  ],
] as const) {
  test(`a training ${what} that is stopped after each step ends with the same bytes`, async () => {
    const alone = memoryStorage();
    await follow(stageIn(alone, { settings, isCheckpointDue: () => false }));
    const storage = memoryStorage();
    for (const step of [1, 2, 3]) {
      const controller = new AbortController();
      const stage = stageIn(storage, { settings, signal: controller.signal });
      const events: TrainStageEvent[] = [];
      const stopped = follow(stage, (event) => {
        events.push(event);
        if (event.kind === 'step' && event.step === step) controller.abort(new Error('enough'));
      });
      await assert.rejects(stopped, /enough/);
      assert.deepEqual(events.at(-1), { kind: 'stopped', step, steps: 4 });
      assert.equal(await storage.exists(weights), false);
    }
    const { events } = await follow(stageIn(storage, { settings }));
    assert.deepEqual(events[0], { kind: 'begun', step: 3, steps: 4 });
    for (const file of [weights, history])
      assert.deepEqual(await storage.read(file), await alone.read(file), file);
  });
}

test('checkpoints are written when they are due: by default after every epoch, else as asked', async () => {
  const writesOf = async (more: Partial<TrainStage>): Promise<number> => {
    const storage = memoryStorage();
    let writes = 0;
    const counting: Storage = {
      ...storage,
      write: async (name, content) => {
        if (name === checkpoint) writes++;
        await storage.write(name, content);
      },
    };
    await follow(stageIn(counting, more));
    return writes;
  };
  // The last is of the end.
  assert.equal(await writesOf({}), 2 + 1);
  assert.equal(await writesOf({ isCheckpointDue: () => false }), 1);
  assert.equal(await writesOf({ isCheckpointDue: () => true }), 2 + 2 + 1);
});

/** A storage that holds the checkpoint of a stage, changed. */
async function withCheckpoint(
  change: (found: Awaited<ReturnType<typeof decodeCheckpoint>>) => typeof found,
): Promise<Storage> {
  const storage = memoryStorage('other');
  const found = await decodeCheckpoint(checkpoint, (await whole.read(checkpoint))!);
  await storage.write(checkpoint, await encodeCheckpoint(change(found)));
  return storage;
}

test('a checkpoint of another training is refused with every difference', async () => {
  const storage = await withCheckpoint((found) => found);
  const settings = { ...fullSettings, epochs: 3 };
  await assert.rejects(follow(stageIn(storage, { settings, seed: 4 })), {
    name: 'UsageError',
    message: `other/checkpoint.safetensors: of another training, or damaged; remove it to train from the start: 2 faults
  - settings.epochs: 2 there, 3 here
  - seed: 3 there, 4 here`,
  });
});

test('a checkpoint of another version continues, and that is said', async () => {
  const storage = await withCheckpoint(({ state, provenance }) => ({
    state,
    provenance: { ...provenance, ohmic: '0.1.0' },
  }));
  const { events } = await follow(stageIn(storage));
  const [begun] = events;
  assert.ok(begun?.kind === 'begun');
  assert.match(
    begun.note!,
    /^begun by ohmic 0\.1\.0, .*, continued by ohmic 0\.0\.0, .*: the last bits may differ/,
  );
});

test('damaged, missing and foreign files are named', async () => {
  const bytes = (await whole.read(weights))!;
  const storage = memoryStorage('m');
  await storage.write('w', bytes.subarray(0, bytes.length >> 1));
  await assert.rejects(readWeights(storage, 'w'), /^UsageError: m\/w: .*/);
  await assert.rejects(readWeights(storage, 'none'), {
    message: 'm/none: expected weights, got no file; check the path',
  });
  await assert.rejects(readWeights(whole, weights, tinyPerceptron), /not the parameters of tiny-perceptron/);
});

test('what was learned for hardware goes with the weights: ranges and a digest of the teacher', async () => {
  const storage = memoryStorage();
  const { parameters } = reference.trained;
  const { trained } = await follow(
    stageIn(storage, {
      settings: { ...plainSettings, hardware: hermes256, distillation: { weight: 0.5, temperature: 2 } },
      teacher: { network: tinyConvolutional, parameters },
      initial: parameters,
    }),
  );
  const read = await readWeights(storage, weights);
  for (const name of ['conv1.inputRange', 'dense.outputRange'])
    assert.ok(read.parameters[name]!.data[0]! > 0, name);
  assert.equal(trained.provenance.teacher, trained.provenance.initial);
  assert.equal(trained.provenance.teacher?.length, 64);
});

test('images are normalised as those of the networks that a training comes from, which must agree', () => {
  const of = (mean: number): TrainedNetwork => ({
    ...reference.trained,
    provenance: { ...reference.trained.provenance, normalization: { mean: [mean, mean], std: [1, 1] } },
  });
  assert.equal(normalizedAs(data, { a: undefined }), data);
  assert.deepEqual(normalizedAs(data, { a: of(0.5), b: of(0.5) }), {
    ...data,
    normalization: { mean: [0.5, 0.5], std: [1, 1] },
  });
  assert.throws(() => normalizedAs(data, { weights: of(0.5), teacher: of(0.4) }), {
    name: 'UsageError',
    message: /^train: weights and teacher: expected images normalised alike, got .*0\.5.* and .*0\.4/,
  });
});
