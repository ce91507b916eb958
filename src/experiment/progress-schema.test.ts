// Progress of another structure, or with forged results, is refused where it enters: as `finished`, and from a file whose
// digest is right. Each forgery is one change of true progress.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { tinyData } from '../../test/deployed.ts';
import { randomParameters, tinyConvolutional } from '../../test/tiny.ts';
import { sha256 } from '../base/digest.ts';
import { memoryStorage, type Storage } from '../base/storage.ts';
import { joshi2020 } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { attribute } from './attribute.ts';
import { evaluateNetwork, planned } from './evaluate.ts';
import { attributionStage, evaluationStage } from './evaluation-stage.ts';

const engine = engineOn(await backends.find(({ name }) => name === 'wasm')!.start(1));

const provenance = { ohmic: '0', model: 'm', dataset: 'd', seed: 0, backend: 'b', history: [] };
const common = {
  engine,
  network: tinyConvolutional,
  trained: { parameters: randomParameters(tinyConvolutional), provenance },
  data: tinyData,
  label: 'a',
  hardware: joshi2020,
  evaluation: { chips: 2, timesSeconds: [25, 3600], methods: ['none', 'global'], calibrationImages: 8 },
} as const;
const attributed = {
  ...common,
  points: [{ timeSeconds: 25, method: 'none' }],
  groups: ['conv*'],
} as const;

/** The last progress of a measurement, which is all of it. */
async function endOf<E>(events: AsyncGenerator<E, unknown>): Promise<E> {
  let last: E | undefined;
  for await (const event of events) last = event;
  return last!;
}

/** A copy with one field set, by its path; undefined removes it. */
function forged(whole: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(whole)) as unknown;
  if (path.length === 0) return value;
  let at = copy as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) at = at[part] as typeof at;
  if (value === undefined) delete at[path.at(-1)!];
  else at[path.at(-1)!] = value;
  return copy;
}

type Forgery = readonly [path: readonly (string | number)[], value: unknown, fault: string];

const evaluations: readonly Forgery[] = [
  [[], null, 'expected object, got null'],
  [[], 5, 'expected object, got 5'],
  [[], { variants: {} }, '2 faults\n  - chips: expected array, got nothing\n  - Unrecognized key: "variants"'],
  [['digitalAccuracy'], 'all', 'digitalAccuracy: expected number, got "all"'],
  [['chips'], {}, 'chips: expected array, got {}'],
  [['chips', 0], null, 'chips.0: expected object, got null'],
  [['chips', 1, 'chip'], 0, 'chips.1.chip: expected 1, got 0'],
  [['chips', 2], { chip: 2, accuracies: [] }, '2 faults\n  - chips: expected at most 2 chips, got 3'],
  [['chips', 1, 'accuracies'], [], 'chips.1.accuracies: expected none at 25 s, global at 25 s, none at 3600 s, global at 3600 s, got none'],
  [['chips', 0, 'accuracies', 1, 'method'], 'none', 'chips.0.accuracies: expected none at 25 s, global at 25 s, none at 3600 s, global at 3600 s, got none at 25 s, none at 25 s,'],
  [['chips', 0, 'accuracies', 1, 'accuracy'], null, 'chips.0.accuracies.1.accuracy: expected number, got null (JSON has null for NaN'],
  [['chips', 0, 'inside'], undefined, 'chips.0.inside: expected the inside of the first chip, and of no other, got none'],
  [['chips', 0, 'inside', 'layers'], [], 'chips.0.inside.layers: expected conv1, conv2, dense, got none'],
  [['chips', 0, 'inside', 'histogram', 'target'], [1], 'chips.0.inside.histogram: expected one count fewer than edges'],
  [['chips', 0, 'inside', 'histogram', 'read'], [], 'chips.0.inside: expected reads at 25, 3600 s, got none'],
]; // biome-ignore format: one case a line

const attributions: readonly Forgery[] = [
  [[], null, 'expected object, got null'],
  [[], { chips: [] }, '2 faults\n  - variants: expected record, got nothing\n  - Unrecognized key: "chips"'],
  [['digitalAccuracy'], null, 'digitalAccuracy: expected number, got null'],
  [['variants', 'reference'], [0.5], 'variants.reference.0: expected array, got 0.5'],
  [['variants', 'reference'], [], 'variants.reference: expected 1 points with 2 chips each, got none'],
  [['variants', 'exact'], [[0.5]], 'variants.exact: expected 1 points with 2 chips each, got 1 points with 1'],
  [['variants', 'others'], [[0.5, 0.5]], 'variants: expected names among reference, exact, '],
]; // biome-ignore format: one case a line

/** What a measurement says of progress. */
async function refusal(events: AsyncGenerator<unknown, unknown>): Promise<string> {
  try {
    await endOf(events);
  } catch (thrown) {
    const { name, message, stack } = thrown as Error;
    assert.equal(name, 'UsageError', stack);
    return message;
  }
  return assert.fail('accepted');
}

const measurements = {
  evaluation: {
    where: 'evaluate',
    forgeries: evaluations,
    inside: (storage: Storage) => evaluationStage({ ...common, storage }),
    after: (finished: unknown) => evaluateNetwork({ ...common, finished: finished as never }),
  },
  attribution: {
    where: 'attribute',
    forgeries: attributions,
    inside: (storage: Storage) => attributionStage({ ...attributed, storage }),
    after: (finished: unknown) => attribute({ ...attributed, finished: finished as never }),
  },
};

/** The file that a whole measurement leaves, and the storage that holds it. */
async function fileOf(inside: (storage: Storage) => AsyncGenerator<unknown, unknown>): Promise<{
  readonly name: string;
  readonly of: string;
  readonly progress: unknown;
  readonly storage: Storage;
}> {
  const names: string[] = [];
  const memory = memoryStorage('m');
  const storage: Storage = {
    ...memory,
    write: (name, content) => {
      names.push(name);
      return memory.write(name, content);
    },
  };
  await endOf(inside(storage));
  const name = names[0]!;
  const text = new TextDecoder().decode(await storage.read(name));
  return { name, storage, ...(JSON.parse(text) as { readonly of: string; readonly progress: unknown }) };
}

// Before the first test: one that is registered after a wait would find the engine closed.
const files: Readonly<Record<string, Awaited<ReturnType<typeof fileOf>>>> = {
  evaluation: await fileOf(measurements.evaluation.inside),
  attribution: await fileOf(measurements.attribution.inside),
};
after(() => engine.close());

for (const [what, { where, forgeries, inside, after: following }] of Object.entries(measurements)) {
  const { name, of, progress, storage } = files[what]!;
  // `of` names the settings, and the digest is made anew.
  const write = async (other: unknown): Promise<void> =>
    storage.write(name, JSON.stringify({ sha256: await sha256(JSON.stringify(other)), of, progress: other }));

  test(`true progress of an ${what} is accepted, and nothing is measured again`, async () => {
    const whole = await collected(following(progress));
    await write(progress);
    assert.deepEqual((await collected(inside(storage))).result, whole.result);
    assert.equal(whole.events, 0);
  });

  for (const [path, value, fault] of forgeries) {
    const text = `${path.join('.') || 'all of it'} = ${JSON.stringify(value) ?? 'nothing'}`;
    test(`progress of an ${what} is refused with ${text}`, async () => {
      const other = forged(progress, path, value);
      const message = await refusal(following(other));
      assert.ok(message.startsWith(`${where}: finished: ${fault}`), message);
      await write(other);
      const ofFile = await refusal(inside(storage));
      const file = `m/${name}: not what this ${what} writes; remove it, and it starts anew`;
      assert.equal(ofFile, message.replace(`${where}: finished`, file));
    });
  }
}

/** The result of a measurement, and how often it measured anything. */
async function collected(
  events: AsyncGenerator<unknown, unknown>,
): Promise<{ readonly events: number; readonly result: unknown }> {
  for (let count = 0; ; count++) {
    const { done, value } = await events.next();
    if (done === true) return { events: count, result: value };
  }
}

test('progress that was read has the bytes of progress that was made, at every moment of an evaluation', async () => {
  const { checkProgress } = planned(common);
  for await (const event of evaluateNetwork(common)) {
    if (event.kind !== 'digital' && event.kind !== 'chip') continue;
    const made = JSON.stringify(event.progress);
    assert.equal(JSON.stringify(checkProgress('progress', JSON.parse(made))), made);
  }
});
