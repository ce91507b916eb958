// The scene of single devices: pulses on one that learns, and years on a cell that was programmed once, with the
// equations and their sources beside.

import * as Plot from '@observablehq/plot';
import { signal, useSignalEffect } from '@preact/signals';
import { checkPulseDevice, formulasOf, publishedCells, publishedPulseDevices } from 'ohmic';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { Chart } from '../charts/chart.tsx';
import { timePlace, timeScale } from '../charts/time-scale.ts';
import { Choice, NumberField, Slider } from '../page/field.tsx';
import { Formula } from '../page/formula.tsx';
import { attempt, go, lab, link } from '../page/lab.ts';
import { short } from '../page/words.ts';
import type { CellCurves, PulseCurves } from '../worker/messages.ts';
import { appended, isSequence, stepsOf } from '../worker/sequence.ts';
import { pulseFormulas } from './pulse-formulas.ts';

const pulses = signal<PulseCurves | undefined>(undefined);
const cells = signal<CellCurves | undefined>(undefined);

/** What is done if the link says nothing. */
const FIRST_SEQUENCE = 'u20,r1,u20';
const shownSequence = (): string => (link.value.sequence === '' ? FIRST_SEQUENCE : link.value.sequence);

/** The scene. */
export function CellsScene(): JSX.Element {
  useSignalEffect(() => {
    const { device, seed, devices } = link.value;
    const sequence = shownSequence();
    attempt(async () => {
      const curves = await lab.call('pulses', { device, sequence, seed, devices });
      if (device === link.value.device && sequence === shownSequence()) pulses.value = curves;
    });
  });
  useSignalEffect(() => {
    const { cell, seed, devices, target } = link.value;
    const { gMaxMicrosiemens: gMax } = publishedCells[cell]!;
    attempt(async () => {
      const curves = await lab.call('cell', { cell, target: target * gMax, seed, devices });
      if (cell === link.value.cell && target === link.value.target) cells.value = curves;
    });
  });
  return (
    <>
      <p class="verdict">
        No two devices are alike, and none does twice the same. Send pulses to one that learns; let a
        programmed one wait for ten years.
      </p>
      <div class="row">
        <NumberField
          label="Devices"
          {...{ value: link.value.devices, min: 1, max: 100 }}
          onChange={(devices) => go({ devices })}
        />
        <NumberField
          label="Seed"
          {...{ value: link.value.seed, min: 0, max: 1e9 }}
          onChange={(seed) => go({ seed, weights: '' })}
        />
      </div>
      <Learning />
      <Waiting />
    </>
  );
}

function Learning(): JSX.Element {
  const { device } = link.value;
  const spec = useMemo(() => checkPulseDevice('device', device), [device]);
  const isOneSided = spec.kind === 'pcm-pulses' || spec.isOneSided;
  const sequence = shownSequence();
  const add = (letter: 'u' | 'd' | 'r', count: number): void => {
    const next = appended(sequence, letter, count);
    // A full chart begins anew.
    go({ sequence: isSequence(next) ? next : `${letter}${count}` });
  };
  return (
    <section aria-labelledby="pulses-heading">
      <h3 id="pulses-heading">A device that learns: pulses and RESET</h3>
      <div class="row">
        <Choice
          label="Device"
          value={device}
          options={Object.keys(publishedPulseDevices).map((name) => [name, name] as const)}
          onChange={(next) => go({ device: next, sequence: '' })}
        />
        <button type="button" onClick={() => add('u', 1)}>
          1 up
        </button>
        <button type="button" onClick={() => add('u', 20)}>
          20 up
        </button>
        <button type="button" disabled={isOneSided} onClick={() => add('d', 1)}>
          1 down
        </button>
        <button type="button" disabled={isOneSided} onClick={() => add('d', 20)}>
          20 down
        </button>
        <button type="button" onClick={() => add('r', 1)}>
          RESET
        </button>
        <button type="button" onClick={() => go({ sequence: 'u0' })}>
          Begin anew
        </button>
      </div>
      <div class="panels wide">
        <PulseChart />
        <Formulas formulas={pulseFormulas(spec)} source={spec.source} />
      </div>
    </section>
  );
}

function PulseChart(): JSX.Element {
  const curves = pulses.value;
  const sequence = shownSequence();
  const steps = useMemo(() => stepsOf(sequence), [sequence]);
  const options = useMemo((): Plot.PlotOptions => {
    if (curves === undefined) return {};
    const { values, sensed, range, unit } = curves;
    const acts = stepsOf(sequence).length;
    const devices = values.length / (acts + 1);
    if (!Number.isInteger(devices)) return {};
    const points = Array.from(values, (value, k) => ({
      ...{ value, sensed: sensed[k]!, step: Math.floor(k / devices), device: k % devices },
    }));
    const first = points.filter(({ device }) => device === 0);
    const means = Array.from({ length: acts + 1 }, (_, step) => {
      const row = values.subarray(step * devices, (step + 1) * devices);
      return { step, mean: row.reduce((a, b) => a + b, 0) / devices };
    });
    const resets = steps.flatMap((act, k) => (act === 'reset' ? [k + 1] : []));
    return {
      x: { label: 'pulses' },
      y: { label: unit, grid: true, domain: spanOf([...values, ...range]) },
      marks: [
        Plot.ruleX(resets, { stroke: 'var(--rule)', strokeDasharray: '2 3' }),
        Plot.line(points, { ...curve('value'), z: 'device', stroke: 'var(--rule)', strokeOpacity: 0.35 }),
        Plot.line(means, { x: 'step', y: 'mean', stroke: 'var(--none)', strokeWidth: 2 }),
        Plot.line(first, { ...curve('value'), stroke: 'var(--global)', strokeWidth: 2 }),
        Plot.dot(first, { ...curve('sensed'), r: 1.8, fill: 'var(--global)' }),
      ],
    };
  }, [curves, sequence, steps]);
  return (
    <Chart
      label={`Values of devices after ${steps.length} pulses and RESETs: ${sequence}`}
      options={options}
      height={260}
      caption={`One device (blue), its reads (dots), its fellows (grey), their mean (orange). Dotted lines: RESET.${curves?.isOneSided === true ? ' Pulses drive this device one way only, up; RESET alone takes it back.' : ''}`}
    />
  );
}

const curve = (y: string) => ({ x: 'step', y }) as const;

function spanOf(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  return [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))];
}

function Waiting(): JSX.Element {
  const { cell, target } = link.value;
  const spec = publishedCells[cell]!;
  return (
    <section aria-labelledby="waiting-heading">
      <h3 id="waiting-heading">A cell that is programmed once: drift and read noise</h3>
      <div class="row">
        <Choice
          label="Cell"
          value={cell}
          options={Object.keys(publishedCells).map((name) => [name, name] as const)}
          onChange={(next) => go({ cell: next })}
        />
        <Slider
          label="Target"
          words={`${short(target * spec.gMaxMicrosiemens)} µS`}
          value={target}
          max={1}
          step={0.01}
          onInput={(next) => go({ target: next })}
        />
      </div>
      <div class="panels wide">
        <DriftChart />
        <Formulas
          formulas={formulasOf(spec).map(({ quantity, formula }) => [quantity, formula] as const)}
          source={spec.source}
        />
      </div>
    </section>
  );
}

function DriftChart(): JSX.Element {
  const curves = cells.value;
  const options = useMemo((): Plot.PlotOptions => {
    if (curves === undefined) return {};
    const { timesSeconds, drifted, sensed, gMax } = curves;
    const devices = drifted.length / timesSeconds.length;
    const points = Array.from(drifted, (value, k) => ({
      ...{
        value,
        sensed: sensed[k]!,
        time: timePlace(timesSeconds[Math.floor(k / devices)]!),
        device: k % devices,
      },
    }));
    const first = points.filter(({ device }) => device === 0);
    return {
      x: timeScale(timesSeconds),
      y: { label: 'µS', grid: true, domain: spanOf([0, gMax, ...drifted]) },
      marks: [
        Plot.line(points, { x: 'time', y: 'value', z: 'device', stroke: 'var(--rule)', strokeOpacity: 0.45 }),
        Plot.line(first, { x: 'time', y: 'value', stroke: 'var(--global)', strokeWidth: 2 }),
        Plot.dot(first, { x: 'time', y: 'sensed', r: 2, fill: 'var(--global)' }),
      ],
    };
  }, [curves]);
  return (
    <Chart
      label="Conductance of programmed cells from a second to ten years"
      options={options}
      height={260}
      caption="One cell (blue), a read of it at each time (dots), others with the same target (grey)."
    />
  );
}

function Formulas({
  formulas,
  source,
}: {
  readonly formulas: readonly (readonly [quantity: string, formula: string])[];
  readonly source: string;
}): JSX.Element {
  return (
    <div>
      <dl>
        {formulas.map(([quantity, formula]) => (
          <div key={quantity}>
            <dt class="quiet">{quantity}</dt>
            <dd class="formula">
              <Formula text={formula} />
            </dd>
          </div>
        ))}
      </dl>
      <p class="quiet">Source: {source}</p>
    </div>
  );
}
