// Generated digits: ten strokes drawn by a shaky hand, so that a network for digits is trained without a download, and
// reads what people draw. As in MNIST the ink is bright on black, 28 x 28, near the middle.
//
// A digit is one or two polygons of control points, rounded by cutting corners. A hand varies them: points jitter, the
// whole is turned, sheared, stretched and moved, the pen has a width. Some digits have two forms, as people write them.
//
// Image i of a part is a function of (seed, part, i) by additions, multiplications, divisions and square roots only: the
// same bytes on every machine. Left out: any claim to the statistics of real handwriting.

import {
  deriveKey,
  type Key,
  keyFromSeed,
  type RandomSequence,
  randomSequence,
  threefry2x32,
} from '../base/random.ts';
import { checkGeneratedSet, type GeneratedSetSettings } from './generated-set.ts';
import { type Augmentation, type DataSplit, dataSplit, type ImageSet, imageSet } from './image-set.ts';

const SIDE = 28;
/** Sizes of a digit before it varies, in pixels: as in MNIST it fills 20 of 28. */
const INK = 20;

/** A mirrored digit is no digit. */
export const digitsAugmentation: Augmentation = { cropPadding: 2, flip: false, cutout: 0 };

/** `0` … `9`. */
export const digitClasses: readonly string[] = [...'0123456789'];

type Point = readonly [x: number, y: number];
/** Corners of a line that is rounded, or of one that keeps its corners. */
type Stroke = { readonly points: readonly Point[]; readonly isRound: boolean };

const round = (...points: readonly Point[]): Stroke => ({ points, isRound: true });
const sharp = (...points: readonly Point[]): Stroke => ({ points, isRound: false });

/** Forms of every digit in a unit square, x to the right, y down. */
const forms: readonly (readonly (readonly Stroke[])[])[] = [
  [[round([0.55, 0], [0.1, 0.05], [0.05, 0.95], [0.5, 1], [0.95, 0.95], [0.9, 0.05], [0.5, 0])]],
  [[sharp([0.5, 0], [0.5, 1])], [sharp([0.25, 0.3], [0.55, 0], [0.55, 1])]],
  [
    [round([0.1, 0.25], [0.25, 0], [0.85, 0], [0.85, 0.45], [0.4, 0.75], [0.1, 1], [0.9, 0.98])],
    [round([0.1, 0.25], [0.3, 0], [0.9, 0.05], [0.8, 0.5], [0.1, 1]), sharp([0.1, 0.98], [0.9, 0.98])],
  ],
  [
    [
      round([0.1, 0.1], [0.5, -0.05], [0.9, 0.1], [0.8, 0.45], [0.4, 0.48]),
      round([0.4, 0.48], [0.95, 0.5], [0.95, 0.95], [0.5, 1.05], [0.1, 0.9]),
    ],
    [
      sharp([0.1, 0], [0.85, 0], [0.45, 0.42]),
      round([0.45, 0.42], [0.95, 0.5], [0.9, 1], [0.5, 1.02], [0.1, 0.9]),
    ],
  ],
  [
    [sharp([0.3, 0], [0.1, 0.6], [0.95, 0.6]), sharp([0.7, 0.3], [0.7, 1])],
    [sharp([0.7, 1], [0.7, 0], [0.05, 0.68], [0.95, 0.68])],
  ],
  [
    [
      sharp([0.85, 0], [0.25, 0], [0.2, 0.45]),
      round([0.2, 0.45], [0.8, 0.3], [1, 0.7], [0.7, 1.05], [0.1, 0.95]),
    ],
  ],
  [
    [
      round(
        [0.75, 0],
        [0.2, 0.25],
        [0.05, 0.8],
        [0.4, 1.05],
        [0.9, 0.95],
        [0.85, 0.5],
        [0.4, 0.5],
        [0.15, 0.75],
      ),
    ],
  ],
  [
    [sharp([0.1, 0], [0.9, 0], [0.4, 1])],
    [sharp([0.1, 0.03], [0.9, 0], [0.4, 1]), sharp([0.3, 0.5], [0.85, 0.5])],
  ],
  [
    [
      round([0.5, 0.47], [0.1, 0.35], [0.2, 0], [0.5, -0.03], [0.8, 0], [0.9, 0.35], [0.5, 0.47]),
      round([0.5, 0.47], [0, 0.65], [0.1, 1], [0.5, 1.03], [0.9, 1], [1, 0.65], [0.5, 0.47]),
    ],
  ],
  [
    [
      round([0.85, 0.3], [0.6, 0.55], [0.15, 0.5], [0.1, 0.1], [0.5, -0.05], [0.85, 0.05], [0.85, 0.3]),
      round([0.85, 0.25], [0.85, 0.6], [0.7, 1]),
    ],
  ],
];

/** Counts of images and the seed of the generated digits. */
export type DigitsSettings = GeneratedSetSettings;

/**
 * The generated digits: 28x28 grey images of 10 classes, image i shows i mod 10. More images extend a set and leave the
 * earlier ones as they are; training and test images are drawn independently.
 *
 * @throws UsageError if a count is no integer from 1 to a million or the seed no integer of at least 0
 */
export function generateDigits({
  seed = 0,
  trainCount = 3_000,
  testCount = 500,
}: DigitsSettings = {}): DataSplit {
  checkGeneratedSet('generated digits', { seed, trainCount, testCount });
  const key = deriveKey(keyFromSeed(seed), 'digits');
  return dataSplit(
    drawSet(deriveKey(key, 'train'), 'digits train', trainCount),
    drawSet(deriveKey(key, 'test'), 'digits test', testCount),
    digitsAugmentation,
  );
}

function drawSet(key: Key, name: string, count: number): ImageSet {
  const pixels = new Uint8Array(count * SIDE * SIDE);
  const labels = Uint8Array.from({ length: count }, (_, index) => index % digitClasses.length);
  for (let index = 0; index < count; index++) {
    const imageKey = threefry2x32(key[0], key[1], index, 0);
    drawDigitInto(pixels.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE), labels[index]!, imageKey);
  }
  return imageSet({ name, classNames: digitClasses, height: SIDE, width: SIDE, channels: 1, pixels, labels });
}

function drawDigitInto(pixels: Uint8Array, digit: number, key: Key): void {
  const draw = randomSequence(key);
  const options = forms[digit]!;
  const lines = handwritten(options[draw.below(options.length)]!, draw);
  const width = 1 + 1.6 * draw.uniform();
  for (const line of lines)
    for (let k = 1; k < line.length; k++) inkInto(pixels, line[k - 1]!, line[k]!, width);
}

/** The lines of a digit as one hand writes it, in pixels. */
function handwritten(strokes: readonly Stroke[], draw: RandomSequence): readonly (readonly Point[])[] {
  const between = (low: number, high: number): number => low + (high - low) * draw.uniform();
  const turn = between(-0.22, 0.22);
  const shear = between(-0.25, 0.15);
  const [across, down] = [INK * between(0.5, 0.9), INK * between(0.8, 1.05)];
  const [left, top] = [SIDE / 2 + between(-1.5, 1.5), SIDE / 2 + between(-1.5, 1.5)];
  const shake = (value: number): number => value + between(-0.06, 0.06);
  return strokes.map(({ points, isRound }) => {
    const corners = points.map(([x, y]): Point => {
      const [u, v] = [(shake(x) - 0.5) * across, (shake(y) - 0.5) * down];
      const leaning = u - shear * v;
      return [left + leaning - turn * v, top + v + turn * leaning];
    });
    return isRound ? rounded(rounded(rounded(corners))) : corners;
  });
}

/** Chaikin's corner cutting: every corner gives way to two points, a quarter before and behind it; the ends stay. */
function rounded(line: readonly Point[]): readonly Point[] {
  const inner = line.slice(1).flatMap(([x, y], k): Point[] => {
    const [fromX, fromY] = line[k]!;
    return [
      [0.75 * fromX + 0.25 * x, 0.75 * fromY + 0.25 * y],
      [0.25 * fromX + 0.75 * x, 0.25 * fromY + 0.75 * y],
    ];
  });
  return [line[0]!, ...inner, line.at(-1)!];
}

/** Adds a straight piece of a line: full ink up to its half width, then none within a pixel. */
function inkInto(pixels: Uint8Array, [x0, y0]: Point, [x1, y1]: Point, width: number): void {
  const reach = width / 2 + 1;
  const [dx, dy] = [x1 - x0, y1 - y0];
  const squared = dx * dx + dy * dy;
  const low = (a: number, b: number): number => Math.max(0, Math.floor(Math.min(a, b) - reach));
  const high = (a: number, b: number): number => Math.min(SIDE - 1, Math.ceil(Math.max(a, b) + reach));
  for (let y = low(y0, y1); y <= high(y0, y1); y++) {
    for (let x = low(x0, x1); x <= high(x0, x1); x++) {
      const along = squared === 0 ? 0 : ((x - x0) * dx + (y - y0) * dy) / squared;
      const t = Math.max(0, Math.min(1, along));
      const [offX, offY] = [x - x0 - t * dx, y - y0 - t * dy];
      const ink = width / 2 + 0.5 - Math.sqrt(offX * offX + offY * offY);
      const at = y * SIDE + x;
      pixels[at] = Math.max(pixels[at]!, Math.round(255 * Math.max(0, Math.min(1, ink))));
    }
  }
}
