// What the examples with sequences learn: is a noisy signal of 64 samples a sine, a triangle, a square or a sawtooth?
// Data of your own become a set in the same way: bytes and labels.

import {
  type DataSplit,
  dataSplit,
  deriveKey,
  type ImageSet,
  imageSet,
  keyFromSeed,
  randomSequence,
} from 'ohmic';

export const LENGTH = 64;

/** One period of each wave, phase from 0 to 1, values in ±1. */
const waves: readonly ((phase: number) => number)[] = [
  (phase) => Math.sin(2 * Math.PI * phase),
  (phase) => 4 * Math.abs(phase - 0.5) - 1,
  (phase) => (phase < 0.5 ? 1 : -1),
  (phase) => 2 * phase - 1,
];

function signals(name: string, count: number): ImageSet {
  const draw = randomSequence(deriveKey(keyFromSeed(1), name));
  const pixels = new Uint8Array(count * LENGTH);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % waves.length);
  for (const [i, label] of labels.entries()) {
    const [period, start] = [12 + 12 * draw.uniform(), draw.uniform()];
    for (let t = 0; t < LENGTH; t++) {
      const value = waves[label]!((t / period + start) % 1) + 0.2 * draw.normal();
      pixels[i * LENGTH + t] = Math.max(0, Math.min(255, Math.round(128 + 60 * value)));
    }
  }
  const classNames = ['sine', 'triangle', 'square', 'sawtooth'];
  return imageSet({ name, classNames, height: 1, width: LENGTH, channels: 1, pixels, labels });
}

/** Signals as images of one row, (1, 64, 1). */
export function waveforms(): DataSplit {
  return dataSplit(signals('train', 2000), signals('test', 500));
}
