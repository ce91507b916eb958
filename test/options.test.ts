// Options as plain JavaScript hands them in, where no compiler has looked: each public function that takes a network and
// its hardware answers a field that is missing, or is something else, with its name, what was expected and what came.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { joshi2020 } from '../src/crossbar/presets.ts';
import { engineOn } from '../src/engine.ts';
import { attribute, attributionVariants } from '../src/experiment/attribute.ts';
import { deploy } from '../src/experiment/deploy.ts';
import { evaluate, evaluateNetwork } from '../src/experiment/evaluate.ts';
import { classification } from '../src/train/classification.ts';
import { prepareFit } from '../src/train/fit.ts';
import { backends } from './compare.ts';
import { tinyData } from './deployed.ts';
import { plainSettings, randomParameters, tinyConvolutional, watch } from './tiny.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

type Options = Readonly<Record<string, unknown>>;

/** A public function with options that it accepts, and what it says where of them. */
type Door = { readonly where: string; readonly good: Options; readonly enter: (options: never) => unknown };

const parameters = randomParameters(tinyConvolutional);
const provenance = { ohmic: '0', model: 'm', dataset: 'd', seed: 0, backend: 'b', history: [] };
const task = classification(tinyData);
const evaluation = { calibrationImages: 8, adabs: { batchSize: 8 } };
const common = { engine, network: tinyConvolutional, task, hardware: joshi2020, evaluation, seed: 1 };
const signal = new AbortController().signal;
const measured = { ...common, trained: { parameters, provenance }, label: 'a', signal };

const doors: Readonly<Record<string, Door>> = {
  deploy: { where: 'deploy', good: { ...common, parameters }, enter: deploy },
  prepareFit: {
    where: 'train',
    good: {
      ...{ engine, network: tinyConvolutional, task, settings: plainSettings, seed: 1, signal },
      initial: parameters,
      evaluateEveryEpochs: 1,
    },
    enter: prepareFit,
  },
  evaluateNetwork: {
    where: 'evaluate',
    good: { ...measured, finished: { chips: [] } },
    enter: (options) => evaluateNetwork(options).next(),
  },
  evaluate: { where: 'evaluate', good: measured, enter: evaluate },
  attribute: {
    where: 'attribute',
    good: {
      ...measured,
      points: [{ timeSeconds: 25, method: 'none' }],
      groups: ['conv*'],
      finished: { variants: {} },
    },
    enter: (options) => attribute(options).next(),
  },
  attributionVariants: {
    where: 'attribute',
    good: {
      network: tinyConvolutional,
      hardware: joshi2020,
      points: [{ timeSeconds: 25, method: 'none' }],
      groups: ['conv*'],
    },
    enter: async (options) => attributionVariants(options),
  },
};

/** What a function says of its options, before it has asked anything of the engine. */
async function refusal(enter: Door['enter'], options: unknown): Promise<string> {
  try {
    await enter(options as never);
  } catch (thrown) {
    const { name, message, stack } = thrown as Error;
    assert.equal(name, 'UsageError', stack);
    return message;
  }
  return assert.fail(`accepted ${Object.keys((options ?? {}) as object).join(', ')}`);
}

const holdsItself: { self?: unknown } = {};
holdsItself.self = holdsItself;

/** What can stand where a record, a list or a function is wanted. */
const junk: readonly (readonly [value: unknown, text: string])[] = [
  [null, 'null'],
  [5, '5'],
  [Number.NaN, 'NaN'],
  [7n, '7n'],
  ['abc', '"abc"'],
  [true, 'true'],
  [Symbol('s'), 'a symbol'],
  [() => 1, 'a function'],
];

for (const [name, { where, good, enter }] of Object.entries(doors)) {
  test(`${name} names each field that is something else, and says what came`, async () => {
    for (const value of [undefined, ...junk.map(([one]) => one)])
      assert.match(await refusal(enter, value), new RegExp(`^${where}: expected options, got `));
    for (const field of Object.keys(good)) {
      const place =
        { hardware: 'hardware: ', seed: '(deploy|train): seed must' }[field] ??
        `${where}: ${field}(: |\\.| must)`;
      for (const [value, text] of junk) {
        const accepts = { label: 'string', seed: 'number', evaluateEveryEpochs: 'number' }[field];
        if (typeof value === accepts && !Number.isNaN(value)) continue;
        const message = await refusal(enter, { ...good, [field]: value });
        assert.match(message, new RegExp(`^${place}`), `${field}: ${message}`);
        if (typeof value !== 'bigint') assert.ok(message.includes(`got ${text}`), `${field}: ${message}`);
      }
      const message = await refusal(enter, { ...good, [field]: holdsItself });
      // Any record may hold tensors, and the fields of settings stand for themselves.
      const others = `${where}: (not the parameters|expected at most 64 levels|\\d+ faults\n  - ${field})`;
      assert.match(message, new RegExp(`^(${place}|${others})`));
    }
  });

  test(`${name} names each field that is missing, and all at once`, async () => {
    const needed = Object.keys(good).filter((field) =>
      /^(engine|network|parameters|trained|label|settings|points)$/.test(field),
    );
    for (const field of needed) {
      const message = await refusal(enter, { ...good, [field]: undefined });
      assert.match(message, new RegExp(`^${where}: (\\d+ faults\n  - )?${field}(: |\\.).*got nothing`));
    }
    const message = await refusal(enter, {});
    for (const field of needed.filter((one) => one !== 'settings' && one !== 'points'))
      assert.match(
        message,
        new RegExp(`^(  - |${where}: )${field}: expected .*, got nothing$`, 'm'),
        message,
      );
  });
}

test('parts of what is given are looked at too', async () => {
  const { deploy: deploying, prepareFit: fitting, evaluate: evaluating } = doors as Required<typeof doors>;
  const { network } = common;
  const cases: readonly (readonly [Door, Options, string])[] = [
    [deploying!, { engine: {} }, 'deploy: 3 faults\n  - engine.backend: expected'],
    [deploying!, { network: { ...network, apply: undefined } }, 'deploy: network.apply: expected a function, got nothing'],
    [deploying!, { network: { ...network, layers: [{ name: 'a' }] } }, 'deploy: 2 faults\n  - network.layers.0.kind: '],
    [deploying!, { network: { ...network, layers: 'none' } }, 'deploy: network.layers: expected array, got "none"'],
    [deploying!, { task: { ...task, examples: undefined } }, 'deploy: task.examples: expected examples, got nothing'],
    [deploying!, { task: { ...task, examples: { ...task.examples, testCount: 'many' } } }, 'deploy: expected at least one test example, got "many"'],
    [deploying!, { task: undefined, data: { test: 5 }, evaluation: { testImages: 5 } }, 'classification: data: 2 faults\n  - train: expected an image set'],
    [deploying!, { parameters: { ...parameters, 'dense.bias': [1, 2, 3, 4] } }, 'deploy: not the parameters of tiny-convolutional: "dense.bias" must be a tensor, { shape, data }, got [1,2,3,4]'],
    [deploying!, { parameters: { ...parameters, 'dense.bias': { shape: [4], data: [1, 2, 3, 4] } } }, 'deploy: not the parameters of tiny-convolutional: "dense.bias" must be a tensor, { shape, data }, got {"shape":[4],"data":[1,2,3,4]}'],
    [deploying!, { parameters: { ...parameters, 'dense.bias': { shape: [4], data: new Float32Array(3) } } }, 'deploy: not the parameters of tiny-convolutional: "dense.bias" must have 4 values, got 3'],
    [fitting!, { state: { step: 0 } }, 'train: 3 faults\n  - state.tensors: expected tensors by name, got nothing'],
    [fitting!, { teacher: { network } }, 'train: teacher.parameters: expected tensors by name, got nothing'],
    [fitting!, { rule: { name: 'mine' } }, 'train: 3 faults\n  - rule.states: expected a function, got nothing'],
    [fitting!, { settings: {} }, 'train: epochs: expected number, got nothing'],
    [evaluating!, { trained: { parameters } }, 'evaluate: trained.provenance: expected object, got nothing'],
    [evaluating!, { trained: { parameters, provenance: { ...provenance, seed: 'a' } } }, 'evaluate: trained.provenance.seed: expected number, got "a"'],
    [evaluating!, { signal: { aborted: false } }, 'evaluate: signal.throwIfAborted: expected a function, got nothing'],
  ]; // biome-ignore format: one case a line
  for (const [{ good, enter }, change, expected] of cases) {
    const watched = watch(engine);
    const message = await refusal(enter, { ...good, engine: watched.engine, ...change });
    assert.ok(message.startsWith(expected), message);
    assert.equal(watched.executables.length + watched.stores.length, 0);
  }
});

test('an engine and a task may hold themselves', async () => {
  const given = { ...doors['deploy']!.good, engine: { ...engine, owner: holdsItself } };
  const deployment = await deploy(given as never);
  const message = await refusal(deployment.accuracy, undefined);
  assert.equal(message, 'deployment: expected a read, { chip, timeSeconds }, got nothing');
  assert.match(await refusal(deployment.chip, Symbol('s')), /^deployment: chip must be .*, got a symbol$/);
  deployment.free();
});
