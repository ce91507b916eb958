// The arrays of a layer as time passes, drawn anew whenever the time changes.

import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { LayerOnChip } from '../worker/messages.ts';
import { driftedInto } from './drift.ts';
import { drawMap, Legend, layoutOf } from './heat-map.tsx';

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
  // Before the next frame is painted; Preact does not render more often than that.
  useLayoutEffect(() => {
    if (net.current.length !== rows * columns) net.current = new Float32Array(rows * columns);
    driftedInto(net.current, layer, timeSeconds);
    drawMap(canvas.current!, net.current, { isTurned, palette: 'signed', low: -gMax, high: gMax });
    const { dataset } = canvas.current!;
    dataset['frames'] = String(Number(dataset['frames'] ?? 0) + 1);
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
      <Legend palette="signed" low={-gMax} high={gMax} />
      <figcaption>
        Layer {layer.name} {words} after programming: the plus cell minus the minus cell of every weight,
        without read noise.
      </figcaption>
    </figure>
  );
}
