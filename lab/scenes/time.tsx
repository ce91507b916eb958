// The scene in which time passes: conductances fade, accuracy falls, compensation brings it back, images flip.

import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { AccuracyChart } from '../charts/accuracy.tsx';
import { FadingMap } from '../charts/fading-map.tsx';
import { TICKS, timePlace } from '../charts/time-scale.ts';
import { NumberField, Slider } from '../page/field.tsx';
import {
  answers,
  ask,
  attempt,
  chip,
  digitalClasses,
  evaluate,
  evaluation,
  evaluationLabel,
  go,
  hardware,
  images,
  link,
  program,
  stopEvaluation,
  TIMES,
  training,
  weights,
} from '../page/lab.ts';
import { LAST_LOG, secondsOf } from '../page/link.ts';
import { NeedsWeights } from '../page/needs-weights.tsx';
import { Picture } from '../page/picture.tsx';
import { download } from '../page/save.ts';
import { guessing, METHOD_SENTENCES, METHOD_WORDS, percent, timeTick, timeWords } from '../page/words.ts';
import { evaluationCommand } from '../worker/evaluation-settings.ts';
import { LayerChoice, shownLayer } from './program.tsx';

/** The scene. */
export function TimeScene(): JSX.Element {
  useSignalEffect(() => {
    if (weights.value === undefined || training.value.isRunning || 'faults' in hardware.value) return;
    void [link.value.chip, link.value.seed, link.value.log, link.value.method];
    attempt(ask);
  });
  useSignalEffect(() => {
    if (weights.value === undefined || chip.value !== undefined || 'faults' in hardware.value) return;
    attempt(program);
  });
  useSignalEffect(() => {
    const isReady = weights.value !== undefined && !training.value.isRunning && !('faults' in hardware.value);
    // Begins by itself: whoever comes here wants to see what time does.
    if (isReady && evaluation.peek()?.label !== evaluationLabel()) attempt(evaluate);
  });
  return (
    <>
      <Verdict />
      <NeedsWeights />
      <TimeSlider />
      <Methods />
      <div class="panels wide">
        <Curves />
        <div>
          <Fading />
          <Flips />
        </div>
      </div>
    </>
  );
}

function Verdict(): JSX.Element {
  const now = answers.value;
  const facts = weights.value;
  if (now === undefined || facts === undefined)
    return (
      <p class="verdict">
        Phase-change cells lose conductance as a power of time: about the same share whenever the time grows
        tenfold. Drag the time.
      </p>
    );
  return (
    <p class="verdict" role="status">
      {timeWords(now.timeSeconds)} after programming, {METHOD_WORDS[now.method]}: this chip gets{' '}
      <strong>{percent(now.accuracy)}</strong> of the test images right
      {guessing(now.accuracy, facts.classNames.length)}.
      {now.method === 'none' && now.accuracy < 0.7 * facts.accuracy && (
        <>
          {' '}
          <button type="button" class="main" onClick={() => go({ method: 'global' })}>
            Compensate
          </button>
        </>
      )}
    </p>
  );
}

function TimeSlider(): JSX.Element {
  const words = timeWords(secondsOf(link.value));
  return (
    <div class="time">
      <Slider
        label="Time since programming"
        words={words}
        value={link.value.log}
        max={LAST_LOG}
        step={0.02}
        onInput={(log) => go({ log })}
      />
      <div class="ticks" aria-hidden="true">
        {TICKS.map((seconds) => (
          <span key={seconds} style={{ '--place': timePlace(seconds) / LAST_LOG }}>
            {timeTick(seconds)}
          </span>
        ))}
      </div>
    </div>
  );
}

function Methods(): JSX.Element {
  const methods = weights.value?.methods ?? ['none', 'global', 'per-column'];
  const { method } = link.value;
  return (
    <fieldset>
      <legend>Compensation of drift</legend>
      <div class="choices">
        {methods.map((one) => (
          <label key={one} style={{ '--method': `var(--${one})` }}>
            <input
              type="radio"
              name="method"
              value={one}
              checked={method === one}
              onChange={() => go({ method: one })}
            />
            <span class="swatch" aria-hidden="true" />
            {METHOD_WORDS[one]}
          </label>
        ))}
      </div>
      <p class="quiet">{METHOD_SENTENCES[method]}</p>
    </fieldset>
  );
}

function Curves(): JSX.Element {
  const view = evaluation.value;
  const facts = weights.value;
  return (
    <div>
      <AccuracyChart
        name="this network"
        points={view?.points ?? NO_POINTS}
        digital={view?.digital}
        classes={facts?.classNames.length ?? 10}
        methods={facts?.methods ?? NO_METHODS}
        cursor={secondsOf(link.value)}
      />
      <div class="row">
        <NumberField
          label="Chips"
          {...{ value: link.value.chips, min: 1, max: 100 }}
          onChange={(chips) => go({ chips })}
        />
        {view?.isRunning === true ? (
          <>
            <button type="button" onClick={stopEvaluation}>
              Stop
            </button>
            <progress value={view.done} max={view.total} aria-label="Evaluation of chips" />
          </>
        ) : (
          facts !== undefined &&
          view?.record === undefined && (
            <button type="button" onClick={() => attempt(evaluate)}>
              Evaluate
            </button>
          )
        )}
        {view?.record !== undefined && (
          <button type="button" onClick={() => download('record.json', view.record!, 'application/json')}>
            Save the record
          </button>
        )}
      </div>
      <ByCommand />
    </div>
  );
}

/** How to evaluate the same chips elsewhere; images of the user are in this page only. */
function ByCommand(): JSX.Element | null {
  const facts = weights.value;
  const { value } = hardware;
  if (facts === undefined || facts.dataset === 'own' || 'faults' in value) return null;
  const { hardware: preset, changes: text, chips, seed } = link.value;
  const changes = text === '' ? {} : JSON.parse(text);
  const { methods } = facts;
  return (
    <details>
      <summary>The same by the command, of saved weights</summary>
      <p>
        <code>{evaluationCommand({ preset, changes, chips, timesSeconds: TIMES, methods, seed })}</code>
      </p>
    </details>
  );
}

const NO_POINTS = [] as const;
const NO_METHODS = ['none', 'global', 'per-column', 'adabs'] as const;

function Fading(): JSX.Element | null {
  const view = chip.value;
  if (view === undefined || view.layers.length === 0) return null;
  const seconds = secondsOf(link.value);
  return (
    <>
      <div class="row">
        <LayerChoice view={view} />
      </div>
      <FadingMap layer={shownLayer(view)} timeSeconds={seconds} words={timeWords(seconds)} />
    </>
  );
}

function Flips(): JSX.Element | null {
  const shown = images.value;
  const now = answers.value;
  const digital = digitalClasses.value;
  if (shown === undefined || now === undefined || digital === undefined) return null;
  const { labels, classNames } = shown;
  const count = Math.min(labels.length, now.classes.length);
  const places = Array.from({ length: count }, (_, k) => k);
  const isFlipped = (k: number): boolean => now.classes[k] !== digital[k];
  const flips = places.filter(isFlipped).length;
  return (
    <section aria-labelledby="flips-heading">
      <h3 id="flips-heading">
        {flips} of {count} test images flip: the chip answers otherwise than floating point
      </h3>
      <ul class="pictures">
        {places.map((k) => {
          const name = classNames[labels[k]!]!;
          const answer = classNames[now.classes[k]!]!;
          const words = isFlipped(k) ? `${name}, taken for ${answer}` : name;
          return (
            <li key={k} class={isFlipped(k) ? 'wrong' : ''} data-answer={answer}>
              <Picture images={shown} index={k} label={words} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
