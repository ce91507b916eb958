// `--cost`: what the work of hardware costs, by the name of published constants or from a file; and `--replicas`.

import { existsSync } from 'node:fs';
import { throwFaults, UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { checkCost } from '../cost/cost-schema.ts';
import type { HardwareCost } from '../cost/cost-spec.ts';
import type { NetworkCount } from '../cost/count.ts';
import type { Replicas } from '../cost/estimate.ts';
import { bottomUp14, costByName, costNames, hermes } from '../cost/published-costs.ts';
import { costFaults } from '../cost/suitable.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { readSettingsFile } from './files.ts';
import { parseList } from './values.ts';

/**
 * The cost that a flag names.
 *
 * @throws UsageError if there is none of that name, or with all faults of the file
 */
export function costFromFlag(text: string): HardwareCost {
  if (costNames.includes(text)) return costByName(text);
  if (existsSync(text)) return checkCost(readSettingsFile(text), text);
  throw new UsageError(`--cost: there is no file of that name; ${unknownName(text, costNames)}`);
}

/** Without a flag: the measured tile if it is the one of the hardware, else the bottom-up tile. */
export function usualCost(count: NetworkCount, hardware: HardwareSpec): HardwareCost {
  return costFaults(count, hardware, hermes).length === 0 ? hermes : bottomUp14;
}

/**
 * Copies of layers, `stem=4,stage1.*=2`.
 *
 * @throws UsageError that lists all parts that can't be read
 */
export function parseReplicas(text: string): Replicas {
  const faults: string[] = [];
  const entries = parseList(text).flatMap((part): [string, number][] => {
    const at = part.lastIndexOf('=');
    const copies = Number(part.slice(at + 1));
    if (at > 0 && Number.isInteger(copies) && copies >= 1) return [[part.slice(0, at), copies]];
    faults.push(`expected a layer and its copies, got "${part}"; write for example stem=4,stage1.*=2`);
    return [];
  });
  throwFaults('--replicas', faults);
  return Object.fromEntries(entries);
}
