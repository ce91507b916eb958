// Which part of a photo a network sees, at which size, exactly as torchvision's transforms on images of Pillow choose it:
// the middle of the resized photo in evaluation, a random rectangle in training. Pixels are made by resample.ts.

import { echo } from '../base/echo.ts';
import { type Key, threefry2x32 } from '../base/random.ts';
import { type Box, type Photo, type Resampling, resampled } from './resample.ts';

/** The square that a network sees. */
export type PhotoSize = {
  /** Its side, in pixels. */
  readonly side: number;
  /** The shorter side of the resized photo, from whose middle the square is cut. */
  readonly shorterSide: number;
};

/** Random rectangles of photos: the areas are uniform shares of the photo, the aspects uniform in their logarithm. */
export type ResizedCrop = {
  /** Smallest share of the photo's area; the largest is 1. */
  readonly smallestArea: number;
  /** Largest width over height; the smallest is its inverse. */
  readonly largestAspect: number;
};

/** Of any view of a photo, and of the resized photo. */
export const LARGEST_SIDE = 4096;

type Size = Pick<Photo, 'height' | 'width'>;

/** What makes a size impossible. */
export function photoSizeFaults({ side, shorterSide }: PhotoSize): string[] {
  const isWhole = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= LARGEST_SIDE;
  return [
    ...Object.entries({ side, shorterSide })
      .filter(([, value]) => !isWhole(value))
      .map(([name, value]) => `${name} must be a whole number from 1 to ${LARGEST_SIDE}, got ${echo(value)}`),
    ...(shorterSide < side ? [`shorterSide must be at least the side, ${side}, got ${shorterSide}`] : []),
  ];
}

/** What makes rectangles impossible. */
export function resizedCropFaults({ smallestArea, largestAspect }: ResizedCrop): string[] {
  return [
    ...(smallestArea > 0 && smallestArea <= 1
      ? []
      : [`resizedCrop.smallestArea must be above 0 and at most 1, got ${echo(smallestArea)}`]),
    ...(largestAspect >= 1 && Number.isFinite(largestAspect)
      ? []
      : [`resizedCrop.largestAspect must be a number from 1, got ${echo(largestAspect)}`]),
  ];
}

/**
 * The middle of a resized photo, (side, side, 3): shorter side to `shorterSide`, the other in proportion and cut to a whole
 * number; then the central square.
 *
 * @source torchvision 0.29.1: transforms.Resize(shorterSide), transforms.CenterCrop(side)
 */
export function centreView(photo: Photo, { side, shorterSide }: PhotoSize): Uint8Array {
  return resampled(photo, centreResampling(photo, { side, shorterSide }));
}

function centreResampling({ height, width }: Size, { side, shorterSide }: PhotoSize): Resampling {
  const [short, long] = [Math.min(height, width), Math.max(height, width)];
  const other = Math.trunc((shorterSide * long) / short);
  const size =
    width <= height ? { width: shorterSide, height: other } : { width: other, height: shorterSide };
  return {
    from: { top: 0, left: 0, height, width },
    size,
    window: {
      top: roundHalfToEven((size.height - side) / 2),
      left: roundHalfToEven((size.width - side) / 2),
      height: side,
      width: side,
    },
  };
}

/** A rectangle of a photo, resized to (side, side, 3). */
export function cropView(photo: Photo, from: Box, { side }: Pick<PhotoSize, 'side'>): Uint8Array {
  const size = { height: side, width: side };
  return resampled(photo, { from, size, window: { top: 0, left: 0, ...size } });
}

const TRIES = 10;
/** Counters of a key's draws for an image; those below belong to the changes of `imageChange`. */
const FIRST_COUNTER = 3;

/**
 * The rectangle drawn for image `index`: of ten draws of area and aspect the first that fits into the photo, at a uniform
 * place; if none fits, the largest central rectangle with an allowed aspect.
 *
 * @param epochKey from `augmentationKey`
 * @source torchvision 0.29.1, transforms.RandomResizedCrop.get_params; draws are ours
 */
export function drawnCrop(
  { height, width }: Size,
  { smallestArea, largestAspect }: ResizedCrop,
  epochKey: Key,
  index: number,
): Box {
  const [k0, k1] = epochKey;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const counter = FIRST_COUNTER + 2 * attempt;
    const [forArea, forAspect] = threefry2x32(k0, k1, index, counter).map(share) as [number, number];
    const area = height * width * (smallestArea + (1 - smallestArea) * forArea);
    const aspect = largestAspect ** (2 * forAspect - 1);
    const box = {
      height: roundHalfToEven(Math.sqrt(area / aspect)),
      width: roundHalfToEven(Math.sqrt(area * aspect)),
    };
    if (box.width < 1 || box.height < 1 || box.width > width || box.height > height) continue;
    const [forTop, forLeft] = threefry2x32(k0, k1, index, counter + 1).map(share) as [number, number];
    return {
      ...box,
      top: Math.floor(forTop * (height - box.height + 1)),
      left: Math.floor(forLeft * (width - box.width + 1)),
    };
  }
  return centralBox({ height, width }, largestAspect);
}

/** The largest central rectangle whose aspect is allowed. */
function centralBox({ height, width }: Size, largestAspect: number): Box {
  const aspect = width / height;
  const box =
    aspect < 1 / largestAspect
      ? { width, height: roundHalfToEven(width * largestAspect) }
      : aspect > largestAspect
        ? { width: roundHalfToEven(height * largestAspect), height }
        : { width, height };
  return {
    ...box,
    top: Math.floor((height - box.height) / 2),
    left: Math.floor((width - box.width) / 2),
  };
}

/** Uniform in [0, 1) from a random word. */
function share(word: number): number {
  return word / 2 ** 32;
}

/** As Python's `round`. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
