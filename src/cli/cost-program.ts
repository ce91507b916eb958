// `ohmic cost` and `ohmic pareto` with their flags, in commander's form.

import { type Command, Option } from 'commander';
import { costNames } from '../cost/published-costs.ts';
import { TRAINING_RULES } from '../cost/training-energy.ts';
import { COMPENSATION_METHODS } from '../experiment/compensation-method.ts';
import { characterNetworkNames } from '../nn/character-networks.ts';
import { networkNames } from '../nn/networks.ts';
import { pairNames } from '../train/gan.ts';
import { withCompanions } from './companions.ts';
import type { CostFlags } from './cost-command.ts';
import {
  countingNumber,
  datasets,
  hardwareOptions,
  jsonOption,
  measurementOptions,
  progressFor,
} from './options.ts';
import type { ParetoFlags } from './pareto-command.ts';

/** What costs are called in help. */
export const COST_HELP: string = `${costNames.join(', ')}, or a file (ohmic presets, ohmic schema cost)`;

/** Adds `cost`. */
export function addCost(program: Command): void {
  const cost = jsonOption(hardwareOptions(program.command('cost'), 'hermes256'));
  withCompanions(cost, [
    { options: ['--batch-size'], beside: '--training', add: '--training mixed-precision' },
  ])
    .description(
      'energy, latency and area of a network on its hardware, counted over the mapping that gives its accuracy; needs no data',
    )
    .option('--model <name>', [...networkNames, ...characterNetworkNames, ...pairNames].join(', '))
    .option('--weights <file>', 'the network of these weights, instead of --model')
    .addOption(
      new Option(
        '--dataset <name>',
        `${datasets}: decides the size of the images (default: mnist or cifar10)`,
      ).conflicts('weights'),
    )
    .addOption(
      new Option('--symbols <n>', 'of a text: different characters')
        .argParser(countingNumber)
        .default(50)
        .conflicts('weights'),
    )
    .option('--context <n>', 'of a text: characters of one example', countingNumber, 1)
    .option('--cost <name>', `${COST_HELP} (default: hermes if it suits, else bottom-up-14nm)`)
    .option('--replicas <list>', 'copies of layers, which work side by side: stem=4,stage1.*=2')
    .option('--layers <patterns>', "only these layers, as 'generator.*'")
    .addOption(
      new Option('--training <rule>', 'also the energy of training an example in the cells').choices(
        TRAINING_RULES,
      ),
    )
    .option('--batch-size <n>', 'of that training', countingNumber, 1)
    .addOption(
      new Option(
        '--twins <record>',
        'a record.json of ohmic twins: its rule, batches, pulses and refreshes',
      ).conflicts('training'),
    )
    .addHelpText('after', COST_EXAMPLES)
    .action(async (flags: CostFlags) => (await import('./cost-command.ts')).costCommand(flags));
}

const COST_EXAMPLES = `
A cost belongs to a read mode: hermes256 is read in four phases, hermes256OnePhase in one, with another noise.
docs/energy.md has the model, the constants and their sources.

Examples:
  ohmic cost --model resnet32
  ohmic cost --model resnet32 --hardware hermes256OnePhase --replicas 'stem=8,stage1.*=4'
  ohmic cost --weights runs/noisy/weights.safetensors --hardware standardEvaluation --cost burr2023 --json
  ohmic cost --model resnet20 --set adc.bits=6 --set 'tile={kind: limited, rows: 128, columns: 128}'
  ohmic cost --model mlp --training mixed-precision --batch-size 64
  ohmic cost --model gan --layers 'generator.*'
  ohmic cost --model char-lstm --context 1
`;

/** Adds `pareto`. */
export function addPareto(program: Command): void {
  measurementOptions(
    program
      .command('pareto')
      .description('accuracy against energy of a trained network, over variants of one hardware')
      .requiredOption('--weights <file>', 'a trained network for images')
      .requiredOption('--out <folder>', 'where pareto.json, pareto.csv and pareto.html go')
      .option('--time <time>', 'time since programming, with s, min, h, d, month or y', '1d')
      .addOption(
        new Option('--method <name>', 'compensation of drift')
          .choices(COMPENSATION_METHODS)
          .default('global'),
      )
      .option('--cost <name>', `${COST_HELP} (default: bottom-up-14nm, which suits any size and bits)`)
      .option('--adc-bits <list>', 'bits of the ADC, as 4,6,8')
      .option('--tile-sizes <list>', 'rows and columns of square tiles, as 128,256')
      .option('--read-modes <list>', 'one-phase, four-phase')
      .option('--copies <list>', 'copies of every layer, as 1,4'),
    '--method',
    'hermes256',
  )
    .addHelpText('after', PARETO_EXAMPLES)
    .action(async (flags: ParetoFlags) =>
      (await import('./pareto-command.ts')).paretoCommand(flags, progressFor(flags)),
    );
}

const PARETO_EXAMPLES = `
All combinations are measured; what is not varied is as in the hardware. Accuracy and energy of a point have the same
tiles, bits and read mode.

Examples:
  ohmic pareto --weights results/joshi2020/noise-trained/weights.safetensors --data ~/datasets --adc-bits 4,5,6,8 \\
      --read-modes one-phase,four-phase --chips 3 --test-images 2000 --out runs/pareto
  ohmic pareto --weights runs/noisy/weights.safetensors --tile-sizes 64,128,256,512 --copies 1,4 --out runs/tiles
`;
