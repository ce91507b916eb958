// The state of the page that a link holds. It is all of what is shown except weights of files and images of the user,
// which are too large: then the link has the digest of the weights, and a page without them says so. A training is a
// function of its settings and seed, so its link is enough to make the same weights again.

import {
  type CompensationMethod,
  hardwareNames,
  networkNames,
  publishedCells,
  publishedPulseDevices,
} from 'ohmic';
import type { SetName, TrainChoice } from '../worker/messages.ts';
import { isSequence } from '../worker/sequence.ts';

export type SceneName = 'train' | 'program' | 'time' | 'cells' | 'record';

/** What a link says; every field has a default, and a link has what differs from it. */
export type LinkState = {
  readonly scene: SceneName;
  readonly set: SetName;
  readonly model: string;
  readonly epochs: number;
  /** η. */
  readonly noise: number;
  readonly seed: number;
  /** Digest of weights from a file, which are then not those of the training; empty: those of the training. */
  readonly weights: string;
  readonly hardware: string;
  /** Changes of the preset, as JSON text; empty: none. */
  readonly changes: string;
  readonly chip: number;
  readonly chips: number;
  /** Shown layer; empty: the largest one. */
  readonly layer: string;
  /** log₁₀ of the time in s. */
  readonly log: number;
  readonly method: CompensationMethod;
  readonly device: string;
  readonly sequence: string;
  readonly cell: string;
  /** Target of the cells, as a share of Gmax. */
  readonly target: number;
  readonly devices: number;
  /** Address of a record, relative to the page; empty: none. */
  readonly from: string;
};

/** Where everybody begins. */
export const START: LinkState = {
  scene: 'train',
  set: 'digits',
  model: 'small-cnn',
  epochs: 10,
  noise: 0.06,
  seed: 2,
  weights: '',
  hardware: 'joshi2020',
  changes: '',
  chip: 0,
  chips: 5,
  layer: '',
  log: 0,
  method: 'none',
  device: 'pcm-nandakumar-2018',
  sequence: '',
  cell: 'pcm-nandakumar-2019',
  target: 0.5,
  devices: 20,
  from: '',
};

/** The slider of time ends after ten years. */
export const LAST_LOG = 8.5;

type Check<K extends keyof LinkState> = (text: string) => LinkState[K] | undefined;

const oneOf =
  <T extends string>(names: readonly T[]) =>
  (text: string): T | undefined =>
    names.find((name) => name === text);
const between =
  (low: number, high: number, isWhole = false) =>
  (text: string): number | undefined => {
    const value = Number(text);
    const isFit = text !== '' && value >= low && value <= high && (!isWhole || Number.isInteger(value));
    return isFit ? value : undefined;
  };

/** Reads a field; undefined if the text is no value of it. */
const checks: { readonly [K in keyof LinkState]: Check<K> } = {
  scene: oneOf(['train', 'program', 'time', 'cells', 'record']),
  set: oneOf(['digits', 'synthetic', 'own']),
  model: oneOf(networkNames),
  epochs: between(1, 1000, true),
  noise: between(0, 0.5),
  seed: between(0, 1e9, true),
  weights: (text) => (/^[0-9a-f]{16}$/.test(text) ? text : undefined),
  hardware: oneOf(hardwareNames),
  changes: (text) => (isJsonRecord(text) ? text : undefined),
  chip: between(0, 99_999, true),
  chips: between(1, 100, true),
  layer: (text) => text,
  log: between(0, LAST_LOG),
  method: oneOf(['none', 'global', 'per-column', 'adabs']),
  device: oneOf(Object.keys(publishedPulseDevices)),
  sequence: (text) => (isSequence(text) ? text : undefined),
  cell: oneOf(Object.keys(publishedCells)),
  target: between(0, 1),
  devices: between(1, 100, true),
  from: (text) => (/^[\w./-]*$/.test(text) ? text : undefined),
};

function isJsonRecord(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The hash of a link. */
export function linkOf(state: LinkState): string {
  const fields = Object.entries(state).filter(
    ([name, value]) => name !== 'scene' && value !== START[name as keyof LinkState],
  );
  const query = new URLSearchParams(fields.map(([name, value]) => [name, String(value)])).toString();
  return `#${state.scene}${query === '' ? '' : `?${query}`}`;
}

/** What a hash says. Fields that are no values are left out, and named in `faults`. */
export function stateOf(hash: string): { readonly state: LinkState; readonly faults: readonly string[] } {
  const [scene = '', query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const faults: string[] = [];
  const read = (name: string, text: string): readonly [string, unknown][] => {
    const value = Object.hasOwn(checks, name) ? checks[name as keyof LinkState](text) : undefined;
    if (value === undefined) faults.push(`${name}=${text}`);
    return value === undefined ? [] : [[name, value]];
  };
  const given = [...new URLSearchParams(query)].flatMap(([name, text]) => read(name, text));
  const shown = scene === '' ? [] : read('scene', scene);
  return { state: { ...START, ...Object.fromEntries([...given, ...shown]) } as LinkState, faults };
}

/** The training of a link. */
export function trainingOf({ set, model, epochs, noise, seed }: LinkState): TrainChoice {
  return { set, model: model as TrainChoice['model'], epochs, noise, seed };
}

/** Seconds since programming, with three digits. */
export function secondsOf({ log }: Pick<LinkState, 'log'>): number {
  return Number((10 ** log).toPrecision(3));
}
