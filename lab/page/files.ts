// Files that the page opens and saves: weights, networks as ONNX, records. What comes of them is in the page's state
// (lab.ts).

import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { type Normalization, parseRecord } from 'ohmic';
import { LabMistake } from '../worker/client.ts';
import type { NormalizationName } from '../worker/messages.ts';
import { chipChoice, go, lab, link, record, say, takeFromFile, weights } from './lab.ts';
import { secondsOf } from './link.ts';
import { download } from './save.ts';
import { percent } from './words.ts';

type OpenedOnnx = {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly normalization: NormalizationName;
  /** Of the network that it became. */
  readonly digest: string;
};
const lastOnnx = signal<OpenedOnnx | undefined>(undefined);

/** The ONNX file of the network that is held, if it came from one. */
export const openedOnnx: ReadonlySignal<OpenedOnnx | undefined> = computed(() =>
  lastOnnx.value?.digest === weights.value?.digest ? lastOnnx.value : undefined,
);

/** Opens a file: weights, a network or a record. */
export async function openFile(file: File): Promise<void> {
  const { name } = file;
  if (/\.json$/i.test(name)) {
    record.value = parseRecord(await file.text());
    go({ scene: 'record', from: '' });
    return;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (/\.onnx$/i.test(name)) await importOnnx(name, bytes, 'dataset');
  else if (/\.safetensors$/i.test(name)) {
    const facts = await lab.call('openWeights', { name, bytes });
    takeFromFile(facts);
    say(`Opened ${name}: ${facts.model}, trained on ${facts.dataset}.`);
  } else
    throw new LabMistake(
      `${name}: expected weights of ohmic (.safetensors), a network (.onnx) or a record (.json); PyTorch writes networks by torch.onnx.export`,
    );
}

async function importOnnx(name: string, bytes: Uint8Array, normalization: NormalizationName): Promise<void> {
  const { set } = link.value;
  say(`Importing ${name} …`);
  // The worker takes a copy, so that the file can be imported again.
  const facts = await lab.call('openOnnx', { name, bytes, set, normalization });
  takeFromFile(facts);
  lastOnnx.value = { name, bytes, normalization, digest: facts.digest };
  const isGuessing = facts.accuracy < 2 / facts.classNames.length;
  say(
    `Opened ${name}: it classifies ${facts.dataset}, ${percent(facts.accuracy)} right in floating point.${
      isGuessing
        ? ' That is little better than guessing: compare the normalisation of its images, and the order of its classes, with where it comes from.'
        : ''
    }`,
  );
}

/** Imports the network that is held again, with its images normalised otherwise. */
export async function normalizeAs(normalization: NormalizationName): Promise<void> {
  const from = openedOnnx.value;
  if (from !== undefined) await importOnnx(from.name, from.bytes, normalization);
}

/** Saves the weights that are held as `ohmic train` does. */
export async function saveWeights(): Promise<void> {
  download('weights.safetensors', await lab.call('saveWeights', {}), 'application/octet-stream');
}

/** Saves the network as ONNX: as it was trained, or as the chip is read at the time of the link. */
export async function saveOnnx(what: 'network' | 'chip'): Promise<void> {
  const choice = chipChoice();
  if (what === 'chip' && choice === undefined) return;
  const { method } = link.value;
  const read = what === 'chip' ? { ...choice!, timeSeconds: secondsOf(link.value), method } : undefined;
  const { bytes, normalization } = await lab.call('saveOnnx', read === undefined ? {} : { read });
  download(`${what}.onnx`, bytes, 'application/octet-stream');
  say(`Saved ${what}.onnx. ${inputsText(normalization)}`);
}

/** What the inputs of the file must be. */
function inputsText({ mean, std }: Normalization): string {
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(4)).join(', ');
  return `Its images are pixels from 0 to 1, minus ${list(mean)}, over ${list(std)}; (n, channels, height, width).`;
}
