// One photo of a file → its pixels, by sharp (libvips). Pixels are those of Pillow's `Image.open(file).convert('RGB')`, which
// torchvision's folders have: no colour profile is applied, and no EXIF orientation.

import { readFile } from 'node:fs/promises';
import type { SharpOptions } from 'sharp';
import { invariant, messageOf, UsageError } from '../base/errors.ts';
import type { Photo } from '../data/resample.ts';

type Sharp = typeof import('sharp').default;

/** Formats that are read, by sharp's names; what a file is called does not matter. */
const FORMATS: readonly string[] = ['jpeg', 'png', 'webp', 'tiff', 'gif'];

/** Profiles are ignored; a file that ends too early is refused, one with odd bytes between its parts is not, as by Pillow. */
const READING: SharpOptions = { ignoreIcc: true, failOn: 'truncated' };

/**
 * Decodes a photo to red, green and blue. Grey becomes three equal channels, transparency is dropped, CMYK is converted as
 * Pillow does, R = (1 − K) − C (1 − K). Decoding runs on a thread of its own.
 *
 * @throws UsageError, with the name of the file, if it can't be read, is no image of a known format, is damaged, or has
 *   more than 8 bits a channel
 */
export async function decodePhoto(file: string): Promise<Photo> {
  const sharp = await loadSharp();
  try {
    const bytes = await readFile(file);
    const { format, space, depth } = await sharp(bytes, READING).metadata();
    if (format === undefined || !FORMATS.includes(format))
      throw new UsageError(`expected ${FORMATS.join(', ')}, got ${format}`);
    if (depth !== 'uchar') throw new UsageError(`expected 8 bits a channel, got numbers of kind ${depth}`);
    return space === 'cmyk' ? await decodeCmyk(sharp, bytes) : await decodeRgb(sharp, bytes);
  } catch (thrown) {
    // libvips repeats itself on further lines.
    const [reason] = messageOf(thrown).split('\n');
    throw new UsageError(
      `photo ${file}: it can't be read (${reason}); replace it by an undamaged copy, or remove it`,
    );
  }
}

let loaded: Promise<Sharp> | undefined;

/** sharp, loaded when the first photo is decoded. */
function loadSharp(): Promise<Sharp> {
  loaded ??= import('sharp').then(
    ({ default: sharp }) => {
      // Photos are decoded once; a cache of operations would only hold memory.
      sharp.cache(false);
      return sharp;
    },
    (thrown: unknown) => {
      throw new UsageError(
        `photos: the library that decodes them can't be loaded (${messageOf(thrown).split('\n')[0]}); install its optional packages: npm install --include=optional sharp`,
      );
    },
  );
  return loaded;
}

async function decodeRgb(sharp: Sharp, bytes: Uint8Array): Promise<Photo> {
  const { data, info } = await sharp(bytes, READING)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  invariant(channels === 3 && data.length === width * height * 3, () => `${channels} channels of a photo`);
  return { height, width, pixels: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

async function decodeCmyk(sharp: Sharp, bytes: Uint8Array): Promise<Photo> {
  const { data, info } = await sharp(bytes, READING)
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { height, width, pixels: rgbOfCmyk(data, width * height) };
}

/** @source Pillow 12.3.0, src/libImaging/Convert.c, cmyk2rgb; with its rounded product of bytes, MULDIV255 */
function rgbOfCmyk(cmyk: Uint8Array, count: number): Uint8Array {
  const pixels = new Uint8Array(3 * count);
  for (let at = 0; at < count; at++) {
    const light = 255 - cmyk[4 * at + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      const product = cmyk[4 * at + channel]! * light + 128;
      pixels[3 * at + channel] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return pixels;
}
