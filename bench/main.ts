// `npm run bench -- CASE [--json]`: timings as ratios to a peer, in alternation.

import { Command } from 'commander';
import { benchTrainingStep } from './training-step.ts';

const program = new Command('bench').description(
  'Timings of ohmic, beside PyTorch where it is installed (OHMIC_PYTHON).',
);

program
  .command('training-step', { isDefault: true })
  .description('one training step of ResNet-32 16/28/56, batch 128')
  .option('--json', 'print one JSON object')
  .option('--rounds <count>', 'rounds of alternation', (text) => Number.parseInt(text, 10), 5)
  .option('--steps <count>', 'steps of each contestant in a round', (text) => Number.parseInt(text, 10), 3)
  .option('--threads <count>', 'threads; by default one a processor', (text) => Number.parseInt(text, 10))
  .action(
    async ({
      json,
      rounds,
      steps,
      threads,
    }: {
      json?: boolean;
      rounds: number;
      steps: number;
      threads?: number;
    }) => {
      const result = await benchTrainingStep({ rounds, steps, threads });
      if (json === true) console.log(JSON.stringify(result));
      else console.log(JSON.stringify(result, undefined, 2));
    },
  );

await program.parseAsync();
