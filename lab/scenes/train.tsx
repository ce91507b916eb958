// The scene in which a small network learns: images, noise on a slider, loss and accuracy as they come.

import * as Plot from '@observablehq/plot';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { Chart } from '../charts/chart.tsx';
import { Drawing } from '../page/drawing.tsx';
import { Choice, NumberField, Slider } from '../page/field.tsx';
import { normalizeAs, openedOnnx } from '../page/files.ts';
import {
  attempt,
  go,
  images,
  link,
  stopTraining,
  takeImages,
  train,
  training,
  weights,
} from '../page/lab.ts';
import { trainingOf } from '../page/link.ts';
import { readFolder } from '../page/own-images.ts';
import { Picture } from '../page/picture.tsx';
import { count, percent } from '../page/words.ts';
import { trainingCommand } from '../worker/training-settings.ts';

const SETS = [
  ['digits', 'digits (generated)'],
  ['synthetic', 'textured shapes (generated)'],
  ['own', 'a folder of yours'],
] as const;

const NETWORKS = [
  ['small-cnn', 'small-cnn: 4 convolutions'],
  ['mlp', 'mlp: one hidden layer'],
  ['lenet5', 'lenet5'],
  ['resnet8', 'resnet8: 8 layers'],
] as const;

const SUBJECTS = { digits: 'ten digits', synthetic: 'ten shapes', own: 'your images' } as const;

/** In the place of a network's name: the one of a file. */
const FROM_FILE = 'file';

const NORMALIZATIONS = [
  ['dataset', 'by mean and deviation of these images'],
  ['none', 'not: pixels from 0 to 1'],
  ['half', 'to pixels from −1 to 1'],
  ['imagenet', 'as for ImageNet'],
] as const;

/** The scene. */
export function TrainScene(): JSX.Element {
  const { isRunning } = training.value;
  const { weights: digest } = link.value;
  const facts = weights.value;
  return (
    <>
      <Verdict />
      <p class="hidden" role="status">
        {isRunning ? 'Training.' : facts === undefined ? '' : 'There are weights.'}
      </p>
      <fieldset disabled={isRunning}>
        <legend class="hidden">What to train</legend>
        <Settings />
      </fieldset>
      <div class="row">
        {isRunning ? (
          <button type="button" class="main" onClick={stopTraining}>
            Stop
          </button>
        ) : isOfFile() ? (
          <button type="button" onClick={() => go({ weights: '' })}>
            Train another
          </button>
        ) : (
          <button
            type="button"
            class={facts === undefined ? 'main' : ''}
            disabled={facts?.isUnfinished === false}
            onClick={() => attempt(train)}
          >
            {facts === undefined ? 'Train' : facts.isUnfinished ? 'Train on' : 'Trained'}
          </button>
        )}
        {weights.value !== undefined && !isRunning && (
          <button type="button" class="main" onClick={() => go({ scene: 'program' })}>
            Program it onto a chip →
          </button>
        )}
        <Progress />
      </div>
      <Curves />
      <Drawing />
      <Samples />
      {digest === '' && link.value.set !== 'own' && (
        <details>
          <summary>The same by the command</summary>
          <p>
            <code>{trainingCommand(trainingOf(link.value))}</code>
          </p>
        </details>
      )}
    </>
  );
}

function Verdict(): JSX.Element {
  const { isRunning, history, step, steps } = training.value;
  const last = history.at(-1);
  const facts = weights.value;
  if (isRunning)
    return (
      <p class="verdict">
        Learning: step {count(step)} of {count(steps)}
        {last?.testAccuracy !== undefined && (
          <>
            , <strong>{percent(last.testAccuracy)}</strong> of the test images right
          </>
        )}
        .
      </p>
    );
  if (facts === undefined)
    return (
      <p class="verdict">
        A small network learns to tell {SUBJECTS[link.value.set]} apart, with noise on its weights, so that it
        will bear imprecise memory. It takes some seconds, in this page.
      </p>
    );
  const origin = facts.isImported ? 'Imported' : facts.isUnfinished ? 'Stopped' : 'Trained';
  return (
    <p class="verdict">
      {origin}: {facts.model} with {count(facts.weights)} parameters gets{' '}
      <strong>{percent(facts.accuracy)}</strong> of the test images right in floating point. Now put its
      weights into memory cells.
    </p>
  );
}

/** True if the weights that are held came from a file. */
const isOfFile = (): boolean => link.value.weights !== '' && weights.value !== undefined;

function Settings(): JSX.Element {
  const { set, epochs, noise, seed } = link.value;
  const isFile = isOfFile();
  return (
    <div class="row settings">
      <Choice label="Images" value={set} options={SETS} onChange={(next) => go({ set: next, weights: '' })} />
      {set === 'own' && <FolderInput />}
      <NetworkChoice isFile={isFile} />
      {isFile ? (
        <NormalizationChoice />
      ) : (
        <>
          <Slider
            label="Training noise η"
            words={noise === 0 ? 'none' : percent(noise)}
            value={noise}
            max={0.15}
            step={0.005}
            onInput={(next) => go({ noise: next, weights: '' })}
          />
          <NumberField
            label="Epochs"
            {...{ value: epochs, min: 1, max: 1000 }}
            onChange={(next) => go({ epochs: next, weights: '' })}
          />
        </>
      )}
      {/* Of weights of a file, the seed decides the chips alone. */}
      <NumberField
        label="Seed"
        {...{ value: seed, min: 0, max: 1e9 }}
        onChange={(next) => go({ seed: next, ...(!isFile && { weights: '' }) })}
      />
    </div>
  );
}

/** Weights of a file are a choice of their own; another choice trains. */
function NetworkChoice({ isFile }: { readonly isFile: boolean }): JSX.Element {
  const { model } = link.value;
  const trained = NETWORKS.some(([name]) => name === model)
    ? NETWORKS
    : [...NETWORKS, [model, model] as const];
  const ofFile = [FROM_FILE, `${weights.value?.model}: of a file`] as const;
  return (
    <Choice
      label="Network"
      value={isFile ? FROM_FILE : model}
      options={isFile ? [ofFile, ...trained] : trained}
      onChange={(next) => {
        if (next !== FROM_FILE) go({ model: next, weights: '' });
      }}
    />
  );
}

/** Of an imported network: how its images were normalised where it was trained. Files do not say. */
function NormalizationChoice(): JSX.Element | null {
  const file = openedOnnx.value;
  if (file === undefined) return null;
  const channels = images.value?.channels;
  return (
    <Choice
      label="Its images were normalised"
      value={file.normalization}
      options={NORMALIZATIONS.filter(([name]) => name !== 'imagenet' || channels === 3)}
      onChange={(next) => attempt(() => normalizeAs(next))}
    />
  );
}

function FolderInput(): JSX.Element {
  const choose = (input: HTMLInputElement): void =>
    attempt(async () => takeImages(await readFolder([...(input.files ?? [])])));
  return (
    <label class="field">
      Folder with a folder for each class
      <input
        type="file"
        multiple
        ref={(input) => input?.setAttribute('webkitdirectory', '')}
        onChange={({ currentTarget }) => choose(currentTarget)}
      />
    </label>
  );
}

function Progress(): JSX.Element | null {
  const { isRunning, step, steps } = training.value;
  if (!isRunning) return null;
  return <progress value={step} max={Math.max(1, steps)} aria-label="Training" />;
}

function Curves(): JSX.Element | null {
  const { losses, history, stepsPerEpoch, steps } = training.value;
  const loss = useMemo(
    (): Plot.PlotOptions => ({
      x: { label: 'epoch', domain: [0, Math.max(1, Math.max(steps, losses.length) / stepsPerEpoch)] },
      y: { label: 'loss', grid: true, domain: [0, Math.max(1, ...losses.slice(0, 50))], clamp: true },
      marks: [
        Plot.line(losses, {
          ...{ x: (_: number, k: number) => (k + 1) / stepsPerEpoch, y: (value: number) => value },
          ...{ stroke: 'var(--rule)', strokeWidth: 1 },
        }),
        Plot.line(history, { x: 'epoch', y: 'trainLoss', stroke: 'var(--global)', strokeWidth: 2 }),
      ],
    }),
    [losses, history, stepsPerEpoch, steps],
  );
  const accuracy = useMemo(
    (): Plot.PlotOptions => ({
      x: { label: 'epoch', domain: [0, Math.max(1, steps / stepsPerEpoch, history.length)] },
      y: {
        label: 'accuracy',
        grid: true,
        domain: [0, 1],
        tickFormat: (y: number) => `${Math.round(100 * y)} %`,
      },
      marks: [
        Plot.line(history, { x: 'epoch', y: 'trainAccuracy', stroke: 'var(--rule)', strokeWidth: 1.5 }),
        Plot.lineY(history, { x: 'epoch', y: 'testAccuracy', stroke: 'var(--global)', strokeWidth: 2 }),
        Plot.dot(history, { x: 'epoch', y: 'testAccuracy', fill: 'var(--global)', r: 2.5 }),
      ],
    }),
    [history, steps, stepsPerEpoch],
  );
  if (losses.length === 0 && history.length === 0) return null;
  const last = history.at(-1);
  return (
    <div class="panels wide">
      <Chart
        label={`Loss over epochs${last === undefined ? '' : `; after epoch ${last.epoch} ${last.trainLoss.toFixed(3)}`}`}
        options={loss}
        height={200}
        caption="Cross-entropy of every batch, and its mean over each epoch."
      />
      <Chart
        label={`Accuracy over epochs${last?.testAccuracy === undefined ? '' : `; after epoch ${last.epoch} ${percent(last.testAccuracy)} of the test images`}`}
        options={accuracy}
        height={200}
        caption="Right answers: of the test images (blue), of the training images with noise (grey)."
      />
    </div>
  );
}

function Samples(): JSX.Element | null {
  const shown = images.value;
  if (shown === undefined) return null;
  return (
    <section aria-labelledby="samples-heading">
      <h3 id="samples-heading">Test images</h3>
      <ul class="pictures">
        {Array.from(shown.labels.subarray(0, 20), (label, index) => (
          <li key={`${shown.name}-${index}`}>
            <Picture images={shown} index={index} label={shown.classNames[label]!} />
          </li>
        ))}
      </ul>
    </section>
  );
}
