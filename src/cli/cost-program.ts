// `ohmic cost` with its flags, in commander's form.

import { type Command, Option } from 'commander';
import { costNames } from '../cost/published-costs.ts';
import { characterNetworkNames } from '../nn/character-networks.ts';
import { networkNames } from '../nn/networks.ts';
import { pairNames } from '../train/gan.ts';
import { type CostFlags, costCommand, TRAINING_RULES } from './cost-command.ts';
import { countingNumber, datasets, hardwareOptions, jsonOption } from './options.ts';

/** What costs are called in help. */
export const COST_HELP: string = `${costNames.join(', ')}, or a file (ohmic presets, ohmic schema cost)`;

/** Adds `cost`. */
export function addCost(program: Command): void {
  jsonOption(hardwareOptions(program.command('cost'), 'hermes256'))
    .description(
      'energy, latency and area of a network on its hardware, counted over the mapping that gives its accuracy; needs no data',
    )
    .option('--model <name>', [...networkNames, ...characterNetworkNames, ...pairNames].join(', '))
    .option('--weights <file>', 'the network of these weights, instead of --model')
    .option('--dataset <name>', `${datasets}: decides the size of the images (default: mnist or cifar10)`)
    .option('--symbols <n>', 'of a text: different characters', countingNumber, 50)
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
    .option('--twins <record>', 'a record.json of ohmic twins: its rule, batches, pulses and refreshes')
    .addHelpText('after', COST_EXAMPLES)
    .action((flags: CostFlags) => costCommand(flags));
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
