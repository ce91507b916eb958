// Training for hardware, measuring where accuracy is lost, and weights of others, as users do it with the command.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hostTensor } from '../src/base/parameters.ts';
import { encodeTensors } from '../src/interop/safetensors.ts';
import { parseRecord } from '../src/report/json.ts';
import { decodeWeights, type TrainedNetwork } from '../src/train/checkpoint.ts';
import { commandIn } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-hardware-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ohmic = commandIn(folder);
const place = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(place(name), 'utf8');

const images = ['--train-images', '60', '--test-images', '20'];
const wasm = ['--backend', 'wasm', '--threads', '1'];
const data = ['--dataset', 'synthetic', ...images, '--model', 'small-cnn', ...wasm];
const train = (out: string, ...more: string[]): string[] => [
  'train', ...data, '--epochs', '1', '--batch-size', '20', '--out', out, ...more,
]; // biome-ignore format: flags and values in pairs

function weightsIn(out: string): Promise<TrainedNetwork> {
  const file = place(join(out, 'weights.safetensors'));
  return decodeWeights(file, readFileSync(file));
}

before(async () => {
  const { code, err } = await ohmic(train('digital'));
  assert.equal(code, 0, err);
  assert.match(err, /training: augmentation mirrored at random, as synthetic suggests\n/);
});

const forHardware = [
  '--hardware', 'hermes256', '--set', 'adc.bits=6', '--set', 'ranges.initialSteps=2', '--keep-digital', 'conv1',
  '--noise', '3.8%', '--noise-ramp', '0.5', '--noise-scale', 'column', '--drop-connect', '1%', '--clip', '2',
  '--clip-scale', 'column', '--rule', 'adam', '--lr', '0.01', '--no-flip', '--from', 'digital/weights.safetensors',
  '--teacher', 'digital/weights.safetensors', '--distill-weight', '30%', '--temperature', '3',
]; // biome-ignore format: flags and values in pairs

test('a training for hardware keeps its settings and its learned ranges in the weights, which evaluation uses', async () => {
  const { code, err } = await ohmic(train('trained', ...forHardware));
  assert.equal(code, 0, err);
  assert.match(err, /augmentation none, as the settings say\n/);
  const { parameters, provenance } = await weightsIn('trained');
  const { settings } = provenance;
  assert.equal(settings?.hardware?.name, 'hermes256 (adc.bits=6; digital conv1)');
  assert.deepEqual(settings?.noise, {
    kind: 'gaussian',
    relativeToMax: 0.038,
    scale: 'column',
    rampEpochs: 0.5,
  });
  assert.deepEqual([settings?.dropConnect, settings?.rule.kind], [0.01, 'adam']);
  // Whose answers they are stands as a digest, not as a path of this machine.
  assert.deepEqual(settings?.distillation, { weight: 0.3, temperature: 3 });
  assert.equal(provenance.teacher, provenance.initial);
  assert.ok(parameters['conv2.inputRange'] !== undefined && parameters['conv1.inputRange'] === undefined);
  // The same command again continues it, with all that the flags changed.
  const again = await ohmic(train('trained', ...forHardware, '--resume'));
  assert.equal(again.code, 0, again.err);
  assert.match(again.err, /done already/);
  const evaluate = [
    'evaluate', '--weights', 'trained/weights.safetensors', ...images, ...wasm, '--chips', '1', '--times', '25s', '--methods',
    'none', '--hardware', 'hermes256', '--json', '--quiet', '--calibration-images',
  ]; // biome-ignore format: flags and values in pairs
  const [few, many] = await Promise.all([
    ohmic([...evaluate, '10', '--out', 'few']),
    ohmic([...evaluate, '60', '--out', 'many']),
  ]);
  assert.equal(few.code, 0, few.err);
  assert.equal(few.err, '', 'quiet');
  const summary = JSON.parse(few.out) as { networks: { label: string; results: { method: string }[] }[] };
  assert.equal(summary.networks[0]?.label, 'noise-trained');
  assert.equal(summary.networks[0]?.results[0]?.method, 'none');
  assert.equal(many.code, 0, many.err);
});

test('impossible training for hardware is refused before anything is written', async () => {
  // What the settings' schema refuses comes as one list.
  const all = [
    ['--hardware', 'hermes256', '--set', 'adc.bits=1'],
    [
      '--noise',
      '-1%',
      '--noise-scale',
      'row',
      '--clip',
      '2',
      '--clip-scale',
      'row',
      '--drop-connect',
      '100%',
    ],
    ['--distill-weight', 'much%', '--teacher', 'x', '--temperature', '0'],
  ].flat();
  const places = [
    /training\.hardware\.adc\.bits: .*got 1\n/,
    /training\.noise\.relativeToMax: .*got -0\.01\n/,
    /training\.noise\.scale: .*got "row"\n/,
    /training\.clipping\.scale: .*got "row"\n/,
    /training\.dropConnect: .*got 1\n/,
    /training\.distillation\.weight: .*got "much%"\n/,
    /training\.distillation\.temperature: .*got 0\n/,
  ];
  const refusals: readonly (readonly [readonly string[], ...RegExp[]])[] = [
    [all, ...places],
    [['--hardware', 'hermes'], /--hardware: .*did you mean "hermes256"\?/],
    [['--set', 'adcs.bits=1'], /--set: "adcs\.bits=1": .*did you mean "adc"\?/],
    [['--keep-digital', 'stem*'], /training\.hardware\.layers: "stem\*" fits no layer; there are conv1,/],
    [['--rule', 'rmsprop', '--noise', '1%', '--noise-ramp', '9'], /training\.rule/],
    [['--distill-weight', '50%'], /training\.distillation\.teacher: expected a file of weights, got none/],
    [['--teacher', 'nowhere'], /nowhere: expected weights, got no file; check the path/],
  ];
  await Promise.all(
    refusals.map(async ([flags, ...messages], k) => {
      const { code, err } = await ohmic(train(`refused-${k}`, ...flags));
      assert.equal(code, 1, flags.join(' '));
      for (const message of messages) assert.match(err, message);
      assert.doesNotMatch(err, /\n {4}at /);
      assert.ok(!existsSync(place(`refused-${k}`)), flags.join(' '));
    }),
  );
});

test('a run trains for hardware by settings and flags, distils its own digital network, and continues', async () => {
  writeFileSync(
    place('run.yaml'),
    `data: { dataset: synthetic, trainImages: 60, testImages: 20 }
model: small-cnn
backend: wasm
training: { epochs: 1, batchSize: 20, learningRate: { initial: 0.2 } }
noiseTraining:
  hardware: { preset: hermes256, dac: { bits: 6 }, layers: { 'conv1*': digital } }
  learningRate: { kind: step }
  distillation: { weight: 0.2 }
hardware: hermes256
evaluation: { chips: 1, timesSeconds: [25], methods: [none], calibrationImages: 20 }
`,
  );
  const run = ['run', 'run.yaml', '--threads', '1', '--out', 'run', '--set', 'adc.bits=5', '--set', 'seed=3'];
  const { code, err } = await ohmic(run);
  assert.equal(code, 0, err);
  const record = parseRecord(text('run/record.json'));
  assert.equal(record.hardware.name, 'hermes256 (adc.bits=5)');
  assert.equal(record.seed, 3);
  const [digital, noisy] = record.networks;
  assert.equal(digital?.training.settings?.hardware, undefined);
  assert.deepEqual(noisy?.training.settings?.learningRate, {
    kind: 'step',
    initial: 0.2,
    factor: 0.1,
    atEpochs: [],
  });
  assert.deepEqual(noisy?.training.settings?.hardware?.dac, { kind: 'uniform', bits: 6 });
  assert.equal(noisy?.training.teacher, noisy?.training.initial);
  const { parameters } = await weightsIn('run/noise-trained');
  assert.ok(parameters['conv2.inputRange'] !== undefined);
  const again = await ohmic([...run, '--resume', '--json']);
  assert.equal(again.code, 0, again.err);
  assert.equal((JSON.parse(again.out) as { seed: number }).seed, 3);
  const other = await ohmic([...run.slice(0, -2), '--resume']);
  assert.match(other.err, /seed: 3 there, 0 here/);
});

test('patterns that fit no layer, and teachers that are not there, stop a run before it trains', async () => {
  writeFileSync(
    place('wrong.yaml'),
    "data: { dataset: synthetic, trainImages: 60, testImages: 20 }\nmodel: small-cnn\ntraining: { epochs: 1, batchSize: 20 }\nnoiseTraining: { hardware: { preset: ideal, layers: { 'fc*': digital } } }\nhardware: { preset: ideal, layers: { stem: digital } }\nevaluation: { calibrationImages: 20, adabs: { batchSize: 20 } }\n",
  );
  const { code, err } = await ohmic(['run', 'wrong.yaml', ...wasm, '--out', 'wrong']);
  assert.equal(code, 1);
  assert.match(err, /run: 2 faults\n {2}- noiseTraining\.hardware\.layers: "fc\*" fits no layer/);
  assert.match(err, /\n {2}- hardware\.layers: "stem" fits no layer/);
  const missing = ['--set', 'noiseTraining={distillation: {teacher: nowhere}}', '--set', 'hardware=ideal'];
  const teacher = await ohmic([
    'run', 'run.yaml', '--threads', '1', ...missing, '--set', 'noiseTraining.hardware=ideal', '--out', 'wrong',
  ]); // biome-ignore format: flags and values in pairs
  assert.equal(teacher.code, 1);
  assert.match(teacher.err, /nowhere: expected weights, got no file/);
  assert.ok(!existsSync(place('wrong')));
});

const attribute = (out: string, ...more: string[]): string[] => [
  'attribute', '--weights', 'digital/weights.safetensors', ...images, ...wasm, '--hardware', 'hermes256', '--chips', '2',
  '--points', '25s:none,1d:global', '--calibration-images', '20', '--groups', 'conv*,dense', '--out', out, ...more,
]; // biome-ignore format: flags and values in pairs

test('an attribution that is killed continues, and leaves record, tables and report', async () => {
  const killed = await ohmic(attribute('losses'), {
    onErr: (child, err) => {
      if (/attributing the losses of digital: 14 variants/.test(err)) child.kill('SIGKILL');
    },
  });
  assert.equal(killed.code, null, killed.err);
  const { code, out, err } = await ohmic(attribute('losses', '--resume'));
  assert.equal(code, 0, err);
  assert.match(err, /evaluating digital: 2 of 2 chips are done already/);
  assert.match(out, /conv\* \(4 layers\), left out/);
  assert.match(out, /report: losses\/report\.html\n$/);
  const record = parseRecord(text('losses/record.json'));
  assert.equal(record.attribution?.entries.length, 12);
  assert.deepEqual(record.attribution?.reference[0], record.networks[0]?.deployed[0]?.accuracies);
  assert.match(text('losses/attribution.csv'), /^hardware,seed,network/);
  assert.ok(readdirSync(place('losses')).includes('accuracies.csv'));
  assert.match(text('losses/report.html'), /left out/);
  const other = await ohmic(attribute('losses', '--resume', '--seed', '4'));
  assert.match(other.err, /seed: 0 there, 4 here/);
  const json = await ohmic(attribute('losses', '--resume', '--json', '--quiet'));
  const { attribution } = JSON.parse(json.out) as { attribution: { subjects: unknown[] } };
  assert.equal(attribution.subjects.length, 6);
});

test('each layer can be a group; impossible points, groups and hardware are refused at once', async () => {
  const each = attribute('each').map((word) => (word === 'conv*,dense' ? 'each' : word));
  const whole = await ohmic([...each, '--keep-digital', 'conv1,conv2', '--chips', '1', '--quiet', '--json']);
  assert.equal(whole.code, 0, whole.err);
  const { attribution } = JSON.parse(whole.out) as { attribution: { subjects: { name: string }[] } };
  assert.deepEqual(attribution.subjects.map(({ name }) => name).slice(-3), ['conv3', 'conv4', 'dense']);
  const wrong = attribute('wrong').map((word) => (word === '25s:none,1d:global' ? '25s:no,x:none' : word));
  const { code, err } = await ohmic([...wrong, '--set', 'adc.bits=1', '--train-images', '0']);
  assert.equal(code, 1);
  for (const fault of [
    'attribute: 4 faults',
    '--points: "25s:no": expected one of none, global, per-column, adabs, lora, got "no"',
    '--points: expected a number with one of s, min, h, d, month, y, got "x"',
    'hardware: adc.bits: expected number to be >=2, got 1',
    '--train-images: expected a whole number from 1, got "0"',
  ])
    assert.ok(err.includes(fault), `${fault} in ${err}`);
  const group = await ohmic(attribute('wrong').map((word) => (word === 'conv*,dense' ? 'stem*' : word)));
  assert.match(group.err, /the group "stem\*" fits no layer on the chip; there are conv1/);
  assert.ok(!existsSync(place('wrong')));
});

/** Weights of ohmic as PyTorch would save them. */
async function torchFile(file: string, change: (name: string) => string | undefined): Promise<void> {
  const { parameters } = await weightsIn('digital');
  const roles: Readonly<Record<string, string>> = {
    weights: 'weight',
    scale: 'weight',
    shift: 'bias',
    bias: 'bias',
    runningMean: 'running_mean',
    runningVariance: 'running_var',
  };
  const entries = Object.entries(parameters).flatMap(([name, { shape, data: values }]) => {
    const [layer, role] = name.split('.') as [string, string];
    const renamed = change(`${layer.replace('norm', 'bn')}.${roles[role]!}`);
    if (renamed === undefined) return [];
    if (role !== 'weights') return [[renamed, hostTensor(shape, values)] as const];
    // (…, in, out) → (out, in, …)
    const [inputs, outputs] = [shape.at(-2)!, shape.at(-1)!];
    const kernel = shape.slice(0, -2).reduce((all, size) => all * size, 1);
    const moved = new Float32Array(values.length);
    for (let k = 0; k < kernel; k++)
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++)
          moved[(o * inputs + i) * kernel + k] = values[(k * inputs + i) * outputs + o]!;
    return [[renamed, hostTensor([outputs, inputs, ...shape.slice(0, -2)], moved)] as const];
  });
  writeFileSync(
    place(file),
    await encodeTensors({ tensors: Object.fromEntries(entries), metadata: { format: 'pt' } }),
  );
}

const importing = (file: string, out: string, ...more: string[]): string[] => [
  'import', file, '--model', 'small-cnn', '--dataset', 'synthetic', '--test-images', '20', ...wasm, '--out', out, ...more,
]; // biome-ignore format: flags and values in pairs

test('weights of PyTorch become weights of ohmic, with the same numbers and their accuracy at the end', async () => {
  await torchFile('torch.safetensors', (name) => name);
  const mine = await weightsIn('digital');
  const { mean, std } = mine.provenance.normalization!;
  const { code, out, err } = await ohmic(
    importing('torch.safetensors', 'imported/weights.safetensors', '--normalization', `${mean}/${std}`),
  );
  assert.equal(code, 0, err);
  const imported = await weightsIn('imported');
  assert.deepEqual(
    Object.fromEntries(Object.entries(imported.parameters).map(([name, { data: values }]) => [name, values])),
    Object.fromEntries(Object.entries(mine.parameters).map(([name, { data: values }]) => [name, values])),
  );
  const expected = mine.provenance.history.at(-1)!.testAccuracy!;
  assert.match(
    out,
    new RegExp(`digital accuracy on 20 test images of synthetic: ${(100 * expected).toFixed(2)} %\\n$`),
  );
  assert.equal(imported.provenance.external?.file, 'torch.safetensors');
  assert.equal(imported.provenance.settings, undefined);
  assert.deepEqual(imported.provenance.normalization, { mean, std });
  const shown = await ohmic(['inspect', 'weights', 'imported/weights.safetensors']);
  assert.match(shown.out, /^small-cnn for synthetic, imported by ohmic .* from torch\.safetensors\nSHA-256/);
  // They can be evaluated, and trained on: normalised as they were.
  const evaluated = await ohmic([
    'evaluate', '--weights', 'imported/weights.safetensors', '--chips', '1', '--times', '25s', '--methods', 'none', '--calibration-images', '20', ...images,
    ...wasm, '--out', 'imported-chips',
  ]); // biome-ignore format: flags and values in pairs
  assert.equal(evaluated.code, 0, evaluated.err);
  assert.match(evaluated.out, /^imported \(digital/);
  const tuned = await ohmic(train('tuned', '--from', 'imported/weights.safetensors'));
  assert.equal(tuned.code, 0, tuned.err);
  assert.deepEqual((await weightsIn('tuned')).provenance.normalization, { mean, std });
});

test('the import says everything as JSON, and names help by a map', async () => {
  await torchFile('renamed.safetensors', (name) => name.replace('dense', 'head.fc'));
  writeFileSync(place('map.json'), JSON.stringify({ names: { 'head.fc': 'dense' } }));
  const { code, out, err } = await ohmic(
    importing('renamed.safetensors', 'renamed', '--map', 'map.json', '--json', '--quiet'),
  );
  assert.equal(code, 0, err);
  const summary = JSON.parse(out) as {
    matches: { ours: string; theirs: string[]; how: string }[];
    digitalAccuracy: number;
    sha256: string;
  };
  assert.deepEqual(
    summary.matches.find(({ ours }) => ours === 'dense.bias'),
    { ours: 'dense.bias', theirs: ['head.fc.bias'], how: 'map' },
  );
  assert.equal(summary.sha256.length, 64);
});

test('every mismatch of an import is listed, and nothing is written', async () => {
  await torchFile('lacking.safetensors', (name) =>
    name === 'conv3.weight' || name === 'bn1.running_mean' ? undefined : name,
  );
  const lacking = await ohmic(importing('lacking.safetensors', 'nothing.safetensors'));
  assert.equal(lacking.code, 1);
  assert.match(lacking.err, /lacking\.safetensors: not the weights of this network: 2 faults/);
  assert.match(lacking.err, /"conv3" .* has no partner in the file/);
  assert.match(lacking.err, /"norm1\.runningMean" \(16\) has no tensor/);
  const layout = await ohmic(importing('torch.safetensors', 'nothing.safetensors', '--layout', 'ohmic'));
  assert.match(layout.err, /it looks transposed: pass --layout torch/);
  const flags = await ohmic([
    'import', 'torch.safetensors', '--model', 'small', '--dataset', 'cifar', '--test-images', 'x', '--out', 'torch.safetensors',
  ]); // biome-ignore format: flags and values in pairs
  assert.match(flags.err, /import: 4 faults/);
  assert.match(flags.err, /did you mean "small-cnn"\?/);
  assert.match(flags.err, /--out: expected another file than the weights/);
  assert.ok(!existsSync(place('nothing.safetensors')));
});
