// An image of bytes as a small canvas.

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Images } from '../worker/messages.ts';

/** One image of a set; `label` says what it is for people who do not see it. */
export function Picture({
  images,
  index,
  label,
}: {
  readonly images: Images;
  readonly index: number;
  readonly label: string;
}): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { height, width } = images;
  useEffect(() => drawPicture(canvas.current!, images, index), [images, index]);
  return <canvas ref={canvas} width={width} height={height} role="img" aria-label={label} />;
}

function drawPicture(
  canvas: HTMLCanvasElement,
  { height, width, channels, pixels }: Images,
  index: number,
): void {
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(width, height);
  const first = index * height * width * channels;
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const source = first + pixel * channels + (channels === 1 ? 0 : channel);
      image.data[4 * pixel + channel] = pixels[source]!;
    }
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
