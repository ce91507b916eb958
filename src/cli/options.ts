// Options that several commands share, in commander's form, and the parsers of their values.

import { type Command, InvalidArgumentError } from 'commander';
import { check } from '../base/schema.ts';
import { hardwareNames } from '../crossbar/hardware-choice.ts';
import {
  type EvaluationSettings,
  evaluationSchema,
  loraDefaults,
} from '../experiment/evaluation-settings.ts';
import { BACKEND_CHOICES } from '../node/backend-choice.ts';
import { withCompanions } from './companions.ts';
import { type Progress, progressOn, silentProgress } from './progress.ts';
import { imagesNames } from './settings-schema.ts';
import { countOrText, shareOrText } from './values.ts';

/** Names of data sets, for help. */
export const datasets: string = imagesNames.join(', ');

/** Where kernels run. */
export function engineOptions(command: Command): Command {
  return command
    .option('--backend <name>', `where kernels run: ${BACKEND_CHOICES.join(', ')} (default: auto)`)
    .option('--threads <n>', 'worker threads (default: one per processor)', countingNumber);
}

/** An engine, data sets, progress. */
export function dataOptions(command: Command): Command {
  return folderOption(quietOption(engineOptions(command)));
}

/** The folder of data sets. */
export function folderOption(command: Command): Command {
  return command.option(
    '--data <folder>',
    'folder of data sets (default: OHMIC_DATA, then a download into OHMIC_CACHE)',
  );
}

/** Work in a folder that can be continued. */
export function workOptions(command: Command): Command {
  return dataOptions(command).option('--resume', 'continue the run in the folder');
}

/** Time between checkpoints. */
export function checkpointOption(command: Command): Command {
  return command.option(
    '--checkpoint-minutes <minutes>',
    'time between checkpoints of a training (default: 2)',
    positiveNumber,
  );
}

/** No progress on stderr. */
export function quietOption(command: Command): Command {
  return command.option('--quiet', 'no progress');
}

/** The table as JSON. */
export function jsonOption(command: Command): Command {
  return command.option('--json', 'print JSON instead of a table');
}

/** Changes of fields by their paths; `what` names the fields. */
export function setOption(command: Command, what: string): Command {
  return command.option('--set <path=value>', `${what}; may be given again`, collected);
}

/** Hardware and its changes. */
export function hardwareOptions(command: Command, fallback?: string): Command {
  const changed = setOption(
    command.option(
      '--hardware <name>',
      `${hardwareNames.join(', ')}, or a file (ohmic presets, ohmic schema hardware)`,
      fallback,
    ),
    'change a field of the hardware: adc.bits=4, layers."stage1.*"=digital',
  );
  return keepDigitalOption(changed);
}

/** Layers that are not on the chip. */
export function keepDigitalOption(command: Command): Command {
  return command.option('--keep-digital <layers>', "layers that stay digital, as 'stem*,dense'");
}

/**
 * How networks are measured on chips; defaults are those of the evaluation's schema.
 *
 * @param methods the command's option that names methods of compensation
 */
export function measurementOptions(command: Command, methods: string, hardware = 'joshi2020'): Command {
  const { chips, calibrationImages, adabs } = evaluationDefaults;
  jsonOption(hardwareOptions(workOptions(command), hardware))
    .option('--chips <n>', `chips to program (default: ${chips})`)
    .option('--dataset <name>', 'data set to evaluate on (default: the one trained on)')
    .option('--train-images <n>', 'only the first n training images for AdaBS and converter ranges')
    .option('--test-images <n>', 'only the first n test images')
    .option('--lora-rank <n>', `LoRA: rank of the corrections (default: ${loraDefaults.rank})`)
    .option('--lora-steps <n>', `LoRA: training steps for every read (default: ${loraDefaults.steps})`)
    .option('--lora-batch-size <n>', `LoRA: examples of a step (default: ${loraDefaults.batchSize})`)
    .option('--lora-rate <r>', `LoRA: rate of the first step (default: ${loraDefaults.rate})`)
    .option('--adabs-batches <n>', `AdaBS: batches of training images (default: ${adabs.batches})`)
    .option('--adabs-batch-size <n>', `AdaBS: images of a batch (default: ${adabs.batchSize})`)
    .option(
      '--adabs-augmentation <crop,cutout>',
      'AdaBS: padding for crops and side of the cutout in pixels, as 4,8; images are mirrored too; use what the training used',
    )
    .option(
      '--calibration-images <n>',
      `training images that set converter ranges, unless they were learned (default: ${calibrationImages})`,
    )
    .option('--seed <n>', 'seed of all random draws', '0');
  const ofMethod = (method: string): string[] =>
    command.options.flatMap(({ long }) => (long?.startsWith(`--${method}-`) ? [long] : []));
  return withCompanions(
    command,
    ['lora', 'adabs'].map((method) => ({
      options: ofMethod(method),
      beside: methods,
      holding: method,
      add: method,
    })),
  );
}

/** The default settings of an evaluation. */
export const evaluationDefaults: EvaluationSettings = check(evaluationSchema, 'defaults', {});

/** Progress on stderr, or none. */
export function progressFor({ quiet = false }: { readonly quiet?: boolean }): Progress {
  return quiet ? silentProgress : progressOn(process.stderr);
}

/** A whole number from 1. */
export function countingNumber(text: string): number {
  const value = countOrText(text);
  if (typeof value === 'string' || !Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}

/** A port, from 0, which is any that is free. */
export function portNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(Number.isInteger(value) && value >= 0 && value <= 65_535))
    throw new InvalidArgumentError('Expected a port, a whole number from 0 to 65535.');
  return value;
}

/** A number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** A share from 0, as 0.038 or 3.8%. */
export function shareNumber(text: string): number {
  const value = shareOrText(text);
  if (typeof value === 'string' || value < 0)
    throw new InvalidArgumentError('Expected a number from 0, as 0.038 or 3.8%.');
  return value;
}

/** The values of an option that may be given again. */
export function collected(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Removes the `true` that commander sets for a --no-… flag that was not given, so that the settings decide. */
export function givenFlags<F extends object>(flags: F, command: Command): F {
  const given = Object.entries(flags).filter(([name]) => command.getOptionValueSource(name) !== 'default');
  return Object.fromEntries(given) as F;
}
