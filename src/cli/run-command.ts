// `ohmic run`: a whole experiment from one settings file: digital training, noise training from its weights, evaluation
// of both. Every stage keeps its files in the run's folder and is not repeated on --resume.

import { join } from 'node:path';
import type { DataSplit } from '../data/image-set.ts';
import { modelByName } from '../nn/models.ts';
import { checkRunSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { defaultRun } from './default-run.ts';
import { evaluateInFolder, type LabelledNetwork } from './evaluate-stage.ts';
import { readSettingsFile } from './files.ts';
import { resolveHardware } from './hardware-choice.ts';
import { interruptible } from './interruption.ts';
import { imageTask, loadData } from './load-data.ts';
import { formatDuration, type Progress } from './progress.ts';
import { enterRunFolder, freshFolder, lastFolder, storedSettings } from './run-folder.ts';
import { type Json, mergeSettings } from './settings-merge.ts';
import type { RunSettings } from './settings-schema.ts';
import { keepBackend, type WorkFlags } from './train-command.ts';
import { trainInFolder } from './train-stage.ts';
import { type Workplace, withWorkplace } from './workplace.ts';

/** Flags of `ohmic run`. */
export type RunFlags = WorkFlags & { readonly out?: string };

/** Runs the experiment of a settings file, or the built-in one. */
export async function runCommand(
  file: string | undefined,
  flags: RunFlags,
  progress: Progress,
): Promise<void> {
  const { resume = false, out } = flags;
  const began = performance.now();
  const where = file ?? 'run';
  const asked = mergeSettings(
    file === undefined ? (defaultRun as unknown as Json) : readSettingsFile(file),
    flags.backend === undefined ? undefined : { backend: flags.backend },
  );
  const usual = join('runs', checkRunSettings(where, asked).name);
  // A settings file names its run; the built-in job may be repeated at will.
  const fresh = file === undefined ? freshFolder : (folder: string): string => folder;
  const folder = out ?? (resume ? lastFolder(usual) : fresh(usual));
  const settings = checkRunSettings(where, keepBackend(asked, resume ? storedSettings(folder) : undefined));
  await withWorkplace({ ...flags, backend: settings.backend, progress }, async (place) => {
    const data = await loadData(settings.data, { folder: flags.data, progress });
    enterRunFolder(folder, { ...settings, backend: place.engine.backend.name } as unknown as Json, {
      resume,
    });
    progress.line(
      `${settings.model} on ${settings.data.dataset}, in ${folder}, ${place.engine.backend.description}`,
    );
    await interruptible(`${commandLine()} --resume`, (signal) =>
      runStages(settings, { folder, data, place, signal }),
    );
  });
  progress.line(`finished in ${formatDuration((performance.now() - began) / 1000)}`);
}

type Surroundings = {
  readonly folder: string;
  readonly data: DataSplit;
  readonly place: Workplace;
  readonly signal: AbortSignal;
};

async function runStages(
  settings: RunSettings,
  { folder, data, place, signal }: Surroundings,
): Promise<void> {
  const { seed, training, noiseTraining, hardware, evaluation } = settings;
  const { dataset } = settings.data;
  const model = modelByName(settings.model, imageTask(data));
  const stage = { model, dataset, data, seed };
  const digital = await trainInFolder(
    { ...stage, label: 'digital training', folder: join(folder, 'digital'), settings: training },
    place,
    signal,
  );
  const networks: LabelledNetwork[] = [{ label: 'digital', network: digital }];
  if (noiseTraining !== undefined) {
    const noisy = await trainInFolder(
      {
        ...stage,
        label: 'noise training',
        folder: join(folder, 'noise-trained'),
        settings: noiseTraining,
        initial: digital.parameters,
      },
      place,
      signal,
    );
    networks.push({ label: 'noise-trained', network: noisy });
  }
  const experiment = {
    title: `${model.name} on ${dataset}`,
    command: commandLine(),
    folder,
    dataset,
    data,
    model: () => model,
    hardware: resolveHardware(hardware),
    evaluation,
    seed,
  };
  await evaluateInFolder(experiment, networks, place, signal);
}
