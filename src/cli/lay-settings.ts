// Merges settings: a file over another one, and flags over files, for `train` and `run`. The rules are the same
// everywhere, so the same mistake gives the same message. Files of all versions are accepted.

import { isTree, mergeSettings, type Tree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { changeHardware } from '../crossbar/hardware-choice.ts';
import { migrateTraining } from '../train/migrate.ts';

/**
 * Layers of settings, the later over the earlier, in today's form. Hardware that is whole replaces hardware. A learning
 * rate whose `kind` changes keeps its `initial`; elsewhere another kind keeps nothing.
 */
export function laySettings(...layers: readonly (Json | undefined)[]): Json | undefined {
  return layers.map(migrated).reduce((below, over) => lay(below, over), undefined);
}

/** Training settings, the later over the earlier; likewise. */
export function layTrainings(...layers: readonly (Json | undefined)[]): Json | undefined {
  return layers.map(migrateTraining).reduce((below, over) => lay(below, over), undefined);
}

function lay(base: Json | undefined, over: Json | undefined): Json | undefined {
  return mergeSettings(base, over, { hardware: changeHardware, learningRate: layRate });
}

function layRate(base: Json | undefined, over: Json | undefined): Json | undefined {
  const laid = mergeSettings(base, over);
  if (!isTree(base) || !isTree(laid) || base['initial'] === undefined) return laid;
  return { initial: base['initial'], ...laid };
}

/** Settings of a run or a training in today's form. */
function migrated(raw: Json | undefined): Json | undefined {
  if (!isTree(raw)) return raw;
  const { noiseSweep } = raw;
  return withFields(raw, {
    training: migrateTraining(raw['training']),
    noiseTraining: migrateTraining(raw['noiseTraining']),
    noiseSweep: isTree(noiseSweep)
      ? withFields(noiseSweep, { training: migrateTraining(noiseSweep['training']) })
      : noiseSweep,
  });
}

/** A tree with some of its fields replaced; fields that it does not have stay absent. */
function withFields(tree: Tree, values: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => [name, Object.hasOwn(values, name) ? values[name] : value]),
  );
}

/** Training settings with the kinds that their numbers imply: `{ momentum: 0.8 }` means gradient descent. */
export function withKinds(training: Json | undefined): Json | undefined {
  if (!isTree(training)) return training;
  const { learningRate, rule } = training;
  const isStep = isTree(learningRate) && (learningRate['atEpochs'] ?? learningRate['factor']) !== undefined;
  const isAdam = isTree(rule) && (rule['beta1'] ?? rule['beta2'] ?? rule['epsilon']) !== undefined;
  return withFields(training, {
    learningRate: withKind(learningRate, isStep ? 'step' : 'cosine'),
    rule: withKind(rule, isAdam ? 'adam' : 'sgd'),
  });
}

function withKind(value: Json | undefined, kind: string): Json | undefined {
  return isTree(value) && value['kind'] === undefined ? { kind, ...value } : value;
}
