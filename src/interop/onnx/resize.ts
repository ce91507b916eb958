// Resize: nearest and linear interpolation, axis by axis. Which pixels an output is made of depends on sizes alone, so
// it is known before anything is computed.

import type { Tensor } from '../../graph/tensor.ts';
import { taken } from './indexing.ts';
import type { NodeBuilder, Operators, Step } from './step.ts';
import { hostValue, placeOf } from './value.ts';

type AxisResize = { readonly from: number; readonly to: number; readonly scale: number };

/** The place in the input of output pixel `x`, in pixels. */
type Coordinate = (x: number, axis: AxisResize) => number;

const f32 = Math.fround;

const half: Coordinate = (x, { scale }) => f32(f32((x + 0.5) / scale) - 0.5);

/** In float32, as ONNX Runtime does: a place that is whole there must be whole here. */
const coordinates: Readonly<Record<string, Coordinate>> = {
  half_pixel: half,
  pytorch_half_pixel: (x, axis) => (axis.to > 1 ? half(x, axis) : 0),
  align_corners: (x, { from, to }) => (to > 1 ? f32((x * (from - 1)) / (to - 1)) : 0),
  asymmetric: (x, { scale }) => f32(x / scale),
  half_pixel_symmetric: (x, axis) => {
    const adjustment = axis.to / (axis.scale * axis.from);
    return f32((axis.from / 2) * (1 - adjustment) + half(x, axis));
  },
};

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Before version 11 the operators do not say; ONNX Runtime rounds up where images shrink. */
const oldRounding = ({ scale }: AxisResize): ((x: number) => number) => (scale < 1 ? Math.ceil : Math.floor);

const clamp = (x: number, size: number): number => Math.min(Math.max(x, 0), size - 1);

function resizes(step: Step): readonly AxisResize[] {
  const dims = step.dims(0);
  const scalesAt = step.opset < 11 ? 1 : 2;
  const axes = (step.numbersOf('axes') ?? dims.map((_, axis) => axis)).map((axis) =>
    step.axis(axis, dims.length),
  );
  const scales = step.has(scalesAt) ? step.list(scalesAt)! : [];
  const attribute = step.numbersOf('scales');
  const given = scales.length > 0 ? scales : (attribute ?? []);
  const wanted = step.opset >= 11 && step.has(3) ? step.list(3)! : [];
  const policy = step.textOf('keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') throw step.fault(`keep_aspect_ratio_policy "${policy}", expected stretch`);
  return dims.map((from, axis) => {
    const k = axes.indexOf(axis);
    if (k < 0) return { from, to: from, scale: 1 };
    // A size of the batch is that of the file's example.
    if (wanted.length > 0 && axis === 0) return { from, to: from, scale: 1 };
    if (wanted.length > 0) return { from, to: wanted[k]!, scale: f32(wanted[k]! / from) };
    const scale = given[k] ?? 1;
    return { from, to: Math.floor(f32(from * scale)), scale };
  });
}

const MOST_PIXELS = 65_536;

const resize: NodeBuilder = (step) => {
  const mode = step.textOf('mode', 'nearest');
  const transformation =
    step.opset < 11 ? 'asymmetric' : step.textOf('coordinate_transformation_mode', 'half_pixel');
  const coordinate = coordinates[transformation];
  if (coordinate === undefined)
    throw step.fault(
      `coordinate_transformation_mode "${transformation}", expected ${Object.keys(coordinates).join(', ')}`,
    );
  if (mode !== 'nearest' && mode !== 'linear') throw step.fault(`mode "${mode}", expected nearest or linear`);
  if (step.numberOf('antialias', 0) !== 0) throw step.fault('antialias 1 is not supported');
  const rounding = step.opset < 11 ? undefined : roundings[step.textOf('nearest_mode', 'round_prefer_floor')];
  if (rounding === undefined && step.opset >= 11)
    throw step.fault(`nearest_mode, expected ${Object.keys(roundings).join(', ')}`);
  const x = step.symbol(0);
  let { tensor } = x;
  for (const [axis, one] of resizes(step).entries()) {
    if (!(Number.isInteger(one.to) && one.to >= 1 && one.to <= MOST_PIXELS))
      throw step.fault(`a size of ${one.to} along axis ${axis}`);
    if (one.to === one.from && one.scale === 1) continue;
    const at = placeOf(x, axis);
    const found = Array.from({ length: one.to }, (_, k) => coordinate(k, one));
    tensor =
      mode === 'nearest'
        ? nearest(
            step,
            tensor,
            at,
            found.map((place) => clamp((rounding ?? oldRounding(one))(place), one.from)),
          )
        : linear(
            step,
            tensor,
            at,
            found.map((place) => clamp(place, one.from)),
          );
  }
  return { ...x, tensor };
};

function nearest(step: Step, x: Tensor, axis: number, indices: readonly number[]): Tensor {
  const size = x.shape[axis]!;
  const factor = indices.length / size;
  const isRepeated =
    Number.isInteger(factor) && indices.every((index, k) => index === Math.floor(k / factor));
  if (!isRepeated) return taken(step, x, axis, indices, `pixels${axis}`);
  const split = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)];
  const stretched = split.map((one, k) => (k === axis + 1 ? factor : one));
  return x
    .reshape(split)
    .broadcastTo(stretched)
    .reshape(x.shape.map((one, k) => (k === axis ? size * factor : one)));
}

/** The two pixels beside a place, weighted by their distances. */
function linear(step: Step, x: Tensor, axis: number, at: readonly number[]): Tensor {
  const size = x.shape[axis]!;
  const before = at.map((place) => Math.floor(place));
  const after = before.map((place) => Math.min(place + 1, size - 1));
  const [low, high] = [
    taken(step, x, axis, before, `before${axis}`),
    taken(step, x, axis, after, `after${axis}`),
  ];
  const shares = hostValue(
    Float32Array.from(at, (place, k) => place - before[k]!),
    x.shape.map((_, k) => (k === axis ? at.length : 1)),
    { name: `${step.node.name}.shares${axis}`, kind: 'float' },
  );
  return low.add(high.subtract(low).multiply(step.lift(shares).tensor));
}

/** The operators. */
export const resizing: Operators = { Resize: resize, Upsample: resize };
