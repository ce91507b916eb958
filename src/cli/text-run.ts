// `ohmic run` on a text: digital training, noise training from its weights, evaluation of both on chips, in bits per
// character. Results go to scores.json and scores.csv. Every stage keeps its files, and a finished one is not repeated.

import { join } from 'node:path';
import { throwFaults } from '../base/errors.ts';
import { isTree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import { patternFaults } from '../crossbar/hardware.ts';
import { resolveHardware } from '../crossbar/hardware-choice.ts';
import {
  type EvaluationSettings,
  evaluationFaults,
  methodFaults,
} from '../experiment/evaluation-settings.ts';
import { type Subject, textSubject } from '../experiment/subject.ts';
import { characterNetworkByName, characterNetworkNames } from '../nn/character-networks.ts';
import { scoreRecord } from '../report/scores.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { Task } from '../train/task.ts';
import { checkTextRunSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { evaluateInFolder, type LabelledNetwork, type MeasuredNetworks } from './evaluate-stage.ts';
import { reportScores } from './evaluate-text.ts';
import { interruptible } from './interruption.ts';
import { enterRunFolder } from './run-folder.ts';
import type { RunOptions } from './run-stages.ts';
import type { TextRunSettings } from './settings-schema.ts';
import { readWeights, trainInFolder } from './train-stage.ts';
import { checkAlphabet, loadedText, trainingKind, USUAL_CONTEXT } from './training-kinds.ts';
import { layerFaults } from './training-start.ts';
import { machineOf, type Workplace, withWorkplace } from './workplace.ts';

/** True if settings of a run name a network for texts. */
export function isTextRun(settings: Json | undefined): boolean {
  return isTree(settings) && characterNetworkNames.some((name) => name === settings['model']);
}

/**
 * Runs an experiment on a text in a folder and leaves its scores there.
 *
 * @throws UsageError for impossible settings, missing data, or a folder that holds another run; Interruption if stopped
 */
export async function runTextInFolder(
  settings: TextRunSettings,
  { folder, resume, resumeCommand, flags, progress }: RunOptions,
): Promise<void> {
  await withWorkplace({ ...flags, backend: settings.backend, progress }, async (place) => {
    const { data, model, from } = settings;
    const { context = USUAL_CONTEXT } = data;
    const { dataset, text } = await loadedText(data, { folder: flags.data });
    const network = characterNetworkByName(model, { context, symbols: text.alphabet.length });
    const given = from === undefined ? undefined : await readWeights(from, network);
    checkAlphabet(`run: ${from}`, given, text);
    const subject = await textSubject({ network, dataset, text, context });
    const task = subject.task(settings.training);
    // Checked before hours of training.
    throwFaults('run', runFaults(settings, subject, task));
    enterRunFolder(folder, { ...settings, backend: place.engine.backend.name } as unknown as Json, {
      resume,
      complete: (stored) => checkTextRunSettings(folder, stored) as unknown as Json,
    });
    progress.line(`${model} on ${dataset}, in ${folder}, ${place.engine.backend.description}`);
    const json = flags.json ?? false;
    await interruptible(resumeCommand, (signal) =>
      runStages(settings, { folder, subject, task, given, place, signal, json }),
    );
  });
}

function runFaults(settings: TextRunSettings, { network }: Subject, { examples }: Task): string[] {
  const { training, noiseTraining, hardware, evaluation, controlEvaluation } = settings;
  const kind = trainingKind(settings);
  const names = network.layers.map(({ name }) => name);
  const ofEvaluation = (place: string, one: EvaluationSettings | undefined): string[] =>
    one === undefined
      ? []
      : [
          ...evaluationFaults(one, examples),
          ...methodFaults(one, network),
          ...(one.testImages === undefined ? [] : ['testImages: a text has none; leave it out']),
        ].map((fault) => `${place}.${fault}`);
  return [
    ...kind.faults({ ...settings, training }),
    ...(noiseTraining === undefined ? [] : kind.faults({ ...settings, training: noiseTraining })),
    ...layerFaults('training', training, network),
    ...layerFaults('noiseTraining', noiseTraining, network),
    ...patternFaults(resolveHardware(hardware), names).map((fault) => `hardware.${fault}`),
    ...ofEvaluation('evaluation', evaluation),
    ...ofEvaluation('controlEvaluation', controlEvaluation),
  ];
}

type Surroundings = {
  readonly folder: string;
  readonly subject: Subject;
  readonly task: Task;
  /** In place of the digital training. */
  readonly given: TrainedNetwork | undefined;
  readonly place: Workplace;
  readonly signal: AbortSignal;
  readonly json: boolean;
};

async function runStages(settings: TextRunSettings, surroundings: Surroundings): Promise<void> {
  const { folder, subject, task, given, place, signal, json } = surroundings;
  const { seed, training, noiseTraining, evaluation, controlEvaluation } = settings;
  const train = (
    what: { readonly label: string; readonly folder: string },
    one: TrainingSettings,
    initial?: TrainedNetwork,
  ): Promise<TrainedNetwork> =>
    trainInFolder({ ...what, subject, seed, settings: one, initial: initial?.parameters }, place, signal);
  const digital =
    given ?? (await train({ label: 'digital training', folder: join(folder, 'digital') }, training));
  const networks: LabelledNetwork[] = [{ label: 'digital', trained: digital, evaluation: controlEvaluation }];
  if (noiseTraining !== undefined) {
    const what = { label: 'noise training', folder: join(folder, 'noise-trained') };
    networks.push({ label: 'noise-trained', trained: await train(what, noiseTraining, digital) });
  }
  const { network, dataset, score } = subject;
  const hardware = resolveHardware(settings.hardware);
  const measured: MeasuredNetworks = { folder, task, networkOf: () => network, hardware, evaluation, seed };
  const results = await evaluateInFolder(measured, networks, place, signal);
  const record = scoreRecord(
    {
      title: `${network.name} on ${dataset}`,
      ohmic: place.version,
      command: commandLine(),
      machine: machineOf(place),
      seed,
      dataset,
      score: { name: score.name },
      hardware,
      evaluation,
    },
    results,
  );
  reportScores(folder, record, { json });
}
