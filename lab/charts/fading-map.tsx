// The arrays of a layer as time passes: g(t) = g₀ ((t + t₀) / t₀)^−ν of every cell, drawn at the next frame whenever the
// time changes. The equation is the library's `driftedConductance`; it stands here again so that nothing waits for the
// engine, and a test compares both. Read noise is left out.

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LayerOnChip } from '../worker/messages.ts';
import { drawMap, layoutOf } from './heat-map.tsx';

/** Difference of the two arrays at a time, (rows, columns), µS. */
export function driftedInto(into: Float32Array, layer: LayerOnChip, timeSeconds: number): void {
  const { programmed, driftExponents, t0 } = layer;
  const age = Math.log1p(timeSeconds / t0);
  const [plus, minus] = programmed;
  const [plusNu, minusNu] = driftExponents;
  for (let k = 0; k < into.length; k++)
    into[k] = plus[k]! * Math.exp(-plusNu[k]! * age) - minus[k]! * Math.exp(-minusNu[k]! * age);
}

/** The map; it says how often it was drawn, so that tests can measure. */
export function FadingMap({
  layer,
  timeSeconds,
  words,
}: {
  readonly layer: LayerOnChip;
  readonly timeSeconds: number;
  readonly words: string;
}): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const net = useRef(new Float32Array(0));
  const { rows, columns, gMax } = layer;
  const { isTurned, width, height, size } = layoutOf(rows, columns);
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (net.current.length !== rows * columns) net.current = new Float32Array(rows * columns);
      driftedInto(net.current, layer, timeSeconds);
      drawMap(canvas.current!, net.current, { isTurned, palette: 'signed', low: -gMax, high: gMax });
      const { dataset } = canvas.current!;
      dataset['frames'] = String(Number(dataset['frames'] ?? 0) + 1);
    });
    return () => cancelAnimationFrame(frame);
  }, [layer, timeSeconds]);
  return (
    <figure class="map">
      <canvas
        ref={canvas}
        width={width}
        height={height}
        style={{ width: `${width * size}px`, aspectRatio: `${width} / ${height}` }}
        role="img"
        aria-label={`Conductances of layer ${layer.name} ${words} after programming, fading as time passes`}
      />
      <figcaption>
        Layer {layer.name} {words} after programming: plus cell minus minus cell, without read noise.
      </figcaption>
    </figure>
  );
}
