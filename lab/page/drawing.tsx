// A drawn digit: a pad to write on, by pointer or by stamping a test image with the keyboard, and what the network takes
// it for, in floating point and on the chip.

import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Calls, Images } from '../worker/messages.ts';
import { attempt, chipChoice, images, lab, link, weights } from './lab.ts';
import { secondsOf } from './link.ts';
import { percent, timeWords } from './words.ts';

const PAD = 168;
const SIDE = 28;
/** The ink fills so much of the image, as in the generated digits. */
const INK = 20;

/** The pad; nothing for images of several channels, which are not drawn. */
export function Drawing(): JSX.Element | null {
  const pad = useRef<HTMLCanvasElement>(null);
  const last = useRef<readonly [number, number] | undefined>(undefined);
  const [result, setResult] = useState<Calls['classify']['result'] | undefined>(undefined);
  const [stamp, setStamp] = useState(0);
  if (weights.value === undefined || images.value?.channels !== 1) return null;
  const context = (): CanvasRenderingContext2D =>
    pad.current!.getContext('2d', { willReadFrequently: true })!;
  const point = ({ offsetX, offsetY }: PointerEvent): readonly [number, number] => {
    const scale = PAD / pad.current!.clientWidth;
    return [offsetX * scale, offsetY * scale];
  };
  const stroke = (event: PointerEvent): void => {
    if (event.buttons === 0 || last.current === undefined) return;
    const [x, y] = point(event);
    const drawing = context();
    drawing.strokeStyle = '#fff';
    drawing.lineWidth = 13;
    drawing.lineCap = 'round';
    drawing.beginPath();
    drawing.moveTo(...last.current);
    drawing.lineTo(x, y);
    drawing.stroke();
    last.current = [x, y];
  };
  const read = (): void => {
    last.current = undefined;
    const choice = chipChoice();
    if (choice === undefined) return;
    const { method } = link.value;
    const pixels = centred(context().getImageData(0, 0, PAD, PAD).data);
    const timeSeconds = secondsOf(link.value);
    attempt(async () => setResult(await lab.call('classify', { ...choice, timeSeconds, method, pixels })));
  };
  const clear = (): void => {
    context().clearRect(0, 0, PAD, PAD);
    setResult(undefined);
  };
  const place = (): void => {
    clear();
    stampInto(context(), images.value!, stamp);
    setStamp((stamp + 1) % images.value!.labels.length);
    read();
  };
  return (
    <section aria-labelledby="draw-heading">
      <h3 id="draw-heading">Draw a digit</h3>
      <div class="row draw">
        <canvas
          ref={pad}
          width={PAD}
          height={PAD}
          role="img"
          aria-label="Pad to draw a digit on; the button beside it puts one there"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            last.current = point(event);
            stroke(event);
          }}
          onPointerMove={stroke}
          onPointerUp={read}
        />
        <div>
          <div class="row">
            <button type="button" onClick={place}>
              Put one there
            </button>
            <button type="button" onClick={clear}>
              Clear
            </button>
          </div>
          <output>{result === undefined ? null : <Guess result={result} />}</output>
        </div>
      </div>
    </section>
  );
}

function Guess({ result }: { readonly result: Calls['classify']['result'] }): JSX.Element {
  const best = (shares: readonly number[]): string => {
    const most = Math.max(...shares);
    return `${weights.value!.classNames[shares.indexOf(most)]} (${percent(most)})`;
  };
  return (
    <dl class="bars">
      <div>
        <dt>floating point</dt>
        <dd>{best(result.digital)}</dd>
        <dd />
      </div>
      <div>
        <dt>on the chip after {timeWords(secondsOf(link.value))}</dt>
        <dd>{best(result.chip)}</dd>
        <dd />
      </div>
    </dl>
  );
}

/** The ink of a pad, scaled to 20 pixels and put into the middle of a 28 x 28 image, as the network knows digits. */
function centred(data: Uint8ClampedArray<ArrayBufferLike>): Uint8Array {
  const ink = (x: number, y: number): number =>
    data[4 * (y * PAD + x) + 3]! * (data[4 * (y * PAD + x)]! / 255);
  let [left, top, right, bottom] = [PAD, PAD, 0, 0];
  for (let y = 0; y < PAD; y++)
    for (let x = 0; x < PAD; x++)
      if (ink(x, y) > 60) {
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
  const pixels = new Uint8Array(SIDE * SIDE);
  if (right < left) return pixels;
  const step = Math.max(right - left, bottom - top, 1) / INK;
  const [middleX, middleY] = [(left + right) / 2, (top + bottom) / 2];
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      let sum = 0;
      // The mean over the square of the pad that becomes this pixel, at four by four places.
      for (let k = 0; k < 16; k++) {
        const px = Math.round(middleX + (x - SIDE / 2 + 0.5 + ((k % 4) - 1.5) / 4) * step);
        const py = Math.round(middleY + (y - SIDE / 2 + 0.5 + (Math.floor(k / 4) - 1.5) / 4) * step);
        if (px >= 0 && px < PAD && py >= 0 && py < PAD) sum += ink(px, py);
      }
      pixels[y * SIDE + x] = Math.min(255, Math.round(sum / 16));
    }
  return pixels;
}

/** Puts a test image onto the pad. */
function stampInto(
  context: CanvasRenderingContext2D,
  { height, width, pixels }: Images,
  index: number,
): void {
  const scale = PAD / width;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const value = pixels[(index * height + y) * width + x]!;
      if (value === 0) continue;
      context.fillStyle = `rgb(${value} ${value} ${value})`;
      context.fillRect(x * scale, y * scale, scale, scale);
    }
}
