// `ohmic sweep plan` and `ohmic sweep collect`: a sweep as an array of jobs of a cluster's scheduler, without any server.

import { join, resolve } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { formatCount } from '../report/wording.ts';
import { quotedForShell } from './command-line.ts';
import { writeWhole } from './files.ts';
import { lockFolder } from './folder-lock.ts';
import type { Progress } from './progress.ts';
import { createFolder } from './run-folder.ts';
import { tellResults } from './sweep-command.ts';
import { readSweep, refuseOtherFolder, shardTables } from './sweep-files.ts';
import type { SweepFlags } from './sweep-flags.ts';
import { openSweep, refuseMillions } from './sweep-open.ts';

/** Flags of `ohmic sweep plan`. */
export type PlanFlags = SweepFlags & { readonly shards: number; readonly cpus: number };

/** Writes the script of a Slurm job array; each job does a part of the sweep. */
export async function planCommand(path: string, flags: PlanFlags, progress: Progress): Promise<void> {
  const sweep = readSweep(path, flags);
  refuseMillions(path, sweep, flags);
  const folder = resolve(flags.out ?? join('runs', sweep.name));
  refuseOtherFolder(folder);
  createFolder(folder);
  lockFolder(folder);
  // Every point is checked now, not by a job that waited for hours.
  const table = await openSweep(sweep, folder, { flags, progress, store: folder });
  const { trainings, chips } = table.counts();
  const points = table.pointCount();
  table.close();
  createFolder(join(folder, 'shards'));
  const script = join(folder, `${sweep.name}.slurm`);
  writeWhole(script, slurmScript(resolve(path), sweep.name, folder, flags));
  process.stdout.write(
    `${formatCount(points)} points, ${formatCount(trainings)} trainings, ${formatCount(chips)} chips in ${flags.shards} jobs\n` +
      `submit it:    sbatch ${quotedForShell(script)}\n` +
      `afterwards:   ${['ohmic', 'sweep', 'collect', path, '--out', folder, ...sameSweep(flags)].map(quotedForShell).join(' ')}\n`,
  );
}

/** Flags without which a later command would mean another sweep. */
function sameSweep({ set = [], data, backend }: SweepFlags): string[] {
  return [
    ...set.flatMap((text) => ['--set', text]),
    ...(backend === undefined ? [] : ['--backend', backend]),
    ...(data === undefined ? [] : ['--data', resolve(data)]),
  ];
}

function slurmScript(path: string, name: string, folder: string, flags: PlanFlags): string {
  const { shards, cpus } = flags;
  const words = [
    process.execPath,
    ...process.execArgv.filter((flag) => flag.startsWith('--conditions')),
    resolve(process.argv[1]!),
    'sweep',
    path,
    '--out',
    folder,
    ...sameSweep(flags),
    ...(flags.yes === true ? ['--yes'] : []),
  ];
  return `#!/bin/bash
#SBATCH --job-name=ohmic-${name}
#SBATCH --array=1-${shards}
#SBATCH --cpus-per-task=${cpus}
#SBATCH --output=${join(folder, 'shards')}/%a.log
# Add what your cluster asks for: --partition, --account, --time, --mem. A job that ended early is submitted again as it is:
# what it has done is kept.
set -euo pipefail
${words.map(quotedForShell).join(' ')} --workers "\${SLURM_CPUS_PER_TASK:-1}" --shard "\${SLURM_ARRAY_TASK_ID}/${shards}"
`;
}

/** Merges the tables of all shards, and writes the results. */
export async function collectCommand(path: string, flags: SweepFlags, progress: Progress): Promise<void> {
  const sweep = readSweep(path, flags);
  const folder = resolve(flags.out ?? join('runs', sweep.name));
  const tables = shardTables(folder);
  refuseOtherFolder(folder);
  createFolder(folder);
  lockFolder(folder);
  const table = await openSweep(sweep, folder, { flags, progress, store: folder });
  try {
    const faults: string[] = [];
    // What failed stands in the tables of the shards, which may have tried it again since.
    if (tables.length > 0) table.forgetFailures();
    for (const other of tables) {
      try {
        const { chips, trainings } = table.merge(other);
        progress.line(`${other}: ${formatCount(trainings)} works, ${formatCount(chips)} chips`);
      } catch (thrown) {
        if (!(thrown instanceof UsageError)) throw thrown;
        faults.push(thrown.message);
      }
    }
    throwFaults('sweep collect', faults);
    const missing = table.pointCount() - table.donePoints();
    if (missing > 0)
      progress.line(
        `note: ${formatCount(missing)} of ${formatCount(table.pointCount())} points are not done yet`,
      );
    await tellResults(sweep, table, folder, { flags, isPart: false });
  } finally {
    table.close();
  }
}
