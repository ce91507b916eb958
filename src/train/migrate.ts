// Converts settings of earlier versions to today's form. Settings files, weights, checkpoints and records pass through
// here before they are checked; no other file knows old forms.

import type { Json } from '../base/schema.ts';

type Tree = { readonly [name: string]: Json | undefined };

function isTree(value: Json | undefined): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Training settings in today's form. Version 0.1.0 knew gradient descent only and had its numbers beside the others:
 * `momentum`, `nesterov`, `weightDecay` are now fields of `rule`.
 *
 * @param raw of any version; a value that is no record, or has `rule` already, is returned unchanged
 */
export function migrateTraining(raw: Json | undefined): Json | undefined {
  if (!isTree(raw) || raw['rule'] !== undefined) return raw;
  const { momentum, nesterov, weightDecay, ...rest } = raw;
  const given = Object.entries({ momentum, nesterov, weightDecay }).filter(
    ([, value]) => value !== undefined,
  );
  return given.length === 0 ? raw : { ...rest, rule: { kind: 'sgd', ...Object.fromEntries(given) } };
}

/** A provenance in today's form: its settings are. */
export function migrateProvenance(raw: Json | undefined): Json | undefined {
  if (!isTree(raw) || raw['settings'] === undefined) return raw;
  return { ...raw, settings: migrateTraining(raw['settings']) };
}
