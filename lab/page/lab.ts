// The page's state, as signals, and what changes it. Scenes read signals; only this file talks to the worker about
// weights, chips and evaluations.

import { batch, computed, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import type { CompensationMethod, EpochRecord, ExperimentRecord, HardwareChoice, HardwareSpec } from 'ohmic';
import { parseRecord, resolveHardware, UsageError } from 'ohmic';
import { type LabClient, LabMistake, startLab } from '../worker/client.ts';
import type { Answers, ChipChoice, ChipView, Images, WeightsFacts } from '../worker/messages.ts';
import { type LinkState, linkOf, secondsOf, stateOf, trainingOf } from './link.ts';

export const lab: LabClient = startLab();

const opened = stateOf(location.hash);
/** What the link says. */
export const link = signal<LinkState>(opened.state);
/** A sentence for people; absent if there is nothing to say. */
export const notice = signal<string | undefined>(undefined);
export const isNoticeBad = signal(false);
export const engineWords = signal('starting the engine …');
export const engineNotice = signal<string | undefined>(undefined);
/** The first test images of the set. */
export const images = signal<Images | undefined>(undefined);
export const weights = signal<WeightsFacts | undefined>(undefined);

/** A training under way or done. */
export type TrainingView = {
  readonly isRunning: boolean;
  readonly step: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly losses: readonly number[];
  readonly history: readonly EpochRecord[];
};
const NO_TRAINING: TrainingView = {
  isRunning: false,
  step: 0,
  steps: 0,
  stepsPerEpoch: 1,
  losses: [],
  history: [],
};
export const training = signal<TrainingView>(NO_TRAINING);
export const chip = signal<ChipView | undefined>(undefined);
/** Accuracies as they come. */
export type Measured = {
  readonly chip: number;
  readonly timeSeconds: number;
  readonly method: CompensationMethod;
  readonly accuracy: number;
};
export type EvaluationView = {
  /** What was evaluated, so that it is told from what is shown now. */
  readonly label: string;
  readonly isRunning: boolean;
  readonly done: number;
  readonly total: number;
  readonly digital: number | undefined;
  readonly points: readonly Measured[];
  /** The record, once all chips are evaluated. */
  readonly record: string | undefined;
};
export const evaluation = signal<EvaluationView | undefined>(undefined);
export const digitalClasses = signal<Uint8Array | undefined>(undefined);
export const answers = signal<Answers | undefined>(undefined);
export const record = signal<ExperimentRecord | undefined>(undefined);

/** Times of an evaluation: a second to ten years. */
export const TIMES: readonly number[] = [1, 60, 600, 3_600, 86_400, 2_629_800, 31_557_600, 315_576_000];

/** Hardware of the link, or the faults of its changes. */
export const hardware: ReadonlySignal<
  { readonly choice: HardwareChoice; readonly spec: HardwareSpec } | { readonly faults: string }
> = computed(() => {
  const { hardware: preset, changes } = link.value;
  const choice = { preset, ...(changes === '' ? {} : (JSON.parse(changes) as object)) } as HardwareChoice;
  try {
    return { choice, spec: resolveHardware(choice) };
  } catch (thrown) {
    if (thrown instanceof UsageError) return { faults: thrown.message };
    throw thrown;
  }
});

/** A slider changes the state at every frame; browsers allow some ten changes of the address a second. */
const ADDRESS_MS = 200;
let pendingAddress: ReturnType<typeof setTimeout> | undefined;

/** Changes the state, and the address with it. A change of scene is a step that the browser can go back. */
export function go(change: Partial<LinkState>): void {
  const before = link.value;
  const isStep = change.scene !== undefined && change.scene !== before.scene;
  if (isStep) writeAddress();
  link.value = { ...before, ...change };
  if (isStep) history.pushState(null, '', linkOf(link.value));
  else pendingAddress ??= setTimeout(writeAddress, ADDRESS_MS);
}

/** The address of the state, at once. */
export function writeAddress(): void {
  clearTimeout(pendingAddress);
  pendingAddress = undefined;
  if (linkOf(link.value) !== location.hash) history.replaceState(null, '', linkOf(link.value));
}

/** Tells people something. */
export function say(words: string | undefined, isBad = false): void {
  batch(() => {
    notice.value = words;
    isNoticeBad.value = isBad;
  });
}

/** Runs what a control began; a mistake becomes a sentence on the page. */
export function attempt(work: () => Promise<unknown>): void {
  work().catch((thrown: unknown) => {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') return;
    if (thrown instanceof LabMistake || thrown instanceof UsageError) say(thrown.message, true);
    else say(`This is a bug in the lab: ${thrown instanceof Error ? thrown.message : String(thrown)}`, true);
  });
}

let stopping: AbortController | undefined;
let evaluating: AbortController | undefined;

/** Trains, or goes on. */
export async function train(): Promise<void> {
  const choice = trainingOf(link.value);
  stopEvaluation();
  stopping = new AbortController();
  const { signal: stop } = stopping;
  const before = training.value;
  const isSame = weights.value?.isUnfinished === true && before.losses.length > 0;
  training.value = { ...(isSame ? before : NO_TRAINING), isRunning: true };
  say(undefined);
  go({ weights: '' });
  try {
    const facts = await lab.call('train', choice, {
      signal: stop,
      onEvent: (event) => {
        const now = training.value;
        if (event.kind === 'begun')
          training.value = { ...now, ...event, losses: now.losses.slice(0, event.step) };
        else if (event.kind === 'epoch') training.value = { ...now, history: [...now.history, event.record] };
        else {
          const losses = [...now.losses.slice(0, event.first - 1), ...event.losses];
          training.value = { ...now, step: event.first - 1 + event.losses.length, losses };
        }
      },
    });
    take(facts);
  } catch (thrown) {
    if (!stop.aborted) throw thrown;
    const facts = await lab.call('restore', choice);
    if (facts !== undefined) take(facts);
    say('Stopped. Train goes on from here; or use the network as it is.');
  } finally {
    training.value = { ...training.value, isRunning: false };
  }
}

/** Stops the training between two steps; its state is kept. */
export function stopTraining(): void {
  stopping?.abort();
}

/** Weights are there: chips and evaluations of others are gone. */
function take(facts: WeightsFacts | undefined): void {
  stopEvaluation();
  batch(() => {
    weights.value = facts;
    training.value = { ...training.value, history: facts?.history ?? [] };
    chip.value = undefined;
    answers.value = undefined;
    digitalClasses.value = undefined;
    evaluation.value = undefined;
  });
}

/** Looks for the weights of the link among what the browser has kept. */
export async function restoreWeights(): Promise<void> {
  const { weights: digest } = link.value;
  if (digest !== '') {
    if (weights.value?.digest === digest) return;
    take(undefined);
    say(`The weights ${digest} came from a file, which a link cannot hold: open that file again.`);
    return;
  }
  const choice = trainingOf(link.value);
  const facts = await lab.call('restore', choice);
  // Meanwhile something else may have been asked for, or a file been opened.
  const isMeant =
    JSON.stringify(choice) === JSON.stringify(trainingOf(link.value)) && link.value.weights === '';
  if (!isMeant || training.value.isRunning) return;
  training.value = NO_TRAINING;
  take(facts);
}

/** Takes the user's images, which are the set `own` from now on. */
export async function takeImages(own: Images): Promise<void> {
  const { train: training, test } = await lab.call('ownImages', own);
  images.value = await lab.call('images', { set: 'own', count: SHOWN });
  say(`${training} images of ${own.classNames.length} classes to train on, ${test} to test.`);
  await restoreWeights();
}

/** Takes weights of a file; they stay until another training is asked for. */
export function takeFromFile(facts: WeightsFacts): void {
  training.value = NO_TRAINING;
  take(facts);
  const { digest, dataset, model, isImported } = facts;
  // A network of another program is none that the lab trains.
  go({ weights: digest, set: dataset as LinkState['set'], ...(!isImported && { model }) });
}

/** The chip of the link, or undefined while its hardware has faults. */
export function chipChoice(): ChipChoice | undefined {
  const { seed, chip: number } = link.value;
  const { value } = hardware;
  return 'faults' in value ? undefined : { hardware: value.choice, seed, chip: number };
}

/** Programs the chip of the link. */
export async function program(): Promise<void> {
  const choice = chipChoice();
  if (choice === undefined || weights.value === undefined) return;
  const facts = weights.value;
  const view = await lab.call('program', choice);
  if (weights.value === facts) chip.value = view;
}

/** What is evaluated, as text. */
export function evaluationLabel(): string {
  const { seed, chips } = link.value;
  return JSON.stringify([weights.value?.digest, chipChoice()?.hardware, seed, chips]);
}

/** Evaluates the chips of the link; points come one by one. */
export async function evaluate(): Promise<void> {
  const choice = chipChoice();
  if (choice === undefined || weights.value === undefined) return;
  stopEvaluation();
  const label = evaluationLabel();
  const { chips } = link.value;
  writeAddress();
  const controller = new AbortController();
  evaluating = controller;
  const nothing = { done: 0, total: 1, digital: undefined, points: [], record: undefined };
  evaluation.value = { label, isRunning: true, ...nothing };
  // Other weights may be there meanwhile; then this evaluation is gone, and its last events are late.
  const update = (change: (now: EvaluationView) => Partial<EvaluationView>): void => {
    const now = evaluation.value;
    if (evaluating === controller && now !== undefined) evaluation.value = { ...now, ...change(now) };
  };
  try {
    const { hardware: onto, seed } = choice;
    const text = await lab.call(
      'evaluate',
      { hardware: onto, seed, chips, timesSeconds: TIMES, link: location.href },
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.kind === 'digital') update(() => ({ digital: event.accuracy }));
          else {
            const { done, total } = event;
            update(({ points }) => ({ done, total, points: [...points, event] }));
          }
        },
      },
    );
    update(() => ({ record: text }));
  } finally {
    update(() => ({ isRunning: false }));
  }
}

/** Ends an evaluation; its points stay. */
export function stopEvaluation(): void {
  evaluating?.abort();
}

let isAsking = false;

/** Asks what the chip answers at the time of the link; one question at a time, the last one counts. */
export async function ask(): Promise<void> {
  if (isAsking) return;
  isAsking = true;
  try {
    for (;;) {
      const choice = chipChoice();
      const facts = weights.value;
      if (choice === undefined || facts === undefined || training.value.isRunning) return;
      const timeSeconds = secondsOf(link.value);
      const method = facts.methods.includes(link.value.method) ? link.value.method : 'none';
      digitalClasses.value ??= await lab.call('digital', choice);
      const now = await lab.call('answers', { ...choice, timeSeconds, method });
      if (weights.value !== facts) return;
      answers.value = now;
      const isLast = timeSeconds === secondsOf(link.value) && method === link.value.method;
      if (isLast && JSON.stringify(choice) === JSON.stringify(chipChoice())) return;
    }
  } finally {
    isAsking = false;
  }
}

function sayFaults(faults: readonly string[]): void {
  if (faults.length > 0) say(`The link has values that the lab does not know: ${faults.join(', ')}.`, true);
}

/** Begins: engine, images, kept weights, a record that the link names. */
export function begin(): void {
  sayFaults(opened.faults);
  attempt(async () => {
    const { description, notice: words } = await lab.call('start', {});
    engineWords.value = description;
    engineNotice.value = words;
  });
  effect(() => {
    // The weights are those of the link: another training, other weights.
    watched.value;
    untracked(() => attempt(restoreWeights));
  });
  effect(() => {
    const { from } = link.value;
    attempt(() => fetchRecord(from));
  });
  effect(() => {
    const { set } = link.value;
    if (images.peek()?.name.startsWith(set) === true) return;
    images.value = undefined;
    attempt(async () => {
      images.value = await lab.call('images', { set, count: SHOWN });
    });
  });
  addEventListener('hashchange', () => followLink());
  addEventListener('popstate', () => followLink());
}

async function fetchRecord(from: string): Promise<void> {
  if (fetched === from) return;
  fetched = from;
  if (from === '') return;
  const response = await fetch(from);
  if (!response.ok) throw new LabMistake(`${from}: expected a record, got status ${response.status}`);
  record.value = parseRecord(await response.text());
}
let fetched = '';

/** What decides the weights. */
const watched = computed(() => {
  const { weights: digest } = link.value;
  return digest === '' ? JSON.stringify(trainingOf(link.value)) : digest;
});

/** As many test images as the worker answers. */
const SHOWN = 50;

function followLink(): void {
  clearTimeout(pendingAddress);
  pendingAddress = undefined;
  const { state, faults } = stateOf(location.hash);
  sayFaults(faults);
  if (linkOf(state) === linkOf(link.value)) return;
  link.value = state;
}
