import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { UsageError } from '../base/errors.ts';
import { type FileSource, type LoadProgress, loadFileSet, loadNamedSet } from './load-named-set.ts';
import { type FileSet, isNamedSet, namedSets } from './named-sets.ts';

const names = ['train-images.gz', 'train-labels.gz', 'test-images.gz', 'test-labels.gz'];
const plain = [
  Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40),
  Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 0, 1),
  Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 50, 60),
  Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 1),
];
const packed = plain.map((bytes) => new Uint8Array(gzipSync(bytes)));
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const tiny: FileSet = {
  kind: 'idx',
  inputShape: [28, 28, 1],
  augmentation: { cropPadding: 0, flip: false, cutout: 0 },
  classNames: ['no', 'yes'],
  folders: ['tiny', 'Tiny/raw'],
  files: names.map((name, place) => ({
    name,
    bytes: plain[place]!.length,
    sha256: digest(plain[place]!),
    hashed: 'decompressed',
  })),
  origin: { kind: 'files', addresses: ['https://first.example/', 'https://second.example/'] },
};

type MemorySource = FileSource & { readonly files: Map<string, Uint8Array> };

function memory(entries: readonly (readonly [string, Uint8Array])[] = []): MemorySource {
  const files = new Map(entries);
  return {
    files,
    read: async (name) => files.get(name),
    write: async (name, bytes) => void files.set(name, bytes),
    describe: 'folder /memory',
  };
}

const below = (prefix: string, contents: readonly Uint8Array[] = packed): [string, Uint8Array][] =>
  names.map((name, place) => [prefix + name, contents[place]!]);

const offline = async (): Promise<Uint8Array> => {
  throw new Error('offline');
};

async function download(url: string): Promise<Uint8Array> {
  const place = names.findIndex((name) => url === `https://second.example/${name}`);
  if (place < 0) {
    throw new Error('status 404');
  }
  return packed[place]!;
}

test('a folder may hold the files directly or in a subfolder, gzipped or not', async () => {
  const plainly = below('', plain).map(([name, bytes]) => [name.replace('.gz', ''), bytes] as const);
  for (const entries of [below(''), below('tiny/'), below('Tiny/raw/'), plainly]) {
    const { train, test, normalization } = await loadFileSet('tiny', tiny, { folder: memory(entries) });
    assert.deepEqual([...train.pixels], [10, 20, 30, 40]);
    assert.deepEqual([...train.labels], [0, 1]);
    assert.deepEqual([...test.pixels], [50, 60]);
    assert.ok(Math.abs(normalization.mean[0]! - 25 / 255) < 1e-12);
  }
});

test('files missing from a folder are all named, with what to do, even if a download is at hand', async () => {
  const folder = memory(below('').slice(0, 2));
  await assert.rejects(
    loadFileSet('tiny', tiny, { folder, cache: memory(below('')), download }),
    (thrown) =>
      thrown instanceof UsageError &&
      /data set tiny: missing test-images\.gz, test-labels\.gz in folder \/memory; pass --data FOLDER or set OHMIC_DATA .* tiny\/ or Tiny\/raw\//.test(
        thrown.message,
      ),
  );
});

test('without a folder, cache or download the error says how to give one', async () => {
  await assert.rejects(
    loadFileSet('tiny', tiny),
    /missing train-images\.gz.* as neither a folder.*--data FOLDER/,
  );
  await assert.rejects(loadNamedSet('cifar10'), /missing data_batch_1\.bin.*\(unpack https:.*\.tar\.gz\)/);
});

test('a wrong checksum is refused with both checksums', async () => {
  const other = plain.map((bytes) => Uint8Array.from(bytes));
  other[0]![16] = 11;
  const changed = other.map((bytes) => new Uint8Array(gzipSync(bytes)));
  const message = new RegExp(
    `train-images\\.gz in folder /memory: expected SHA-256 ${digest(plain[0]!)}, got ${digest(other[0]!)}`,
  );
  const sources = { folder: memory(below('', changed)) };
  await assert.rejects(loadFileSet('tiny', tiny, sources), message);
  await assert.rejects(loadFileSet('tiny', tiny, sources), /replace them by the official files/);
  await assert.rejects(
    loadFileSet('tiny', tiny, { cache: sources.folder }),
    /delete them, and they are downloaded/,
  );
});

test('a file that unpacks to more than the set has is refused before all of it is unpacked', async () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(50_000_000)));
  await assert.rejects(loadFileSet('tiny', tiny, { folder: memory(below('', packed.with(0, bomb))) }), {
    name: 'UsageError',
    message: /train-images\.gz in folder \/memory: expected at most 20 bytes when unpacked, got more/,
  });
  const asked: number[] = [];
  const sources = {
    download: (url: string, most: number) => {
      asked.push(most);
      return download(url);
    },
  };
  await loadFileSet('tiny', tiny, sources);
  assert.ok(asked.length > 0 && asked.every((most) => most > 18 && most < 1e5));
});

test('what the cache lacks is downloaded from the first address that answers, and kept', async () => {
  const cache = memory(below('tiny/').slice(0, 1));
  const steps: LoadProgress[] = [];
  const sources = { cache, download, onProgress: (progress: LoadProgress) => void steps.push(progress) };
  const { train } = await loadFileSet('tiny', tiny, sources);
  assert.equal(train.count, 2);
  assert.deepEqual([...cache.files.keys()].sort(), names.map((name) => `tiny/${name}`).sort());
  assert.deepEqual(
    steps.filter(({ step }) => step === 'download').map(({ file, done, total }) => [file, done, total]),
    [
      ['train-labels.gz', 0, 3],
      ['test-images.gz', 1, 3],
      ['test-labels.gz', 2, 3],
    ],
  );
  const again = await loadFileSet('tiny', tiny, { cache, download: offline });
  assert.deepEqual(again, { ...again, train });
});

test('a failed download names every address', async () => {
  await assert.rejects(
    loadFileSet('tiny', tiny, { download: offline }),
    /https:\/\/first\.example\/train-images\.gz failed: offline; https:\/\/second\.example.*failed: offline; check/,
  );
});

test('a download with a wrong checksum is refused and not kept', async () => {
  const cache = memory();
  await assert.rejects(
    loadFileSet('tiny', tiny, { cache, download: async () => plain[1]! }),
    /data set tiny: wrong download, try again later/,
  );
  assert.equal(cache.files.size, 0);
});

test('a set may come from an archive; a member that it lacks is named', async () => {
  // One ustar member "raw/<name>" per file; sizes below 512 bytes.
  const archiveOf = (held: readonly string[]): Uint8Array => {
    const blocks = held.map((name) => {
      const content = packed[names.indexOf(name)]!;
      const block = Buffer.alloc(1024);
      block.write(`raw/${name}`, 0);
      block.write(`${content.length.toString(8).padStart(11, '0')}\0${' '.repeat(12)}${' '.repeat(8)}0`, 124);
      const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      block.set(content, 512);
      return block;
    });
    return new Uint8Array(gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)])));
  };
  const origin = { kind: 'archive', address: 'https://only.example/tiny.tar.gz', folder: 'raw' } as const;
  const set: FileSet = { ...tiny, origin };
  const cache = memory();
  const { train } = await loadFileSet('tiny', set, { cache, download: async () => archiveOf(names) });
  assert.deepEqual([...train.pixels], [10, 20, 30, 40]);
  assert.equal(cache.files.size, 4);
  await assert.rejects(
    loadFileSet('tiny', set, { download: async () => archiveOf(names.slice(1)) }),
    /expected raw\/train-images\.gz in https:\/\/only\.example\/tiny\.tar\.gz, got raw\/train-labels\.gz/,
  );
});

test('an unknown name is refused with the known ones', async () => {
  await assert.rejects(
    loadNamedSet('cifar100'),
    /expected one of cifar10, mnist, fashion-mnist, synthetic, digits, got "cifar100"/,
  );
  assert.ok(!isNamedSet('toString'));
});

test('every checksum has 64 hexadecimal digits and every address a base', () => {
  for (const set of Object.values(namedSets)) {
    for (const { sha256 } of set.kind === 'generated' ? [] : set.files) {
      assert.match(sha256, /^[0-9a-f]{64}$/);
    }
    if (set.kind !== 'generated' && set.origin.kind === 'files') {
      assert.ok(set.origin.addresses.every((address) => address.endsWith('/')));
    }
  }
});

test('the synthetic set needs no source', async () => {
  const { train, test } = await loadNamedSet('synthetic');
  assert.deepEqual([train.count, test.count], [5_000, 1_000]);
});

const { OHMIC_DATA: dataFolder } = process.env;
const realData = { skip: dataFolder === undefined && 'set OHMIC_DATA to a folder with cifar10/ and mnist/' };
const disk: FileSource = {
  read: (name) => readFile(join(dataFolder ?? '', name)).catch(() => undefined),
  describe: `folder ${dataFolder}`,
};

/** The published statistics carry so many digits. */
function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  for (const [channel, value] of expected.entries()) {
    assert.ok(Math.abs(actual[channel]! - value) <= tolerance, `${actual} is not ${expected}`);
  }
}

test('CIFAR-10 has its published statistics', realData, async () => {
  const { train, test, normalization } = await loadNamedSet('cifar10', { folder: disk });
  assert.deepEqual([train.count, test.count], [50_000, 10_000]);
  const bytes = (values: readonly number[]): number[] => values.map((value) => value * 255);
  assertClose(bytes(normalization.mean), [125.307, 122.95, 113.865], 6e-4);
  assertClose(bytes(normalization.std), [62.993, 62.089, 66.705], 6e-4);
  assert.deepEqual(countLabels(train.labels), new Array<number>(10).fill(5_000));
  assert.deepEqual(countLabels(test.labels), new Array<number>(10).fill(1_000));
});

test('MNIST has its published statistics', realData, async () => {
  const { train, test, normalization } = await loadNamedSet('mnist', { folder: disk });
  assert.deepEqual([train.count, train.height, train.width, test.count], [60_000, 28, 28, 10_000]);
  assertClose(normalization.mean, [0.1307], 6e-5);
  assertClose(normalization.std, [0.3081], 6e-5);
});

function countLabels(labels: Uint8Array): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) {
    counts[label]! += 1;
  }
  return counts;
}
