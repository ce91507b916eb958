// The scene in which weights go to cells: hardware as a preset or changed field by field, the arrays as heat maps, all
// conductances as a histogram.

import * as Plot from '@observablehq/plot';
import { useSignalEffect } from '@preact/signals';
import { hardwareNames } from 'ohmic';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { Chart } from '../charts/chart.tsx';
import { HeatMap } from '../charts/heat-map.tsx';
import { Choice, NumberField } from '../page/field.tsx';
import { attempt, chip, go, hardware, link, program, weights } from '../page/lab.ts';
import { NeedsWeights } from '../page/needs-weights.tsx';
import { count, short } from '../page/words.ts';
import type { ChipView, LayerOnChip } from '../worker/messages.ts';
import { HardwareForm } from './hardware-form.tsx';

/** The scene. */
export function ProgramScene(): JSX.Element {
  useSignalEffect(() => {
    if (weights.value === undefined || 'faults' in hardware.value) return;
    // Read here, so that another chip or seed is programmed too.
    void [link.value.chip, link.value.seed];
    attempt(program);
  });
  const { hardware: preset } = link.value;
  const view = chip.value;
  return (
    <>
      <Verdict />
      <div class="row">
        <Choice
          label="Hardware"
          value={preset}
          options={hardwareNames.map((name) => [name, name] as const)}
          onChange={(next) => go({ hardware: next, changes: '' })}
        />
        <NumberField
          label="Chip number"
          {...{ value: link.value.chip, min: 0, max: 99_999 }}
          onChange={(next) => go({ chip: next })}
        />
        {view !== undefined && view.layers.length > 0 && <LayerChoice view={view} />}
        {weights.value !== undefined && (
          <button type="button" class="main" onClick={() => go({ scene: 'time' })}>
            Let time pass →
          </button>
        )}
      </div>
      <HardwareForm />
      <NeedsWeights />
      {view !== undefined && <Arrays view={view} />}
    </>
  );
}

function Verdict(): JSX.Element {
  const view = chip.value;
  if (view === undefined)
    return (
      <p class="verdict">
        Every weight becomes the difference of two conductances. Cells take what is written only roughly.
      </p>
    );
  const cells = view.layers.reduce((sum, { rows, columns }) => sum + 2 * rows * columns, 0);
  return (
    <p class="verdict">
      <strong>{count(cells)}</strong> cells of {view.hardware.cell.name} hold the weights of{' '}
      {view.layers.length} layers, two cells a weight. They miss their targets by{' '}
      <strong>{short(rootMeanSquare(view))} µS</strong> in the root mean square.
    </p>
  );
}

function rootMeanSquare({ layers }: ChipView): number {
  let [sum, cells] = [0, 0];
  for (const { targets, programmed } of layers)
    for (const [k, target] of targets.entries()) {
      const held = programmed[k]!;
      for (let at = 0; at < target.length; at++) sum += (held[at]! - target[at]!) ** 2;
      cells += target.length;
    }
  return Math.sqrt(sum / Math.max(1, cells));
}

/** The layer of the link, or the largest. */
export function shownLayer({ layers }: ChipView): LayerOnChip {
  const named = layers.find(({ name }) => name === link.value.layer);
  return named ?? layers.reduce((a, b) => (b.rows * b.columns > a.rows * a.columns ? b : a));
}

/** A choice among the layers of a chip. */
export function LayerChoice({ view }: { readonly view: ChipView }): JSX.Element {
  return (
    <Choice
      label="Layer"
      value={shownLayer(view).name}
      options={view.layers.map(({ name, rows, columns }) => [name, `${name}: ${rows} x ${columns}`] as const)}
      onChange={(layer) => go({ layer })}
    />
  );
}

function Arrays({ view }: { readonly view: ChipView }): JSX.Element {
  if (view.layers.length === 0) return <p>Every layer of this hardware is digital: nothing is programmed.</p>;
  return <LayerMaps layer={shownLayer(view)} view={view} />;
}

function LayerMaps({ layer, view }: { readonly layer: LayerOnChip; readonly view: ChipView }): JSX.Element {
  const { rows, columns, targets, programmed, gMax } = layer;
  const [target, net, error] = useMemo(() => {
    const wanted = difference(targets[0], targets[1]);
    const held = difference(programmed[0], programmed[1]);
    return [wanted, held, difference(held, wanted)];
  }, [targets, programmed]);
  // Four standard deviations of a usual chip.
  const spread = Math.max(0.1 * gMax, 1e-9);
  const describe = (place: number): string =>
    `target ${short(target[place]!)} µS, programmed ${short(net[place]!)} µS, error ${short(error[place]!)} µS`;
  const common = { rows, columns, describe };
  return (
    <>
      <h3>Layer {layer.name}: the plus cell minus the minus cell of every weight</h3>
      <div class="panels">
        <HeatMap title="Targets" {...common} values={target} palette="signed" low={-gMax} high={gMax} />
        <HeatMap title="Programmed" {...common} values={net} palette="signed" low={-gMax} high={gMax} />
        <HeatMap title="Error" {...common} values={error} palette="error" low={-spread} high={spread} />
      </div>
      <Histogram view={view} />
    </>
  );
}

function difference(plus: Float32Array, minus: Float32Array): Float32Array {
  return plus.map((value, k) => value - minus[k]!);
}

function Histogram({ view }: { readonly view: ChipView }): JSX.Element {
  const options = useMemo((): Plot.PlotOptions => {
    const { edges, targetCounts, programmedCounts } = view;
    const bins = edges.slice(1).map((high, k) => ({
      ...{ low: edges[k]!, high, target: targetCounts[k]!, programmed: programmedCounts[k]! },
    }));
    return {
      ...{ marginLeft: 58, marginTop: 28 },
      x: { label: 'conductance (µS)' },
      y: {
        type: 'symlog',
        label: null,
        grid: true,
        ticks: [0, 10, 100, 1000, 10_000, 100_000],
        tickFormat: count,
      },
      marks: [
        Plot.rectY(bins, {
          x1: 'low',
          x2: 'high',
          y: 'programmed',
          fill: 'var(--global)',
          fillOpacity: 0.55,
        }),
        Plot.line(bins, {
          x: 'low',
          y: 'target',
          curve: 'step-after',
          stroke: 'var(--none)',
          strokeWidth: 1.5,
        }),
        Plot.ruleY([0]),
      ],
    };
  }, [view]);
  return (
    <Chart
      label="Histogram of the conductances of all cells: targets and programmed"
      options={options}
      height={220}
      caption="Conductances of all cells of the chip: as targets (line) and as programmed (bars). Cells are counted logarithmically."
    />
  );
}
