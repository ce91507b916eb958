// Files of earlier versions: settings, weights and checkpoints of version 0.1.0 are read as today's.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { fullSettings, tinyConvolutional, tinySplit } from '../../test/tiny.ts';
import { check, type Json } from '../base/schema.ts';
import { encodeTensors } from '../interop/safetensors.ts';
import { networkByName } from '../nn/networks.ts';
import { checkParameters, decodeCheckpoint, decodeWeights } from './checkpoint.ts';
import { type FitOptions, prepareFit } from './fit.ts';
import { migrateProvenance, migrateTraining } from './migrate.ts';
import { type TrainingSettings, trainingSchema } from './settings.ts';
import type { TrainingState } from './training-state.ts';

/** Settings as version 0.1.0 wrote them. */
function asBefore({ rule, ...others }: TrainingSettings): Json {
  assert.ok(rule.kind === 'sgd');
  const { momentum, nesterov, weightDecay } = rule;
  return JSON.parse(JSON.stringify({ momentum, nesterov, weightDecay, ...others })) as Json;
}

test('numbers of gradient descent move into the rule', () => {
  assert.deepEqual(check(trainingSchema, 'here', migrateTraining(asBefore(fullSettings))), fullSettings);
  assert.deepEqual(migrateTraining({ epochs: 3, nesterov: false }), {
    epochs: 3,
    rule: { kind: 'sgd', nesterov: false },
  });
});

test("today's settings, what says nothing of the rule, and what is no record stay as they are", () => {
  const today = { epochs: 1, rule: { kind: 'adam' }, momentum: 0.9 };
  for (const raw of [today, { epochs: 3 }, {}, null, undefined, 'text', 4, [1, 2]])
    assert.equal(migrateTraining(raw), raw);
  // Both at once is a mistake, which the check names.
  assert.throws(() => check(trainingSchema, 'here', migrateTraining(today)), /Unrecognized key: "momentum"/);
});

test('of a provenance the settings are migrated, if it has any', () => {
  const rest = { ohmic: '0.1.0', model: 'm', seed: 1 };
  const settings = { epochs: 1, momentum: 0.5 };
  assert.deepEqual(migrateProvenance({ ...rest, settings }), {
    ...rest,
    settings: { epochs: 1, rule: { kind: 'sgd', momentum: 0.5 } },
  });
  for (const raw of [rest, null, undefined, 'text']) assert.equal(migrateProvenance(raw), raw);
});

// Files

const results = new URL('../../results/', import.meta.url);
const cifar = { inputShape: [32, 32, 3], classes: 10 };

for (const file of ['joshi2020/digital', 'joshi2020/faithful/noise-trained']) {
  test(`the kept weights of ${file} are read, with their rule`, async () => {
    const bytes = await readFile(new URL(`${file}/weights.safetensors`, results));
    const { parameters, provenance } = await decodeWeights(file, bytes);
    const { settings, model, history } = provenance;
    assert.ok(settings?.rule.kind === 'sgd');
    assert.deepEqual([settings.rule.momentum, settings.rule.weightDecay], [0.9, 5e-4]);
    assert.equal(settings.noise.kind, file.endsWith('digital') ? 'none' : 'gaussian');
    assert.equal(history.length, settings.epochs);
    checkParameters(file, networkByName(model, cifar), parameters);
  });
}

test('a checkpoint of version 0.1.0 goes on to the same bits', async () => {
  const wasm = backends.find(({ name }) => name === 'wasm')!;
  await withEngine(wasm, 1, async (engine) => {
    const options: FitOptions = {
      engine,
      network: tinyConvolutional,
      data: tinySplit(),
      settings: fullSettings,
      seed: 11,
    };
    const whole = await prepareFit(options);
    let begun: TrainingState | undefined;
    for await (const { kind, step } of whole.events())
      if (kind === 'step' && step === 6) begun = await whole.snapshot();
    const expected = await whole.snapshot();
    whole.free();
    const { tensors, history, step, running } = begun!;
    const provenance = {
      ohmic: '0.1.0',
      model: tinyConvolutional.name,
      dataset: 'tiny',
      trainImages: 64,
      normalization: { mean: [0.5, 0.5], std: [0.2, 0.2] },
      settings: asBefore(fullSettings),
      seed: 11,
      backend: 'wasm',
      history,
    };
    const bytes = await encodeTensors({
      tensors,
      metadata: {
        format: 'ohmic-checkpoint-1',
        provenance: JSON.stringify(provenance),
        progress: JSON.stringify({ step, running }),
      },
    });
    const read = await decodeCheckpoint('c', bytes);
    assert.deepEqual(read.provenance.settings, fullSettings);
    const { settings } = read.provenance;
    const rest = await prepareFit({ ...options, settings: settings!, state: read.state });
    assert.deepEqual(await rest.result(), expected);
    rest.free();
  });
});
