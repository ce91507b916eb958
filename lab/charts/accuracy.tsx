// Accuracy over time: a curve for each compensation, with a dot for each chip and a band for the 95 % confidence interval
// of the mean as soon as there are two. Points come one by one while chips are evaluated.

import * as Plot from '@observablehq/plot';
import { type CompensationMethod, confidenceInterval95, meanOf } from 'ohmic';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { METHOD_WORDS, percent, timeWords } from '../page/words.ts';
import { Chart } from './chart.tsx';
import { timePlace, timeScale } from './time-scale.ts';

/** One accuracy. */
export type AccuracyPoint = {
  readonly timeSeconds: number;
  readonly method: CompensationMethod;
  readonly accuracy: number;
};

type Summary = {
  readonly timeSeconds: number;
  readonly method: CompensationMethod;
  readonly mean: number;
  readonly chips: number;
  readonly low?: number;
  readonly high?: number;
};

/** Mean and interval at every time under every method, in order. */
function summarize(points: readonly AccuracyPoint[]): readonly Summary[] {
  const groups = Map.groupBy(points, ({ timeSeconds, method }) => `${method} ${timeSeconds}`);
  const summaries = [...groups.values()].map((group): Summary => {
    const { timeSeconds, method } = group[0]!;
    const accuracies = group.map(({ accuracy }) => accuracy);
    const interval = confidenceInterval95(accuracies);
    const [low, high] = interval ?? [];
    return {
      ...{ timeSeconds, method, mean: meanOf(accuracies), chips: accuracies.length },
      ...(low !== undefined && high !== undefined && { low: Math.max(0, low), high: Math.min(1, high) }),
    };
  });
  return summaries.sort((a, b) => a.timeSeconds - b.timeSeconds);
}

/** The colours of methods. */
function Key({ methods }: { readonly methods: readonly CompensationMethod[] }): JSX.Element {
  return (
    <ul class="choices">
      {methods.map((method) => (
        <li key={method} style={{ '--method': `var(--${method})` }}>
          <span class="swatch" aria-hidden="true" />
          {METHOD_WORDS[method]}
        </li>
      ))}
    </ul>
  );
}

/** The chart, and the same as a table. */
export function AccuracyChart({
  isKeyed = false,
  name,
  points,
  digital,
  classes,
  methods,
  cursor,
}: {
  /** Says which colour is which method, where nothing else does. */
  readonly isKeyed?: boolean;
  /** What the curves are of, in the names of its parts. */
  readonly name: string;
  readonly points: readonly AccuracyPoint[];
  readonly digital: number | undefined;
  readonly classes: number;
  readonly methods: readonly CompensationMethod[];
  readonly cursor?: number;
}): JSX.Element {
  const summaries = useMemo(() => summarize(points), [points]);
  const options = useMemo((): Plot.PlotOptions => {
    const times = points.map(({ timeSeconds }) => timeSeconds);
    const color = (d: { readonly method: string }): string => `var(--${d.method})`;
    const placed = { x: (d: Summary) => timePlace(d.timeSeconds) };
    const banded = summaries.filter(({ low }) => low !== undefined);
    return {
      x: timeScale(times),
      y: {
        domain: [0, 1],
        tickFormat: (y: number) => `${Math.round(100 * y)} %`,
        label: 'accuracy',
        grid: true,
      },
      marks: [
        Plot.ruleY([1 / classes], { stroke: 'var(--rule)', strokeDasharray: '2 3' }),
        ...(digital === undefined
          ? []
          : [Plot.ruleY([digital], { stroke: 'var(--quiet)', strokeDasharray: '5 4' })]),
        ...methods.map((method) =>
          Plot.areaY(
            banded.filter((one) => one.method === method),
            { ...placed, y1: 'low', y2: 'high', fill: `var(--${method})`, fillOpacity: 0.16 },
          ),
        ),
        Plot.dot(points, {
          x: (d: AccuracyPoint) => timePlace(d.timeSeconds),
          ...{ y: 'accuracy', r: 2, fill: color, fillOpacity: 0.45 },
        }),
        Plot.line(summaries, { ...placed, y: 'mean', z: 'method', stroke: color, strokeWidth: 2 }),
      ],
    };
  }, [points, summaries, digital, classes, methods]);
  return (
    <>
      {isKeyed && <Key methods={methods} />}
      <Chart
        label={`Accuracy over time of ${name}, for ${methods.map((method) => METHOD_WORDS[method]).join(', ')}; the table below has the numbers`}
        options={options}
        height={300}
        {...(cursor !== undefined && { cursor: timePlace(cursor) })}
        caption="A dot is a chip, a line their mean, a band its 95 % confidence interval. Dashed: floating point; dotted: guessing."
      />
      <AccuracyTable name={name} summaries={summaries} methods={methods} />
    </>
  );
}

function AccuracyTable({
  name,
  summaries,
  methods,
}: {
  readonly name: string;
  readonly summaries: readonly Summary[];
  readonly methods: readonly CompensationMethod[];
}): JSX.Element {
  const times = [...new Set(summaries.map(({ timeSeconds }) => timeSeconds))];
  return (
    <details>
      <summary>The numbers</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section class="scroll" tabIndex={0} aria-label={`Accuracies over time of ${name}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">time</th>
              {methods.map((method) => (
                <th scope="col" key={method}>
                  {METHOD_WORDS[method]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {times.map((time) => (
              <tr key={time}>
                <th scope="row">{timeWords(time)}</th>
                {methods.map((method) => {
                  const one = summaries.find((s) => s.timeSeconds === time && s.method === method);
                  return <td key={method}>{one === undefined ? '' : intervalWords(one)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

function intervalWords({ mean, low, high }: Summary): string {
  if (low === undefined || high === undefined) return percent(mean);
  return `${percent(low)} … ${percent(high)}`;
}
