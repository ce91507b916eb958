// stub
import type { Shape } from '../base/shape.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
export type DeviceValues = Readonly<Record<string, Tensor>>;
export type Draw = () => Tensor;
export type PulseDeviceSpec = { readonly kind: 'pcm-pulses'; gMax: number };
export type PulseModel = {
  readonly states: readonly string[];
  readonly parameters: readonly string[];
  readonly fabricate: (shape: Shape, key: GraphKey) => DeviceValues;
  readonly pulse: (values: DeviceValues, isUp: Tensor, draw: Draw) => DeviceValues;
  readonly reset: (values: DeviceValues, draw: Draw) => DeviceValues;
  readonly at: (values: DeviceValues, value: Tensor) => DeviceValues;
  readonly readVariance: (values: DeviceValues) => Tensor;
  readonly hasReadNoise: boolean;
  readonly granularity: number;
  readonly range: readonly [low: number, high: number];
  readonly isOneSided: boolean;
};
export function pulseModel({ gMax }: PulseDeviceSpec): PulseModel {
  return {
    states: ['value', 'pulses'],
    parameters: [],
    hasReadNoise: true,
    granularity: 0.77,
    range: [0.1, gMax],
    isOneSided: true,
    fabricate: (shape, key) => ({
      value: key.normal(shape).multiply(0.01).add(0.1),
      pulses: key.normal(shape).multiply(0),
    }),
    pulse: ({ value: g, pulses: n }, _isUp, draw) => {
      const p = n!.multiply(-1 / 2.6).exp();
      const mean = g!.multiply(-0.084).add(0.88).add(p.multiply(1.4));
      const sd = g!.multiply(0.091).add(0.26).add(p.multiply(2.15));
      return { value: g!.add(mean).add(sd.multiply(draw())).clip(0.1, gMax), pulses: n!.add(1) };
    },
    reset: ({ value }, draw) => ({
      value: draw().multiply(0.01).add(0.1),
      pulses: constant(value!, 0).broadcastTo(value!.shape),
    }),
    at: (_values, value) => ({ value, pulses: value.multiply(value).multiply(0.14) }),
    readVariance: ({ value }) => value!.multiply(0.03).add(0.13).square(),
  };
}
