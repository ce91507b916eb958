// Data sets by name: which files they consist of, where they officially live, their checksums. The table is
// data; load-named-set.ts acts on it. Left out: formats (cifar10.ts, idx.ts) and any file access.

import { cifar10Classes } from './cifar10.ts';
import { digitClasses, digitsAugmentation, generateDigits } from './generated-digits.ts';
import type { Augmentation, DataSplit } from './image-set.ts';
import { generateSynthetic, syntheticAugmentation, syntheticClasses } from './synthetic.ts';

/** Names that `loadNamedSet` knows. */
export type NamedSetName = 'cifar10' | 'mnist' | 'fashion-mnist' | 'synthetic' | 'digits';

/** One file of a set and its SHA-256, of the bytes as stored or of what gzip holds. */
export type NamedFile = {
  readonly name: string;
  /** Size of the content, unpacked. */
  readonly bytes: number;
  readonly sha256: string;
  readonly hashed: 'as stored' | 'decompressed';
};

/** What the images of a set are like, and the changes that keep what they show. */
export type SetShape = {
  /** What a training does with its images unless it says otherwise. */
  readonly augmentation: Augmentation;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly classNames: readonly string[];
};

/** Files that belong together, and where they come from. */
export type StoredFiles = {
  /** Folders inside a data folder in which the files may lie; the data folder itself is looked into first. */
  readonly folders: readonly string[];
  readonly files: readonly NamedFile[];
  /** Single files below a base address, tried in order; members of one tar.gz; or files that nobody may pass on. */
  readonly origin:
    | { readonly kind: 'files'; readonly addresses: readonly string[] }
    | { readonly kind: 'archive'; readonly address: string; readonly folder: string }
    | { readonly kind: 'by hand'; readonly how: string };
};

/**
 * A set that consists of files, in one of two formats. cifar10: five training batches, test batch. idx: training images,
 * labels, test images, labels.
 */
export type FileSet = SetShape & StoredFiles & { readonly kind: 'cifar10' | 'idx' };

/** A set that is computed, not read. */
export type GeneratedSet = SetShape & {
  readonly kind: 'generated';
  /** Its images: all, or so many; fewer are the beginning of all. */
  readonly generate: (counts?: { readonly trainCount?: number; readonly testCount?: number }) => DataSplit;
};

const idxNames = [
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
] as const;

/** Of 60,000 and of 10,000 images of 28 x 28, with the headers of IDX. */
const idxBytes = [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000] as const;

function idxFiles(hashed: NamedFile['hashed'], checksums: readonly string[]): readonly NamedFile[] {
  return idxNames.map((name, place) => ({
    name,
    bytes: idxBytes[place]!,
    sha256: checksums[place]!,
    hashed,
  }));
}

/** Every named set. */
export const namedSets: {
  readonly [Name in NamedSetName]: Name extends 'synthetic' | 'digits' ? GeneratedSet : FileSet;
} = {
  // 50,000 + 10,000 photographs: A. Krizhevsky, 2009.
  cifar10: {
    kind: 'cifar10',
    inputShape: [32, 32, 3],
    // As networks for it are commonly trained: K. He et al., CVPR 2016 (arXiv 1512.03385), Section 4.2.
    augmentation: { cropPadding: 4, flip: true, cutout: 0 },
    classNames: cifar10Classes,
    folders: ['cifar10', 'cifar-10-batches-bin'],
    // Computed from files rebuilt losslessly from the official pickles, whose checksums matched.
    files: [
      ['data_batch_1.bin', 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5'],
      ['data_batch_2.bin', 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed'],
      ['data_batch_3.bin', 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67'],
      ['data_batch_4.bin', '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48'],
      ['data_batch_5.bin', '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add'],
      ['test_batch.bin', '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b'],
    ].map(([name, sha256]) => ({ name: name!, bytes: 10_000 * 3073, sha256: sha256!, hashed: 'as stored' })),
    origin: {
      kind: 'archive',
      address: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
      folder: 'cifar-10-batches-bin',
    },
  },
  // 60,000 + 10,000 handwritten digits: LeCun et al., 1998.
  mnist: {
    kind: 'idx',
    inputShape: [28, 28, 1],
    // A mirrored digit is no digit.
    augmentation: { cropPadding: 0, flip: false, cutout: 0 },
    classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    folders: ['mnist', 'MNIST/raw'],
    // Of the uncompressed IDX files, because copies in circulation are compressed differently. Computed from a
    // copy; public lists of checksums of the uncompressed files name the same four.
    files: idxFiles('decompressed', [
      'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    ]),
    origin: {
      kind: 'files',
      // Two mirrors of the author's files; the checksums hold for both.
      addresses: [
        'https://ossci-datasets.s3.amazonaws.com/mnist/',
        'https://storage.googleapis.com/cvdf-datasets/mnist/',
      ],
    },
  },
  // 60,000 + 10,000 articles of clothing: Xiao et al., 2017.
  'fashion-mnist': {
    kind: 'idx',
    inputShape: [28, 28, 1],
    // Most articles are symmetrical, shoes all point the same way.
    augmentation: { cropPadding: 0, flip: false, cutout: 0 },
    classNames: [
      'T-shirt/top',
      'Trouser',
      'Pullover',
      'Dress',
      'Coat',
      'Sandal',
      'Shirt',
      'Sneaker',
      'Bag',
      'Ankle boot',
    ],
    folders: ['fashion-mnist', 'FashionMNIST/raw'],
    // Of the official .gz files, as listed in TensorFlow Datasets, url_checksums/fashion_mnist.txt. Not computed
    // here: no copy was at hand. A copy that was compressed again is refused.
    files: idxFiles('as stored', [
      '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
      'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
      '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
      '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
    ]),
    origin: { kind: 'files', addresses: ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'] },
  },
  // 5,000 + 1,000 textured shapes; no files needed.
  synthetic: {
    kind: 'generated',
    inputShape: [32, 32, 3],
    augmentation: syntheticAugmentation,
    classNames: syntheticClasses,
    generate: generateSynthetic,
  },
  // 3,000 + 500 digits drawn by strokes; no files needed.
  digits: {
    kind: 'generated',
    inputShape: [28, 28, 1],
    augmentation: digitsAugmentation,
    classNames: digitClasses,
    generate: generateDigits,
  },
};

/** True if `name` is a set that `loadNamedSet` knows. */
export function isNamedSet(name: string): name is NamedSetName {
  return Object.hasOwn(namedSets, name);
}
