// The commands with their flags, as commander sees them. What they do is in *-command.ts.

import { Command, InvalidArgumentError, Option } from 'commander';
import { hardwareNames } from '../crossbar/hardware-choice.ts';
import { namedSets } from '../data/named-sets.ts';
import { COMPENSATION_METHODS } from '../experiment/record.ts';
import { networkNames } from '../nn/networks.ts';
import { BACKEND_CHOICES } from '../node/create-engine.ts';
import { type EvaluateFlags, evaluateCommand } from './evaluate-command.ts';
import { type FitCellFlags, fitCellCommand } from './fit-cell-command.ts';
import { inspectChip, inspectGraph, inspectKernels, inspectWeights } from './inspect-command.ts';
import { progressOn } from './progress.ts';
import { type ReproduceFlags, reproduceCommand } from './reproduce-command.ts';
import { type RunFlags, runCommand } from './run-command.ts';
import { schemaCommand } from './schema-command.ts';
import { type TrainFlags, trainCommand } from './train-command.ts';
import { ohmicVersion } from './workplace.ts';

const datasets = Object.keys(namedSets).join(', ');

/** The whole command. */
export function buildProgram(): Command {
  const program = new Command('ohmic')
    .description('A laboratory for neural networks on analog in-memory hardware.')
    .version(ohmicVersion())
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText(
      'after',
      '\nExamples:\n  ohmic run                      the main job on a generated data set, about 3 minutes\n  ohmic train --help             training with and without noise\n  ohmic reproduce                published experiments that ohmic repeats\n  ohmic schema run               what a settings file may hold\n',
    );
  addRun(program);
  addTrain(program);
  addEvaluate(program);
  addReproduce(program);
  addFitCell(program);
  addInspect(program);
  program
    .command('schema [of]')
    .description('print the JSON schema of settings files: of run (the default), train, hardware or cell')
    .addHelpText(
      'after',
      '\nExamples:\n  ohmic schema run > run.schema.json\n  ohmic schema train\n  ohmic schema hardware\n',
    )
    .action(schemaCommand);
  program
    .command('bench')
    .description('where the benchmarks are')
    .action(() => {
      process.stdout.write(
        'The benchmarks compare with other tools and are part of the repository: npm run bench\n',
      );
    });
  return program;
}

function addRun(program: Command): void {
  checkpointOption(workOptions(program.command('run [settings]')))
    .description(
      'train, program, drift, compensate, evaluate and report, from one settings file; without one, the built-in job',
    )
    .option('--out <folder>', 'the folder of the run (default: runs/<name>)')
    .addHelpText(
      'after',
      '\nExamples:\n  ohmic run\n  ohmic run settings.yaml --data ~/datasets\n  ohmic run settings.yaml --resume\n',
    )
    .action((settings: string | undefined, flags: RunFlags) =>
      runCommand(settings, flags, progressOn(process.stderr)),
    );
}

function addTrain(program: Command): void {
  checkpointOption(workOptions(program.command('train')))
    .description('train a network, with or without noise on its weights')
    .requiredOption('--out <folder>', 'the folder of the run')
    .option('--config <file>', 'settings as JSON or YAML (ohmic schema train); flags override the file')
    .option('--dataset <name>', datasets)
    .option('--train-images <n>', 'only the first n training images')
    .option('--test-images <n>', 'only the first n test images')
    .option('--model <name>', networkNames.join(', '))
    .option('--from <weights>', 'start from these weights')
    .option('--epochs <n>', 'passes over the training images')
    .option('--batch-size <n>', 'images of a step')
    .option('--lr <rate>', 'learning rate at the beginning')
    .option('--schedule <kind>', 'cosine or step')
    .option('--warmup-epochs <n>', 'cosine: epochs of linear rise')
    .option('--drop-at <epochs>', 'step: epochs at which the rate drops, as 100,150')
    .option('--drop-factor <factor>', 'step: what the rate is multiplied by')
    .option('--momentum <value>', 'momentum of the gradient descent')
    .option('--no-nesterov', 'plain momentum')
    .option('--weight-decay <value>', 'L2 penalty')
    .option('--label-smoothing <value>', 'share of a label that is spread evenly over all classes')
    .option('--crop-padding <pixels>', 'random crops after padding')
    .option('--no-flip', 'do not mirror images')
    .option('--cutout <pixels>', 'side of a blank square')
    .option('--noise <eta>', 'training noise: standard deviation relative to the largest weight of a layer')
    .option('--clip <alpha>', 'limit weights to so many standard deviations of their layer')
    .option('--seed <n>', 'seed of all random draws')
    .addHelpText('after', TRAIN_EXAMPLES)
    .action((flags: TrainFlags, command: Command) =>
      trainCommand(givenFlags(flags, command), progressOn(process.stderr)),
    );
}

const TRAIN_EXAMPLES = `
Examples:
  ohmic train --dataset synthetic --model small-cnn --epochs 10 --out runs/first
  ohmic train --data ~/datasets --dataset cifar10 --model resnet32 --epochs 100 --out runs/digital
  ohmic train --data ~/datasets --dataset cifar10 --model resnet32 --epochs 30 --lr 0.02 --noise 0.038 --clip 2 \\
      --from runs/digital/weights.safetensors --out runs/noisy
  ohmic train --out runs/noisy --resume
`;

function addEvaluate(program: Command): void {
  workOptions(program.command('evaluate'))
    .description('program trained networks onto simulated chips and measure their accuracy over time')
    .requiredOption('--weights <files...>', 'trained networks')
    .requiredOption('--out <folder>', 'where record.json, accuracies.csv and report.html go')
    .option(
      '--hardware <name>',
      `${hardwareNames.join(', ')}, or a file (ohmic schema hardware)`,
      'joshi2020',
    )
    .option('--chips <n>', 'chips to program', '5')
    .option('--times <list>', 'times since programming, with s, min, h, d, month or y', '25s,1h,1d,30d,1y')
    .option('--methods <list>', COMPENSATION_METHODS.join(', '), COMPENSATION_METHODS.join(','))
    .option('--dataset <name>', 'data set to evaluate on (default: the one trained on)')
    .option('--train-images <n>', 'only the first n training images for AdaBS and converter ranges')
    .option('--test-images <n>', 'only the first n test images')
    .option('--adabs-batches <n>', 'AdaBS: batches of training images', '10')
    .option('--adabs-batch-size <n>', 'AdaBS: images of a batch', '128')
    .option(
      '--adabs-augmentation <crop,cutout>',
      'AdaBS: padding for crops and side of the cutout in pixels, as 4,8; images are mirrored too; use what the training used',
    )
    .option('--calibration-images <n>', 'training images that set converter ranges', '250')
    .option('--seed <n>', 'seed of all random draws', '0')
    .addHelpText('after', EVALUATE_EXAMPLES)
    .action((flags: EvaluateFlags) => evaluateCommand(flags, progressOn(process.stderr)));
}

const EVALUATE_EXAMPLES = `
Examples:
  ohmic evaluate --weights runs/digital/weights.safetensors runs/noisy/weights.safetensors --data ~/datasets \\
      --hardware joshi2020 --chips 25 --times 25s,1h,1d,30d,1y --methods none,global,per-column,adabs --out runs/compare
  ohmic evaluate --weights runs/noisy/weights.safetensors --hardware my-chip.json --out runs/my-chip
`;

function addReproduce(program: Command): void {
  checkpointOption(dataOptions(program.command('reproduce [name]')))
    .description(
      'run a published experiment from nothing and set its figures beside ours; the same command again continues it',
    )
    .option('--out <folder>', 'the folder of the run (default: runs/<name>)')
    .option(
      '--config <file>',
      'changes to its settings as JSON or YAML, for a shorter trial (ohmic schema run)',
    )
    .option('--print-settings', 'print its settings, with the changes of --config, and do nothing else')
    .addHelpText('after', REPRODUCE_EXAMPLES)
    .action((name: string | undefined, flags: ReproduceFlags) =>
      reproduceCommand(name, flags, progressOn(process.stderr)),
    );
}

const REPRODUCE_EXAMPLES = `
Examples:
  ohmic reproduce                                      what there is
  ohmic reproduce joshi2020 --print-settings
  ohmic reproduce joshi2020 --data ~/datasets          some eight hours on two processors; may be stopped at any time
  ohmic reproduce joshi2020 --data ~/datasets --config trial.yaml --out runs/trial

A trial.yaml of a few minutes:
  data: { trainImages: 2000, testImages: 500 }
  training: { epochs: 2 }
  noiseTraining: { epochs: 2 }
  noiseSweep: { relativeToMax: [0, 0.038], training: { epochs: 1 }, evaluation: { chips: 1 } }
  evaluation: { chips: 2, timesSeconds: [25, 86400] }
  controlEvaluation: { chips: 2 }
`;

function addFitCell(program: Command): void {
  program
    .command('fit-cell <measurements>')
    .description('fit programming noise, drift and read noise of a cell to measured conductances (CSV)')
    .requiredOption(
      '--out <file>',
      'the cell file, .yaml or .json; a page of measurements and laws goes beside it',
    )
    .addOption(
      new Option('--law <kind>', 'shapes of laws: those of published cells as the data decide, or one kind')
        .choices(['auto', 'polynomial', 'table'])
        .default('auto'),
    )
    .option('--degree <n>', 'degree of the polynomial of programming noise (default: chosen)', Number)
    .option('--g-max <µS>', 'conductance of the largest weight (default: the largest target)', Number)
    .option('--read-seconds <s>', 'duration of a read; without it read noise stays unknown', Number)
    .option('--name <name>', 'name of the cell (default: that of the file)')
    .option('--json', 'print the cell as JSON instead of a table')
    .addHelpText('after', FIT_CELL_EXAMPLES)
    .action((file: string, flags: FitCellFlags) => fitCellCommand(file, flags));
}

const FIT_CELL_EXAMPLES = `
Columns: device, targetMicrosiemens, timeSeconds (since the last programming pulse), conductanceMicrosiemens, and
optionally read, which numbers repeated reads. docs/measured-cells.md has the method.

Examples:
  ohmic fit-cell measurements.csv --read-seconds 250e-9 --out cell.yaml
  ohmic fit-cell measurements.csv --read-seconds 1e-6 --law table --g-max 25 --name our-cell --out cell.json
`;

function addInspect(program: Command): void {
  const inspect = program
    .command('inspect')
    .description('look into weights, a programmed chip, a graph, kernels');
  inspect
    .command('weights <file>')
    .description('where weights come from, and their statistics by layer')
    .action(inspectWeights);
  engineOptions(inspect.command('chip <weights>'))
    .description('program one chip: targets, errors and tiles by layer')
    .option('--hardware <name>', `${hardwareNames.join(', ')}, or a file`, 'joshi2020')
    .option('--seed <n>', 'seed of the evaluation', '0')
    .option('--chip <n>', 'which chip of the evaluation', countingNumber, 1)
    .action((file, flags) => inspectChip(file, flags, progressOn(process.stderr)));
  graphOptions(inspect.command('graph'))
    .description('the graph of a network, one node a line')
    .action(inspectGraph);
  graphOptions(inspect.command('kernels'))
    .description('the compiled plan: buffers, launches, kernels')
    .option('--c', 'the kernels as the C that the native backend compiles')
    .action(inspectKernels);
}

function graphOptions(command: Command): Command {
  return command
    .requiredOption('--model <name>', networkNames.join(', '))
    .option('--dataset <name>', `${datasets}: decides the size of the images`, 'cifar10')
    .addOption(
      new Option('--kind <kind>', 'which graph').choices(['training', 'inference']).default('inference'),
    )
    .option('--noise <eta>', 'training: with noise on the weights', Number)
    .option('--batch-size <n>', 'images of a batch', countingNumber, 128);
}

function engineOptions(command: Command): Command {
  return command
    .option('--backend <name>', `where kernels run: ${BACKEND_CHOICES.join(', ')} (default: auto)`)
    .option('--threads <n>', 'worker threads (default: one per processor)', countingNumber);
}

function workOptions(command: Command): Command {
  return dataOptions(command).option('--resume', 'continue the run in the folder');
}

function dataOptions(command: Command): Command {
  return engineOptions(command).option(
    '--data <folder>',
    'folder of data sets (default: OHMIC_DATA, then a download into OHMIC_CACHE)',
  );
}

function checkpointOption(command: Command): Command {
  return command.option(
    '--checkpoint-minutes <minutes>',
    'time between checkpoints of a training (default: 2)',
    positiveNumber,
  );
}

function countingNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** Without the `true` that commander puts where a --no-… flag was not given: the settings decide then. */
function givenFlags<F extends object>(flags: F, command: Command): F {
  const given = Object.entries(flags).filter(([name]) => command.getOptionValueSource(name) !== 'default');
  return Object.fromEntries(given) as F;
}
