// The update rule of settings, digital or in cells.

import { assertNever } from '../base/errors.ts';
import { type DescentSettings, descent } from '../rules/descent.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import type { LayerMapping } from './layers.ts';
import { mixedPrecision } from './mixed-precision.ts';
import { pulsedDescent } from './pulsed.ts';
import type { UpdateRuleSettings } from './settings.ts';
import { tikiTaka } from './tiki-taka.ts';

/**
 * The rule of these settings.
 *
 * @param mapping of the layers on arrays; absent: all are, each weight in one device or pair
 */
export function updateRule(settings: UpdateRuleSettings, mapping: LayerMapping = () => ({})): UpdateRule {
  switch (settings.kind) {
    case 'sgd':
    case 'adam':
    case 'adamw':
      return descent(settings);
    case 'mixed-precision':
      return mixedPrecision({ ...settings, descent: descent(settings.descent), mapping });
    case 'pulsed':
      return pulsedDescent({ ...settings, digital: descent(settings.digital), mapping });
    case 'tiki-taka': {
      const { device, slowDevice = device } = settings;
      return tikiTaka({ ...settings, slowDevice, digital: descent(settings.digital), mapping });
    }
    default:
      return assertNever(settings);
  }
}

/** The settings of the descent in floating point that a rule in cells stands for: its twin. */
export function twinOf(settings: UpdateRuleSettings): DescentSettings {
  switch (settings.kind) {
    case 'mixed-precision':
      return settings.descent;
    case 'pulsed':
    case 'tiki-taka':
      return settings.digital;
    default:
      return settings;
  }
}
