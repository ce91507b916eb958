// What arrays that learn need of a device, whatever its law: the seam between devices (pulse-device.ts makes one of a
// specification) and the update rules that send pulses.

import type { Shape } from '../base/shape.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';

/** Quantities of an array of devices, each a tensor of one value a device. */
export type DeviceValues = Readonly<Record<string, Tensor>>;

/** Fresh standard normal draws, one a device; every call is another draw. */
export type Draw = () => Tensor;

/**
 * The equations of a device, elementwise over arrays of devices. `pulse`, `reset`, `at`, `leak` and `drifted` have no
 * reductions and draw through `draw` only, so that they may stand in an elementwise loop.
 */
export type PulseModel = {
  /**
   * What pulses change, in order. `value` comes first: the conductance in µS, or the weight of a bidirectional device, as
   * sensed without read noise. Others: `pulses` since RESET, `persistent` value beside an apparent one.
   */
  readonly states: readonly string[];
  /** What is drawn once for each device. */
  readonly parameters: readonly string[];
  /** States and parameters of devices as made: after RESET if one-sided, else at 0, or at the bound that is nearest. */
  readonly fabricate: (shape: Shape, key: GraphKey) => DeviceValues;
  /**
   * The states after one pulse on every device.
   *
   * @param values states and parameters
   * @param isUp   bool, in the shape of the devices; of one-sided devices ignored: every pulse goes up
   */
  readonly pulse: (values: DeviceValues, isUp: Tensor, draw: Draw) => DeviceValues;
  /** The states after a RESET of every device. */
  readonly reset: (values: DeviceValues, draw: Draw) => DeviceValues;
  /**
   * The states of devices that hold `value` exactly, as iterative programming would leave them; beyond the bounds of a
   * device, its bound. PCM: with the pulse count at which the mean curve has that value.
   */
  readonly at: (values: DeviceValues, value: Tensor) => DeviceValues;
  /** False if the value stays as it is between mini-batches: then there is no need to ask for `leak`. */
  readonly isLeaky: boolean;
  /** The states after the leak of one mini-batch; unchanged where nothing leaks. */
  readonly leak: (values: DeviceValues, draw: Draw) => DeviceValues;
  /**
   * What a value has drifted to.
   *
   * @param value value as the last pulse left it
   * @param age   time since that pulse, s, in the shape of the value or (); before t₀ the value is as written
   */
  readonly drifted: (value: Tensor, age: Tensor) => Tensor;
  readonly hasReadNoise: boolean;
  /** Variance of one read, in units of value²; zeros without read noise. */
  readonly readVariance: (values: DeviceValues) => Tensor;
  /**
   * Mean step of one pulse that counts as the granularity ε of update rules, in the unit of the value. Step laws: of a
   * mean device near 0, as aihwkit counts it (`stepGranularity`). PCM: mean over the first 10 pulses after RESET.
   */
  readonly granularity: number;
  /** Nominal range of the value, which weights are mapped to; single devices may go beyond, or not reach it. */
  readonly range: readonly [low: number, high: number];
  readonly isOneSided: boolean;
};
