// `ohmic sweep` with its parts and `ohmic worker`, with their flags, in commander's form.

import type { Command } from 'commander';
import { BACKEND_CHOICES } from '../node/backend-choice.ts';
import { withCompanions } from './companions.ts';
import {
  checkpointOption,
  countingNumber,
  folderOption,
  jsonOption,
  positiveNumber,
  progressFor,
  quietOption,
  setOption,
} from './options.ts';
import type { PlanFlags } from './sweep-cluster.ts';
import { BATCH, SILENT_SECONDS, type SweepFlags } from './sweep-flags.ts';
import type { WorkerFlags } from './worker-command.ts';

/** Adds `sweep`, `sweep plan` and `sweep collect`. */
export function addSweep(program: Command): void {
  const sweep = program.command('sweep <file>');
  withCompanions(sweep, [{ options: ['--shared'], beside: '--queue', add: '--queue redis://server' }]);
  workingOptions(jsonOption(fileOptions(checkpointOption(sweep))))
    .description(
      'every combination of settings that a file names: trained, programmed, measured; on this machine or a queue',
    )
    .option('--dry-run', 'show what there is to do and how long it takes, and do nothing')
    .option('--yes', 'more than 100,000 points are no mistake')
    .option('--retry-failed', 'try again what failed')
    .option('--queue <address>', 'have it done by the workers of this queue: redis://host or rediss://host')
    .option('--shard <part>', 'only this part of the sweep, as 3/20 (ohmic sweep plan)')
    .option('--batch <chips>', `the most chips of a job (default: ${BATCH})`, countingNumber)
    .addHelpText('after', SWEEP_EXAMPLES)
    .action(async (file: string, flags: SweepFlags) =>
      (await import('./sweep-command.ts')).sweepCommand(file, flags, progressFor(flags)),
    );
  fileOptions(sweep.command('plan <file>'))
    .description('write the script of a Slurm job array, each job a part of the sweep')
    .requiredOption('--shards <n>', 'jobs', countingNumber)
    .option('--cpus <n>', 'processors of a job', countingNumber, 1)
    .option('--yes', 'more than 100,000 points are no mistake')
    .action(async (file: string, flags: PlanFlags) =>
      (await import('./sweep-cluster.ts')).planCommand(file, flags, progressFor(flags)),
    );
  jsonOption(fileOptions(sweep.command('collect <file>')))
    .description('merge what the jobs have done, and write table and report')
    .action(async (file: string, flags: SweepFlags) =>
      (await import('./sweep-cluster.ts')).collectCommand(file, flags, progressFor(flags)),
    );
}

const SWEEP_EXAMPLES = `
The same command again continues, whatever ended it; values that were added to the file meanwhile are all that is computed.
A password of the queue comes from OHMIC_QUEUE_PASSWORD. docs/sweeps.md has the file's fields.

Examples:
  ohmic sweep examples/sweep-small.yaml --dry-run
  ohmic sweep examples/sweep-small.yaml
  ohmic sweep my-sweep.yaml --queue redis://server     and on any machines: ohmic worker --queue redis://server
  ohmic sweep plan my-sweep.yaml --shards 20           and then: ohmic sweep collect my-sweep.yaml
`;

/** Adds `worker`. */
export function addWorker(program: Command): void {
  workingOptions(checkpointOption(folderOption(quietOption(program.command('worker')))))
    .description('work for the sweeps of a queue; any number of machines may join and leave')
    .requiredOption('--queue <address>', 'the queue: redis://host or rediss://host')
    .option(
      '--lost-seconds <s>',
      'the jobs of a machine that is gone for so long go to others (default: 30)',
      positiveNumber,
    )
    .option('--idle-seconds <s>', 'end after so long without a job (default: never)', positiveNumber)
    .addHelpText('after', WORKER_EXAMPLES)
    .action(async (flags: WorkerFlags) =>
      (await import('./worker-command.ts')).workerCommand(flags, progressFor(flags)),
    );
}

const WORKER_EXAMPLES = `
Workers of another version of ohmic than the sweep's are refused. Weights and data sets come through the queue, once a
machine, unless --shared names a folder that coordinator and workers see.

Examples:
  ohmic worker --queue redis://server
  OHMIC_QUEUE_PASSWORD=... ohmic worker --queue rediss://user@server:6380 --workers 16
`;

/** What says which sweep it is. */
function fileOptions(command: Command): Command {
  return setOption(folderOption(quietOption(command)), 'change a field of the base: evaluation.chips=2')
    .option('--out <folder>', 'the folder of the sweep (default: runs/<name>)')
    .option('--backend <name>', `where kernels run: ${BACKEND_CHOICES.join(', ')} (default: auto)`);
}

/** Workers of this machine. */
function workingOptions(command: Command): Command {
  return command
    .option(
      '--workers <n>',
      'worker processes (default: one per processor, divided by --threads)',
      countingNumber,
    )
    .option('--threads <n>', 'threads of a worker process (default: 1)', countingNumber)
    .option('--shared <folder>', 'with --queue: files go through this folder, which all machines see')
    .option(
      '--silent-seconds <s>',
      `a worker in which nothing moves for so long is replaced (default: ${SILENT_SECONDS})`,
      positiveNumber,
    );
}
