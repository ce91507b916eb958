// The update rule of settings, digital or in cells.

import { assertNever } from '../base/errors.ts';
import { type DescentSettings, descent } from '../rules/descent.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import { mixedPrecision } from './mixed-precision.ts';
import { pulsedDescent } from './pulsed.ts';
import type { UpdateRuleSettings } from './settings.ts';
import { tikiTaka } from './tiki-taka.ts';

/**
 * The rule of these settings.
 *
 * @param isDigital true for the name of a layer whose weights stay digital; absent: for none
 */
export function updateRule(
  settings: UpdateRuleSettings,
  isDigital: (layer: string) => boolean = () => false,
): UpdateRule {
  switch (settings.kind) {
    case 'sgd':
    case 'adam':
    case 'adamw':
      return descent(settings);
    case 'mixed-precision':
      return mixedPrecision({ ...settings, descent: descent(settings.descent), isDigital });
    case 'pulsed':
      return pulsedDescent({ ...settings, digital: descent(settings.digital), isDigital });
    case 'tiki-taka': {
      const { device, slowDevice = device } = settings;
      return tikiTaka({ ...settings, slowDevice, digital: descent(settings.digital), isDigital });
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
