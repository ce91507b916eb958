// An array of cells as a heat map: a pixel a cell on a canvas, so that it can be drawn anew at every frame. A pointer, or
// the arrow keys, choose a cell, whose values are said below.

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { short } from '../page/words.ts';

/** Colours of a value from 0 to 1, or from −1 to 1. */
export type Palette = 'amount' | 'signed' | 'error';

type Colour = readonly [red: number, green: number, blue: number];

/** From low to high; between them colours are mixed evenly. Blues and oranges can be told apart by all. */
const palettes: Readonly<Record<Palette, readonly Colour[]>> = {
  amount: [
    [20, 24, 40],
    [31, 78, 121],
    [40, 150, 160],
    [150, 205, 120],
    [250, 235, 140],
  ],
  signed: [
    [12, 94, 165],
    [120, 180, 220],
    [246, 246, 244],
    [242, 170, 110],
    [190, 74, 0],
  ],
  error: [
    [94, 40, 130],
    [175, 150, 200],
    [246, 246, 244],
    [150, 200, 160],
    [20, 110, 60],
  ],
};

/** 256 colours as they lie in an image, (red, green, blue, opaque) in the order of bytes. */
function tableOf(colours: readonly Colour[]): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, k) => {
    const at = (k / 255) * (colours.length - 1);
    const [low, high] = [colours[Math.floor(at)]!, colours[Math.ceil(at)]!];
    const mixed = low.map((from, channel) => Math.round(from + (high[channel]! - from) * (at % 1)));
    return (255 << 24) | (mixed[2]! << 16) | (mixed[1]! << 8) | mixed[0]!;
  });
}

const tables = Object.fromEntries(
  Object.entries(palettes).map(([name, colours]) => [name, tableOf(colours)]),
) as Readonly<Record<Palette, Uint32Array>>;

/** How a matrix is drawn: rows run down; of tall matrices across, so that they fit a page. */
export type Layout = {
  readonly isTurned: boolean;
  /** Size of the canvas, a pixel a cell. */
  readonly width: number;
  readonly height: number;
  /** Pixels of the page a cell. */
  readonly size: number;
};

const WIDEST = 340;

/** The layout of a matrix. */
export function layoutOf(rows: number, columns: number): Layout {
  const isTurned = rows > columns;
  const [width, height] = isTurned ? [rows, columns] : [columns, rows];
  return { isTurned, width, height, size: Math.max(1, Math.min(Math.floor(WIDEST / width), 12)) };
}

/** Draws values (rows, columns); `low` and `high` are the ends of the palette. */
export function drawMap(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  {
    isTurned,
    palette,
    low,
    high,
  }: Pick<Layout, 'isTurned'> & {
    readonly palette: Palette;
    readonly low: number;
    readonly high: number;
  },
): void {
  const { width, height } = canvas;
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const table = tables[palette];
  const scale = 255 / (high - low);
  const [across, down] = isTurned ? [height, 1] : [1, width];
  let pixel = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const shade = Math.round((values[y * down + x * across]! - low) * scale);
      pixels[pixel++] = table[Math.max(0, Math.min(255, shade))]!;
    }
  context.putImageData(image, 0, 0);
}

/** What the colours mean. */
export function Legend({ palette, low, high }: Pick<HeatMapProps, 'palette' | 'low' | 'high'>): JSX.Element {
  const colours = palettes[palette].map((rgb) => `rgb(${rgb.join(' ')})`);
  return (
    <p class="legend">
      {short(low)}
      <span style={{ background: `linear-gradient(to right, ${colours.join(', ')})` }} aria-hidden="true" />
      {short(high)} µS
    </p>
  );
}

/** A heat map. */
export type HeatMapProps = {
  readonly title: string;
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  readonly palette: Palette;
  readonly low: number;
  readonly high: number;
  /** What the cell of a place holds, for its readout. */
  readonly describe: (place: number) => string;
};

/** The map with its readout. */
export function HeatMap({ title, rows, columns, values, describe, ...scale }: HeatMapProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState<number | undefined>(undefined);
  const { isTurned, width, height, size } = layoutOf(rows, columns);
  useEffect(
    () => drawMap(canvas.current!, values, { ...scale, isTurned }),
    [values, isTurned, scale.palette, scale.low, scale.high],
  );
  const [across, down] = isTurned ? [columns, 1] : [1, columns];
  const point = ({ offsetX, offsetY }: MouseEvent): void => {
    const { clientWidth, clientHeight } = canvas.current!;
    const x = Math.min(width - 1, Math.floor((offsetX / clientWidth) * width));
    const y = Math.min(height - 1, Math.floor((offsetY / clientHeight) * height));
    setPlace(Math.max(0, x) * across + Math.max(0, y) * down);
  };
  const move = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ...{ ArrowLeft: -across, ArrowRight: across, ArrowUp: -down, ArrowDown: down },
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (place ?? -step) + step;
    if (next >= 0 && next < rows * columns) setPlace(next);
  };
  const words =
    place === undefined
      ? 'Point at a cell, or use the arrow keys.'
      : `row ${Math.floor(place / columns) + 1}, column ${(place % columns) + 1}: ${describe(place)}`;
  return (
    <figure class="map">
      <h3>{title}</h3>
      <canvas
        ref={canvas}
        width={width}
        height={height}
        style={{ width: `${width * size}px`, aspectRatio: `${width} / ${height}` }}
        tabIndex={0}
        role="img"
        aria-label={`${title}: ${rows} rows, which run ${isTurned ? 'across' : 'down'}, ${columns} columns. Arrow keys choose a cell.`}
        onPointerMove={point}
        onPointerDown={point}
        onKeyDown={move}
      />
      <Legend {...scale} />
      <output class="readout">{words}</output>
    </figure>
  );
}
