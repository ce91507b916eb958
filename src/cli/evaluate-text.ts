// `ohmic evaluate` for networks that were trained on a text: chips × times × methods, in bits per character. Results go to
// scores.json and scores.csv; record.json and the report of other networks are about accuracies.

import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { isNamedText, namedTextNames } from '../data/named-texts.ts';
import type { TextSet } from '../data/text.ts';
import { characterTask } from '../experiment/subject.ts';
import { characterNetworkByName } from '../nn/character-networks.ts';
import { jsonText } from '../report/json.ts';
import { printScores, type ScoreRecord, scoreRecord, scoresCsv } from '../report/scores.ts';
import { commandLine } from './command-line.ts';
import { type AskedCost, checkCosts, withCosts } from './cost-stage.ts';
import { evaluateInFolder, type LabelledNetwork, type MeasuredNetworks } from './evaluate-stage.ts';
import { isFirst, type Measurement } from './evaluation-flags.ts';
import { writeWhole } from './files.ts';
import { interruptible } from './interruption.ts';
import { enterRunFolder } from './run-folder.ts';
import { checkAlphabet, loadedText } from './training-kinds.ts';
import { machineOf, type WorkplaceOptions, withWorkplace } from './workplace.ts';

/** What the command was given. */
export type TextEvaluation = {
  readonly networks: readonly LabelledNetwork[];
  /** Files of the networks with their digests. */
  readonly weights: readonly { readonly file: string; readonly sha256: string }[];
  /** A named text, or a file; absent: the text of the training, if it has a name. */
  readonly asked: string | undefined;
  readonly measurement: Measurement;
  readonly cost: AskedCost | undefined;
  readonly out: string;
  readonly resume: boolean;
  readonly json: boolean;
  readonly folder: string | undefined;
  readonly place: WorkplaceOptions;
};

/** Evaluates networks of one text on chips, and leaves the scores in the folder. */
export async function evaluateTexts(options: TextEvaluation): Promise<void> {
  const { networks, weights, measurement, cost, out, resume, json } = options;
  const { evaluation, hardware, seed } = measurement;
  const origins = networks.map(({ trained }) => trained.provenance.text);
  const contexts = origins.map((origin) => origin?.context).filter(isFirst);
  throwFaults('evaluate', [
    ...(origins.includes(undefined) || contexts.length > 1
      ? ['--weights: expected networks of one text with windows of one length; evaluate others by themselves']
      : []),
    ...(measurement.trainImages !== undefined || evaluation.testImages !== undefined
      ? ['--train-images, --test-images: a text has none; leave them out']
      : []),
  ]);
  const [context] = contexts as [number];
  const { asked, dataset, text } = await textOf('evaluate', networks, options);
  const networkOf: MeasuredNetworks['networkOf'] = ({ provenance }) =>
    characterNetworkByName(provenance.model, { context, symbols: text.alphabet.length });
  const task = characterTask(text, context, networkOf(networks[0]!.trained));
  await withWorkplace(options.place, async (place) => {
    const used = place.engine.backend.name;
    const settings = { weights, dataset: asked, hardware, evaluation, seed, backend: used };
    const measured: MeasuredNetworks = { folder: out, task, networkOf, hardware, evaluation, seed };
    checkCosts(measured, networks, cost);
    enterRunFolder(out, { ...settings, ...cost } as unknown as Json, { resume });
    const results = await interruptible(`${commandLine()} --resume`, (signal) =>
      evaluateInFolder(measured, networks, place, signal),
    );
    const models = networks.map(({ trained }) => trained.provenance.model).filter(isFirst);
    const record = scoreRecord(
      {
        title: `${models.join(', ')} on ${hardware.name}`,
        ohmic: place.version,
        command: commandLine(),
        machine: machineOf(place),
        seed,
        dataset,
        score: { name: task.score.name },
        hardware,
        evaluation,
      },
      await withCosts(measured, { networks, results }, cost, place),
    );
    reportScores(out, record, { json });
  });
}

/**
 * The text that networks are measured on: the one that is asked for, else that of their training.
 *
 * @throws UsageError if the training's text was a file and none is named, or a network was trained on other characters
 */
export async function textOf(
  command: string,
  networks: readonly LabelledNetwork[],
  { asked: given, folder }: Pick<TextEvaluation, 'asked' | 'folder'>,
): Promise<{ readonly asked: string; readonly dataset: string; readonly text: TextSet }> {
  const asked = given ?? networks[0]!.trained.provenance.dataset;
  if (given === undefined && !isNamedText(asked))
    throw new UsageError(
      `${command}: the network was trained on the file ${asked}; name it with --dataset, or one of ${namedTextNames.join(', ')}`,
    );
  const loaded = await loadedText(isNamedText(asked) ? { dataset: asked } : { text: asked }, { folder });
  for (const { label, trained } of networks) checkAlphabet(`${command}: ${label}`, trained, loaded.text);
  return { asked, ...loaded };
}

/** Writes scores.json and scores.csv, and prints the table, with `--json` as JSON. */
export function reportScores(
  folder: string,
  record: ScoreRecord,
  { json }: { readonly json: boolean },
): void {
  const file = join(folder, 'scores.json');
  writeWhole(file, jsonText(record));
  writeWhole(join(folder, 'scores.csv'), scoresCsv(record));
  process.stdout.write(json ? jsonText(record) : `${printScores(record)}\nscores: ${file}\n`);
}
