// The door for settings, wherever they come from: complete and checked, or all faults at once.

import type { z } from 'zod';
import { invariant, throwFaults } from '../base/errors.ts';
import { valueAt } from '../base/value-at.ts';
import { type Json, mergeSettings } from './settings-merge.ts';
import { type RunSettings, runSchema, type TrainSettings, trainSchema } from './settings-schema.ts';
import { unknownName } from './suggest.ts';

/**
 * Settings of a training run, complete.
 *
 * @param where what holds them, for errors
 * @throws UsageError that lists all faults
 */
export function checkTrainSettings(where: string, raw: Json | undefined): TrainSettings {
  return check(trainSchema, where, raw);
}

/**
 * Settings of a whole run, complete: noise training takes what it does not say from the digital one, a sweep over
 * training noise from the noise training, every evaluation from the main one. Throws likewise.
 */
export function checkRunSettings(where: string, raw: Json | undefined): RunSettings {
  const { training, noiseTraining, evaluation, controlEvaluation, noiseSweep } = (raw ?? {}) as {
    readonly [name: string]: Json | undefined;
  };
  const noisy = mergeSettings(training, noiseTraining);
  const inherited = {
    ...(noiseTraining === undefined ? {} : { noiseTraining: noisy }),
    ...(controlEvaluation === undefined
      ? {}
      : { controlEvaluation: mergeSettings(evaluation, controlEvaluation) }),
    ...(noiseSweep === undefined
      ? {}
      : { noiseSweep: mergeSettings({ training: noisy, evaluation }, noiseSweep) }),
  };
  return check(runSchema, where, mergeSettings(raw, inherited));
}

/**
 * A value that a schema accepts.
 *
 * @throws UsageError that lists all faults: `training.epochs: expected number to be >=0, got −1`
 */
export function check<T>(schema: z.ZodType<T>, where: string, raw: unknown): T {
  const checked = schema.safeParse(raw ?? {});
  if (!checked.success) {
    throwFaults(
      where,
      checked.error.issues.flatMap((issue) => issueTexts(issue, raw)),
    );
  }
  invariant(checked.success, 'a failed check has faults');
  return checked.data;
}

function issueTexts(issue: z.core.$ZodIssue, raw: unknown): string[] {
  const came = valueAt(raw, issue.path);
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // A name or a specification: only the alternative that was meant is of interest.
    const meant = issue.errors[typeof came === 'object' && came !== null ? 1 : 0] ?? [];
    return meant.flatMap((inner) => issueTexts({ ...inner, path: [...issue.path, ...inner.path] }, raw));
  }
  const place = issue.path.join('.');
  if (issue.code === 'invalid_union' && 'options' in issue) {
    return [`${place}: ${unknownName(came, (issue.options ?? []).map(String))}`];
  }
  const message = issue.message.replace(
    /^(Too small|Too big|Invalid input|Invalid discriminator value)[:.] /,
    '',
  );
  const isComplete =
    issue.code === 'custom' || issue.code === 'unrecognized_keys' || message.includes(', got ');
  const text = isComplete ? message : `${message}, got ${JSON.stringify(came) ?? 'nothing'}`;
  // zod says what came by its type; the value says more.
  return [(place === '' ? text : `${place}: ${text}`).replace(/, received \w+(?=, got )/, '')];
}
