// Files of every kind that ohmic reads, damaged at random: each is read or refused with a message, soon, and without any
// other exception. Texts lose, repeat and change characters and take on odd values; bytes flip, and ends are cut off.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseCsv } from '../src/base/csv.ts';
import { UsageError } from '../src/base/errors.ts';
import { check, type Json } from '../src/base/schema.ts';
import { cellSchema } from '../src/cells/cell-schema.ts';
import { parseMeasurements } from '../src/cells/measurements.ts';
import { pcmNandakumar2019 } from '../src/cells/published-cells.ts';
import { checkRunSettings, checkTrainSettings } from '../src/cli/check-settings.ts';
import { defaultRun } from '../src/cli/default-run.ts';
import { readSettingsFile } from '../src/cli/files.ts';
import { enterRunFolder } from '../src/cli/run-folder.ts';
import { chosenHardwareSchema } from '../src/crossbar/hardware-choice.ts';
import { hermes256 } from '../src/crossbar/presets.ts';
import { decompressed, readTar } from '../src/data/archive.ts';
import { parseCifar10 } from '../src/data/cifar10.ts';
import { parseIdx } from '../src/data/idx.ts';
import { importWeights } from '../src/interop/import-weights.ts';
import { parseNameMap } from '../src/interop/name-map.ts';
import { parseRecord, toJson } from '../src/report/json.ts';
import { attributedRecord } from '../src/report/record-fixture.test-data.ts';
import { decodeCheckpoint, decodeWeights, encodeCheckpoint, encodeWeights } from '../src/train/checkpoint.ts';
import { randomParameters, tinyConvolutional } from '../test/tiny.ts';
import type { Campaign, Draws } from './campaign.ts';

/** A kind of file: a good one, and what reads it. */
type Target = { readonly good: Uint8Array; readonly read: (path: string, bytes: Uint8Array) => unknown };

/** Values that sit at the edge of something. */
const ODD = [
  '0', '-1', '1e308', '-1e-320', 'NaN', 'null', 'true', '""', '[]', '{}', '[[[[]]]]', '1e5', '9007199254740993', '"\\u0000"',
  '"__proto__"', '"\u001b[2J"', `"${'x'.repeat(5000)}"`, '*a', '&a', '!!binary x', '<<', '=1+1', '\ufeff', '\ud800',
] as const; // biome-ignore format: a list to be read across

const damages: readonly ((bytes: Uint8Array, draws: Draws) => Uint8Array)[] = [
  // A bit, some bytes, an end, a stretch that is gone or stands twice.
  (bytes, { below }) => {
    const at = below(bytes.length);
    return bytes.with(at, bytes[at]! ^ (1 << below(8)));
  },
  (bytes, { below }) => bytes.map((byte) => (below(50) === 0 ? below(256) : byte)),
  (bytes, { below }) => bytes.subarray(0, below(bytes.length)),
  (bytes, { below }) => {
    const [from, to] = [below(bytes.length), below(bytes.length)].sort((a, b) => a - b) as [number, number];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, { below }) => {
    const from = below(bytes.length);
    const stretch = bytes.subarray(from, from + below(400));
    return Buffer.concat([bytes.subarray(0, from), stretch, bytes.subarray(from)]);
  },
  // A number or a word replaced by an odd one.
  (bytes, { below, pick }) => {
    const text = Buffer.from(bytes).toString('latin1');
    const words = [...text.matchAll(/-?\d[\d.e+-]*|"[^"]*"|\b[a-z]\w+\b/gi)];
    if (words.length === 0) return bytes;
    const word = words[below(words.length)]!;
    const odd = Buffer.from(pick(ODD)).toString('latin1');
    return Buffer.from(text.slice(0, word.index) + odd + text.slice(word.index + word[0].length), 'latin1');
  },
];

const text = (content: unknown): Uint8Array =>
  new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content, null, 1));
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A tar archive of one file. */
function tar(): Uint8Array {
  const block = Buffer.alloc(1024 * 2);
  block.write('folder/one.txt', 0);
  block.write('00000000003\0', 124);
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  block.write('one', 512);
  return block;
}

async function targets(): Promise<Readonly<Record<string, Target>>> {
  const parameters = randomParameters(tinyConvolutional);
  const provenance = {
    ohmic: '0.0.0', model: 'small-cnn', dataset: 'tiny', settings: defaultRun.training, seed: 1, backend: 'wasm',
    history: [],
  }; // biome-ignore format: fields in a row
  const state = { tensors: parameters, step: 3, running: { loss: 1 }, history: [] };
  const csv = [
    'device,targetMicrosiemens,timeSeconds,conductanceMicrosiemens',
    ...Array.from({ length: 40 }, (_, k) => `${k >> 2},${k >> 3},${20 * (1 + (k & 3))},${k / 9}`),
  ].join('\n');
  const idx = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
  const settings = (path: string, bytes: Uint8Array): Json => {
    writeFileSync(path, bytes);
    return readSettingsFile(path);
  };
  return {
    run: { good: text(defaultRun), read: (path, bytes) => checkRunSettings(path, settings(path, bytes)) },
    train: {
      good: text({ model: 'mlp', data: { dataset: 'mnist' }, training: defaultRun.training }),
      read: (path, bytes) => checkTrainSettings(path, settings(path, bytes)),
    },
    hardware: {
      good: text({ ...hermes256, layers: { 'stem*': 'digital' } }),
      read: (path, bytes) => check(chosenHardwareSchema, path, settings(path, bytes)),
    },
    cell: {
      good: text(pcmNandakumar2019),
      read: (path, bytes) => check(cellSchema, path, settings(path, bytes)),
    },
    weights: {
      good: await encodeWeights({ parameters, provenance }),
      read: (path, bytes) => decodeWeights(path, bytes),
    },
    checkpoint: { good: await encodeCheckpoint({ state, provenance }), read: decodeCheckpoint },
    'state dict': {
      good: await encodeWeights({ parameters, provenance }),
      read: (file, bytes) => importWeights({ ...tinyConvolutional, file, bytes, layout: 'ohmic' }),
    },
    'name map': {
      good: text({ names: { 'a.b': 'conv1', c: null }, flattened: { dense: [2, 2, 4] } }),
      read: (path, bytes) => parseNameMap(path, textOf(bytes)),
    },
    record: { good: text(toJson(attributedRecord)), read: (_, bytes) => parseRecord(textOf(bytes)) },
    CSV: { good: text(csv), read: (_, bytes) => parseCsv(textOf(bytes)) },
    measurements: { good: text(csv), read: (path, bytes) => parseMeasurements(path, textOf(bytes)) },
    IDX: { good: idx, read: (name, bytes) => parseIdx({ name, bytes }, 3) },
    CIFAR: {
      good: new Uint8Array(2 * 3073),
      read: (name, bytes) => parseCifar10(name, [{ name, bytes }], { recordsPerFile: 2 }),
    },
    tar: { good: tar(), read: readTar },
    gzip: { good: new Uint8Array(gzipSync(csv)), read: (name, bytes) => decompressed(name, bytes, 1e6) },
    'folder of a run': {
      good: text({ ...defaultRun, backend: 'wasm' }),
      read: (path, bytes) => {
        const folder = `${path}.run`;
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, 'settings.json'), bytes);
        enterRunFolder(folder, { never: 'equal' }, { resume: true });
      },
    },
  };
}

/** No document is as large as to take longer, on two busy processors. */
const MOST_SECONDS = 5;

export const fuzz: Campaign = {
  name: 'fuzz',
  run: async ({ draws, folder, effort }) => {
    const all = Object.entries(await targets());
    const rounds = Math.ceil(1500 * effort);
    let refused = 0;
    for (const [name, { good, read }] of all) {
      for (let round = 0; round < rounds; round++) {
        let bytes = good;
        for (let damage = 0; damage <= draws.below(3); damage++)
          if (bytes.length > 0) bytes = draws.pick(damages)(bytes, draws);
        const path = join(folder, name);
        const begun = performance.now();
        try {
          await read(path, bytes);
        } catch (thrown) {
          refused++;
          if (!(thrown instanceof UsageError)) {
            writeFileSync('attack-found', bytes);
            throw new Error(`${name}, round ${round}: not a UsageError; the file is ./attack-found`, {
              cause: thrown,
            });
          }
          assert.ok(thrown.message.length < 100_000, `${name}: ${thrown.message.length} characters`);
        }
        const seconds = (performance.now() - begun) / 1000;
        assert.ok(seconds < MOST_SECONDS, `${name}, round ${round}: ${seconds} s`);
      }
    }
    return `${rounds} files of each of ${all.length} kinds (${all.map(([name]) => name).join(', ')}), ${refused} refused`;
  },
};
