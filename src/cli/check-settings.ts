// Checks settings files of all versions: returns complete settings, or lists all faults at once. Parts without a field
// take it from other parts; the suggestions of a data set come before the defaults of a schema.

import type { z } from 'zod';
import { InternalError, throwFaults } from '../base/errors.ts';
import { isTree, mergeSettings, type Tree } from '../base/merge.ts';
import { check, examine, type Json } from '../base/schema.ts';
import { arraysOf, hasIdealPeriphery } from '../crossbar/hardware.ts';
import { chosenHardwareSchema } from '../crossbar/hardware-choice.ts';
import { isNamedSet, namedSets } from '../data/named-sets.ts';
import { photosAugmentation } from '../data/usual-photos.ts';
import { isPairName } from '../train/gan.ts';
import { rangeLearningDefaults } from '../train/settings.ts';
import { laySettings, layTrainings, withKinds } from './lay-settings.ts';
import {
  PHOTOS,
  type RunSettings,
  runSchema,
  type TextRunSettings,
  type TrainSettings,
  textRunSchema,
  trainSchema,
} from './settings-schema.ts';

/**
 * Settings of a training run, complete.
 *
 * @param where the file or command, for errors
 * @throws UsageError that lists all faults
 */
export function checkTrainSettings(where: string, raw: Json | undefined): TrainSettings {
  const fields = fieldsOf(laySettings(raw));
  return check(trainSchema, where, {
    ...fields,
    training: completed(withoutNone(layTrainings(suggested(fields), fields['training'] ?? {}))),
  });
}

/**
 * Settings of a whole run, complete: noise training takes missing fields from the digital training, a sweep over
 * training noise from the noise training, every evaluation from the main one. Throws likewise.
 */
export function checkRunSettings(where: string, raw: Json | undefined): RunSettings {
  return checkHeirs(where, runSchema, laidRun(raw));
}

/** Settings of a run on a text, complete; likewise. */
export function checkTextRunSettings(where: string, raw: Json | undefined): TextRunSettings {
  return checkHeirs(where, textRunSchema, laidRun(raw));
}

/** Settings of a run whose parts have their fields from one another. */
function laidRun(raw: Json | undefined): Json {
  const fields = fieldsOf(laySettings(raw));
  const { training = {}, noiseTraining, evaluation = {}, controlEvaluation, noiseSweep, ...rest } = fields;
  const digital = withoutNone(layTrainings(suggested(fields), training));
  const noisy = withoutNone(layTrainings(digital, noiseTraining), digital);
  const sweep = laySettings({ training: noisy, evaluation }, noiseSweep);
  return {
    ...rest,
    training: completed(digital),
    ...(noiseTraining === undefined ? {} : { noiseTraining: completed(noisy) }),
    evaluation,
    ...(controlEvaluation === undefined
      ? {}
      : { controlEvaluation: mergeSettings(evaluation, controlEvaluation) }),
    ...(noiseSweep === undefined
      ? {}
      : {
          noiseSweep: isTree(sweep)
            ? { ...sweep, training: completed(withoutNone(sweep['training'], noisy)) }
            : sweep,
        }),
  } as Json;
}

/** A training without `averaging: none`, unless the part that it takes its fields from has an average. */
function withoutNone(training: Json | undefined, from?: Json): Json | undefined {
  const { averaging, ...rest } = fieldsOf(training);
  const { averaging: inherited = 'none' } = fieldsOf(from);
  return averaging === 'none' && inherited === 'none' ? rest : training;
}

/** Parts of a run, and the parts from which they take what they do not say, nearest first. */
const HEIRS: Readonly<Record<string, readonly string[]>> = {
  noiseTraining: ['training'],
  controlEvaluation: ['evaluation'],
  'noiseSweep.training': ['noiseTraining', 'training'],
  'noiseSweep.evaluation': ['evaluation'],
};

/** Checks a run, whose parts have their fields from others; a fault that a part has from another is said there, once. */
function checkHeirs<T>(where: string, schema: z.ZodType<T>, raw: Json): T {
  const { data, faults } = examine(schema, raw);
  if (data !== undefined) return data;
  const isInherited = (fault: string): boolean =>
    Object.entries(HEIRS).some(
      ([heir, parts]) =>
        /^[.:]/.test(fault.slice(heir.length)) &&
        fault.startsWith(heir) &&
        parts.some((part) => faults.includes(`${part}${fault.slice(heir.length)}`)),
    );
  throwFaults(
    where,
    faults.filter((fault) => !isInherited(fault)),
  );
  throw new InternalError('internal: settings without faults were refused');
}

function fieldsOf(raw: Json | undefined): Tree {
  return isTree(raw) ? raw : {};
}

/** The settings that the data set suggests for a training: augmentation that keeps the content of its images. */
function suggested(settings: Tree): Json | undefined {
  const { dataset } = fieldsOf(settings['data']);
  const { model } = settings;
  // Changed images are no examples of what is to be generated.
  if (typeof model === 'string' && isPairName(model)) return undefined;
  if (dataset === PHOTOS) return { augmentation: photosAugmentation as unknown as Json };
  if (typeof dataset !== 'string' || !isNamedSet(dataset)) return undefined;
  return { augmentation: namedSets[dataset].augmentation };
}

/** Adds the fields that others imply: kinds; how ranges are learned, if the hardware has converters. */
function completed(training: Json | undefined): Json | undefined {
  const named = withKinds(training);
  if (!isTree(named) || named['ranges'] !== undefined) return named;
  const hardware = chosenHardwareSchema.safeParse(named['hardware']);
  if (!hardware.success) return named;
  const isIdeal = arraysOf(hardware.data).every(({ arrays }) => hasIdealPeriphery(arrays));
  return isIdeal ? named : { ...named, ranges: rangeLearningDefaults };
}
