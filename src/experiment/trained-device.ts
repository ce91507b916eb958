// Which cells a trained network brings along: those that it was trained in, if it was.

import type { PulseDeviceSpec } from '../cells/pulse-device.ts';
import type { UpdateRuleSettings } from '../insitu/settings.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import type { EvaluationSettings } from './evaluation-settings.ts';

/**
 * The device of the cells that a network was trained in; undefined if there are none, or if the settings want its weights
 * programmed. The weights of Tiki-Taka with a share of the fast array (γ above 0) are in no single array: they are
 * programmed.
 */
export function trainedDeviceOf(
  { provenance, parameters }: TrainedNetwork,
  { cells = 'trained' }: Pick<EvaluationSettings, 'cells'>,
): PulseDeviceSpec | undefined {
  const { settings } = provenance;
  if (cells === 'programmed' || settings === undefined) return undefined;
  const hasCells = Object.keys(parameters).some((name) => name.endsWith('.cells.scale'));
  return hasCells ? deviceOfRule(settings.rule) : undefined;
}

/** The device in which a rule keeps the weights. */
export function deviceOfRule(rule: UpdateRuleSettings): PulseDeviceSpec | undefined {
  switch (rule.kind) {
    case 'mixed-precision':
    case 'pulsed':
      return rule.device;
    case 'tiki-taka':
      return rule.gamma > 0 ? undefined : (rule.slowDevice ?? rule.device);
    default:
      return undefined;
  }
}
