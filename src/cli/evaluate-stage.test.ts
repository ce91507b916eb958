// Evaluations in one folder: networks never share what they have finished, and methods suit the network.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import {
  randomParameters,
  tinyConvolutional,
  tinyPerceptron,
  tinySplit,
  trainedNetwork,
} from '../../test/tiny.ts';
import { joshi2020 } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import type { EvaluationSettings } from '../experiment/record.ts';
import { type Experiment, evaluateInFolder } from './evaluate-stage.ts';
import type { Workplace } from './workplace.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-evaluate-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const engine = engineOn(await backends.find(({ name }) => name === 'wasm')!.start(1));
after(() => engine.close());

const lines: string[] = [];
const place: Workplace = {
  engine,
  version: '0.0.0',
  checkpointMinutes: 1,
  progress: {
    line: (text) => void lines.push(text),
    task: () => ({ update: () => undefined, end: () => undefined }),
  },
};
const data = tinySplit({ train: 32, test: 20 });
const evaluation: EvaluationSettings = {
  chips: 1,
  timesSeconds: [0],
  methods: ['none', 'adabs'],
  adabs: { batches: 1, batchSize: 8, memory: 0.015 },
  calibrationImages: 8,
  ranges: { kind: 'root-mean-squares', count: 6 },
};
const experimentIn = (name: string): Experiment => ({
  title: 'tiny',
  command: 'ohmic evaluate',
  folder: join(folder, name),
  dataset: 'tiny',
  data,
  networkOf: ({ provenance }) =>
    provenance.model === tinyPerceptron.name ? tinyPerceptron : tinyConvolutional,
  hardware: joshi2020,
  evaluation,
  seed: 3,
});
const { signal } = new AbortController();

const trained = await trainedNetwork(engine, tinyConvolutional, data);
const random = { ...trained, parameters: randomParameters(tinyConvolutional) };

test('networks whose names differ in marks only keep their progress apart', async () => {
  const networks = [
    { label: 'digital (a b)', trained },
    { label: 'digital (a+b)', trained: random },
  ];
  const experiment = experimentIn('names');
  const [first, second] = await evaluateInFolder(experiment, networks, place, signal);
  assert.ok(first!.digitalAccuracy > second!.digitalAccuracy);
  assert.equal(readdirSync(experiment.folder).length, 2);
  // Once more, everything comes from the folder.
  lines.length = 0;
  assert.deepEqual(await evaluateInFolder(experiment, networks, place, signal), [first, second]);
  assert.deepEqual(lines, [
    'evaluating digital (a b): 1 of 1 chips are done already',
    'evaluating digital (a+b): 1 of 1 chips are done already',
  ]);
});

test('other weights under the same name are evaluated anew', async () => {
  const experiment = experimentIn('weights');
  const accuracyOf = async (of: typeof trained): Promise<number> => {
    const [result] = await evaluateInFolder(experiment, [{ label: 'digital', trained: of }], place, signal);
    return result!.digitalAccuracy;
  };
  assert.ok((await accuracyOf(trained)) > (await accuracyOf(random)));
});

test('a damaged file of progress is named', async () => {
  const experiment = experimentIn('damaged');
  const networks = [{ label: 'digital', trained }];
  await evaluateInFolder(experiment, networks, place, signal);
  const file = join(experiment.folder, readdirSync(experiment.folder)[0]!);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"chip":0', '"chip":1'));
  await assert.rejects(evaluateInFolder(experiment, networks, place, signal), {
    name: 'UsageError',
    message: `${file}: it is damaged; remove it, and this evaluation starts anew`,
  });
});

test('a network that normalises nothing is evaluated without AdaBS, and that is said', async () => {
  const perceptron = await trainedNetwork(engine, tinyPerceptron, data);
  lines.length = 0;
  const experiment = experimentIn('plain');
  const [result] = await evaluateInFolder(
    experiment,
    [{ label: 'digital', trained: perceptron }],
    place,
    signal,
  );
  assert.deepEqual(
    result!.deployed.map(({ method }) => method),
    ['none'],
  );
  assert.deepEqual(result!.evaluation?.methods, ['none']);
  assert.deepEqual(lines, [
    'note: tiny-perceptron has no batch normalisation, so digital is evaluated without AdaBS',
  ]);
  const only = { ...evaluation, methods: ['adabs'] } as const;
  await assert.rejects(
    evaluateInFolder(
      experiment,
      [{ label: 'digital', trained: perceptron, evaluation: only }],
      place,
      signal,
    ),
    /methods must name another than adabs: tiny-perceptron has no batch normalisation/,
  );
});
