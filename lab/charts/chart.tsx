// A chart of Observable Plot as a part of the page: drawn anew when its marks or its width change. A vertical line may
// move over it without that.

import * as Plot from '@observablehq/plot';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** A chart. */
export type ChartProps = {
  /** What it shows, for people who do not see it. */
  readonly label: string;
  readonly options: Plot.PlotOptions;
  readonly height?: number;
  /** Where the line stands, in the unit of x; absent: no line. */
  readonly cursor?: number;
  readonly caption: string;
};

/** The chart with its caption. `options` should be one value as long as nothing changes. */
export function Chart({ label, options, height = 240, cursor, caption }: ChartProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const line = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const place = useRef<((x: number) => number) | undefined>(undefined);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return;
    const plot = Plot.plot({ marginLeft: 44, marginRight: 12, marginBottom: 38, ...options, width, height });
    // An image has one label; those of its parts are the names of marks.
    for (const part of plot.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
    plot.setAttribute('role', 'img');
    plot.setAttribute('aria-label', label);
    host.current!.replaceChildren(plot);
    const scale = plot.scale('x');
    place.current = scale === undefined ? undefined : (x) => scale.apply(x) as number;
  }, [options, width, height, label]);
  useEffect(() => {
    if (line.current === null || cursor === undefined || place.current === undefined) return;
    line.current.style.left = `${place.current(cursor)}px`;
  }, [cursor, options, width]);
  return (
    <figure>
      <div class="chart">
        <div ref={host} style={{ minHeight: `${height}px` }} />
        {cursor !== undefined && (
          <div class="cursor" ref={line} style={{ top: '20px', height: `${height - 58}px` }} />
        )}
      </div>
      <figcaption>{caption}</figcaption>
    </figure>
  );
}
