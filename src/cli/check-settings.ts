// The door for settings files: of whatever version, complete and checked, or all faults at once. Parts that say less take
// the rest from other parts; what a data set suggests comes before what a schema does.

import { mergeSettings } from '../base/merge.ts';
import { check, type Json } from '../base/schema.ts';
import { isNamedSet, namedSets } from '../data/named-sets.ts';
import { migrateTraining } from '../train/migrate.ts';
import { type RunSettings, runSchema, type TrainSettings, trainSchema } from './settings-schema.ts';

/**
 * Settings of a training run, complete.
 *
 * @param where what holds them, for errors
 * @throws UsageError that lists all faults
 */
export function checkTrainSettings(where: string, raw: Json | undefined): TrainSettings {
  const { training } = fieldsOf(raw);
  return check(trainSchema, where, {
    ...fieldsOf(raw),
    training: withSuggestions(raw, migrateTraining(training ?? {})),
  });
}

/**
 * Settings of a whole run, complete: noise training takes what it does not say from the digital one, a sweep over
 * training noise from the noise training, every evaluation from the main one. Throws likewise.
 */
export function checkRunSettings(where: string, raw: Json | undefined): RunSettings {
  const {
    training = {},
    noiseTraining,
    evaluation = {},
    controlEvaluation,
    noiseSweep,
    ...rest
  } = fieldsOf(raw);
  const digital = withSuggestions(raw, migrateTraining(training));
  const noisy = mergeSettings(digital, migrateTraining(noiseTraining));
  const sweep = mergeSettings({ training: noisy, evaluation }, withMigratedTraining(noiseSweep));
  return check(runSchema, where, {
    ...rest,
    training: digital,
    ...(noiseTraining === undefined ? {} : { noiseTraining: noisy }),
    evaluation,
    ...(controlEvaluation === undefined
      ? {}
      : { controlEvaluation: mergeSettings(evaluation, controlEvaluation) }),
    ...(noiseSweep === undefined ? {} : { noiseSweep: sweep }),
  });
}

/** A record of settings. */
type Fields = { readonly [name: string]: Json | undefined };

/** The fields of a record; of anything else none. */
export function fieldsOf(raw: Json | undefined): Fields {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? (raw as Fields) : {};
}

/** Settings whose `training` is in today's form, whatever else they hold. */
export function withMigratedTraining(raw: Json | undefined): Json | undefined {
  const { training, ...rest } = fieldsOf(raw);
  return training === undefined ? raw : { ...rest, training: migrateTraining(training) };
}

/** Training settings on what their data set suggests: changes of its images that keep what they show. */
function withSuggestions(raw: Json | undefined, training: Json | undefined): Json | undefined {
  const { dataset } = fieldsOf(fieldsOf(raw)['data']);
  if (typeof dataset !== 'string' || !isNamedSet(dataset)) return training;
  return mergeSettings({ augmentation: namedSets[dataset].augmentation }, training);
}
