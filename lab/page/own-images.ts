// The user's images: a folder with a folder for each class. They are cut to squares, scaled to 32 x 32, and stay on this
// machine: the page sends nothing anywhere.

import { LabMistake } from '../worker/client.ts';
import type { Images } from '../worker/messages.ts';

const SIDE = 32;
const MOST_IMAGES = 20_000;
const MOST_CLASSES = 100;

/** @throws LabMistake if there are no classes, or no images that the browser can read */
export async function readFolder(files: readonly File[]): Promise<Images> {
  const pictures = files.filter(({ type }) => type.startsWith('image/'));
  const classOf = ({ webkitRelativePath }: File): string => webkitRelativePath.split('/').at(-2) ?? '';
  const classNames = [...new Set(pictures.map(classOf))].sort();
  if (classNames.length < 2 || classNames.length > MOST_CLASSES || pictures.length > MOST_IMAGES)
    throw new LabMistake(
      `images: expected a folder with 2 to ${MOST_CLASSES} folders of images, one a class, ${MOST_IMAGES} images at most; got ${classNames.length} folders and ${pictures.length} images`,
    );
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const pixels = new Uint8Array(pictures.length * SIDE * SIDE * 3);
  for (const [k, file] of pictures.entries()) {
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new LabMistake(
        `${file.webkitRelativePath}: expected an image, got a file that can't be read as one`,
      );
    });
    const side = Math.min(bitmap.width, bitmap.height);
    const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, left, top, side, side, 0, 0, SIDE, SIDE);
    bitmap.close();
    const { data } = context.getImageData(0, 0, SIDE, SIDE);
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++)
      for (let channel = 0; channel < 3; channel++)
        pixels[(k * SIDE * SIDE + pixel) * 3 + channel] = data[4 * pixel + channel]!;
  }
  const labels = Uint8Array.from(pictures, (file) => classNames.indexOf(classOf(file)));
  return { name: 'own', classNames, height: SIDE, width: SIDE, channels: 3, pixels, labels };
}
