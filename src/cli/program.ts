// The commands with their flags, in commander's form. The commands themselves are in *-command.ts.

import { Command, Option } from 'commander';
import { hardwareNames } from '../crossbar/hardware-choice.ts';
import { sharedNormalizationNames } from '../data/shared-normalizations.ts';
import { networkNames } from '../nn/networks.ts';
import { withCompanions } from './companions.ts';
import { addCost, addPareto } from './cost-program.ts';
import type { FitCellFlags } from './fit-cell-command.ts';
import type { GenerateFlags } from './generate-command.ts';
import { type ImportFlags, LAYOUTS } from './import-flags.ts';
import type { LabFlags } from './lab-command.ts';
import { addAttribute, addEvaluate, addExport } from './measurement-program.ts';
import {
  checkpointOption,
  collected,
  countingNumber,
  dataOptions,
  datasets,
  engineOptions,
  givenFlags,
  hardwareOptions,
  jsonOption,
  keepDigitalOption,
  portNumber,
  progressFor,
  quietOption,
  setOption,
  shareNumber,
  workOptions,
} from './options.ts';
import type { PresetsFlags } from './presets-command.ts';
import type { ReproduceFlags } from './reproduce-command.ts';
import type { RunFlags } from './run-command.ts';
import { PICTURE } from './sample-picture.ts';
import { SCHEMA_NAMES } from './schema-names.ts';
import { addSweep, addWorker } from './sweep-program.ts';
import type { TrainFlags } from './train-command.ts';
import { trainOptions } from './train-flags.ts';
import type { TwinsFlags } from './twins-command.ts';
import { ohmicVersion } from './version.ts';

/** The whole command. */
export function buildProgram(): Command {
  const program = new Command('ohmic')
    .description('A laboratory for neural networks on analog in-memory hardware.')
    .version(ohmicVersion())
    // Options after `sweep plan` are those of `plan`, which `sweep` has too.
    .enablePositionalOptions()
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText(
      'after',
      '\nExamples:\n  ohmic run                      the main job on a generated data set, about 3 minutes\n  ohmic train --help             training with and without noise\n  ohmic reproduce                published experiments that ohmic repeats\n  ohmic schema run               what a settings file may hold\n',
    );
  addRun(program);
  addTrain(program);
  addEvaluate(program);
  addAttribute(program);
  addCost(program);
  addPareto(program);
  addGenerate(program);
  addSweep(program);
  addWorker(program);
  addReproduce(program);
  addFitCell(program);
  addTwins(program);
  addImport(program);
  addExport(program);
  addInspect(program);
  addLab(program);
  program
    .command('schema [of]')
    .description(`print a JSON schema: of ${SCHEMA_NAMES.join(', ')} (default: run)`)
    .addHelpText(
      'after',
      '\nExamples:\n  ohmic schema run > run.schema.json\n  ohmic schema train\n  ohmic schema hardware\n',
    )
    .action(async (of: string | undefined) => (await import('./schema-command.ts')).schemaCommand(of));
  jsonOption(program.command('presets [name]'))
    .description(
      'print hardware, a published cell, a device that learns or a cost as YAML; without a name, list them',
    )
    .addHelpText('after', PRESETS_EXAMPLES)
    .action(async (name: string | undefined, flags: PresetsFlags) =>
      (await import('./presets-command.ts')).presetsCommand(name, flags),
    );
  program
    .command('completion <shell>')
    .description('print a completion script for bash, zsh or fish')
    .addHelpText('after', COMPLETION_EXAMPLES)
    .action(async (shell: string) =>
      (await import('./completion-command.ts')).completionCommand(shell, program),
    );
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

const PRESETS_EXAMPLES = `
Examples:
  ohmic presets
  ohmic presets hermes256 > my-chip.yaml         change a field, then: ohmic evaluate --hardware my-chip.yaml
  ohmic presets pcm-nandakumar-2019
`;

const COMPLETION_EXAMPLES = `
Examples:
  source <(ohmic completion bash)                 in ~/.bashrc
  source <(ohmic completion zsh)                  in ~/.zshrc, after compinit
  ohmic completion fish > ~/.config/fish/completions/ohmic.fish
`;

function addRun(program: Command): void {
  const run = checkpointOption(workOptions(program.command('run [settings]')));
  jsonOption(
    setOption(run, 'change a field of the settings or of the hardware: evaluation.chips=2, adc.bits=4'),
  )
    .description(
      'train, program, drift, compensate, evaluate and report, from one settings file; without one, the built-in job',
    )
    .option('--out <folder>', 'the folder of the run (default: runs/<name>)')
    .addHelpText(
      'after',
      '\nExamples:\n  ohmic run\n  ohmic run settings.yaml --data ~/datasets\n  ohmic run settings.yaml --resume\n  ohmic run settings.yaml --set hardware=hermes256 --set adc.bits=4\n',
    )
    .action(async (settings: string | undefined, flags: RunFlags) =>
      (await import('./run-command.ts')).runCommand(settings, flags, progressFor(flags)),
    );
}

function addTrain(program: Command): void {
  const train = checkpointOption(workOptions(program.command('train')))
    .description('train a network, with or without noise on its weights and the converters of its hardware')
    .requiredOption('--out <folder>', 'the folder of the run')
    .option('--config <file>', 'settings as JSON or YAML (ohmic schema train); flags override the file');
  for (const option of trainOptions()) train.addOption(option);
  train.option(
    '--hardware <name>',
    `train for its converters and output noise, whose input ranges are learned: ${hardwareNames.join(', ')}, or a file (default: an ideal periphery)`,
  );
  setOption(
    keepDigitalOption(train),
    'change a field of the settings, of their training or of its hardware: statisticsMomentum=0.2, ranges.decay=0.01, adc.bits=4',
  )
    .addHelpText('after', TRAIN_EXAMPLES)
    .action(async (flags: TrainFlags, command: Command) =>
      (await import('./train-command.ts')).trainCommand(givenFlags(flags, command), progressFor(flags)),
    );
}

const TRAIN_EXAMPLES = `
Examples:
  ohmic train --dataset synthetic --model small-cnn --epochs 10 --out runs/first
  ohmic train --data ~/datasets --dataset cifar10 --model resnet32 --epochs 100 --out runs/digital
  ohmic train --data ~/datasets --dataset cifar10 --model resnet32 --epochs 30 --lr 0.02 --noise 3.8% --clip 2 \\
      --from runs/digital/weights.safetensors --out runs/noisy
  ohmic train --out runs/noisy --resume
  ohmic train --data ~/datasets --dataset ptb-characters --model char-lstm --context 100 --batch-size 32 \\
      --rule adam --lr 0.002 --weight-decay 0 --epochs 10 --out runs/characters
  ohmic train --dataset mnist --model gan --epochs 3 --batch-size 64 --lr 0.05 --momentum 0 --weight-decay 0 --out runs/gan
  ohmic train --dataset mnist --model lenet5 --epochs 10 --hardware hermes256 --set adc.bits=4 --set dac.bits=4 \\
      --keep-digital dense3 --out runs/four-bits
  ohmic train --dataset cifar10 --model resnet20 --epochs 50 --teacher runs/digital/weights.safetensors --out runs/student
`;

function addGenerate(program: Command): void {
  const generate = jsonOption(dataOptions(program.command('generate <weights>')))
    .description(
      'images from a trained adversarial pair as a picture, and their distance from the test images, in floating point',
    )
    .option('--out <file>', 'the picture, a .png')
    .option('--count <n>', `images in the picture (default: ${PICTURE.count})`, countingNumber)
    .option('--columns <n>', `images in a row of the picture (default: ${PICTURE.columns})`, countingNumber)
    .option('--seed <n>', 'seed of the noise that images are made from', '0')
    .option(
      '--classifier <weights>',
      'measure the Fréchet distance in the features of this network, trained on the same data set',
    )
    .option(
      '--test-images <n>',
      'compare with the first n test images, and as many generated ones',
      countingNumber,
    )
    .addHelpText('after', GENERATE_EXAMPLES)
    .action(async (file: string, flags: GenerateFlags) =>
      (await import('./generate-command.ts')).generateCommand(file, flags, progressFor(flags)),
    );
  withCompanions(generate, [
    { options: ['--count', '--columns'], beside: '--out', add: '--out picture.png' },
    { options: ['--test-images'], beside: '--classifier', add: '--classifier weights.safetensors' },
  ]);
}

const GENERATE_EXAMPLES = `
Distances compare only if classifier and number of images are the same.

Examples:
  ohmic train --dataset mnist --model gan --epochs 3 --batch-size 64 --lr 0.05 --momentum 0 --weight-decay 0 --out runs/gan
  ohmic generate runs/gan/weights.safetensors --count 100 --out samples.png
  ohmic generate runs/gan/weights.safetensors --classifier runs/lenet5/weights.safetensors --data ~/datasets
`;

function addReproduce(program: Command): void {
  const reproduce = onlyOption(checkpointOption(dataOptions(program.command('reproduce [name]'))));
  jsonOption(
    setOption(
      reproduce,
      'change a field of its settings, of its parts or of its hardware: evaluation.chips=2',
    ),
  )
    .description(
      'repeat a published experiment from scratch, its figures beside ours; run again, it continues',
    )
    .option('--out <folder>', 'the folder of the run (default: runs/<name>)')
    .option(
      '--config <file>',
      'changes to its settings as JSON or YAML, for a shorter trial (ohmic schema run)',
    )
    .option(
      '--faithful',
      'as the publication has it, where the settings leave it for something better (joshi2020)',
    )
    .option('--print-settings', 'print its settings, with the changes of --config, and do nothing else')
    .addHelpText('after', REPRODUCE_EXAMPLES)
    .action(async (name: string | undefined, flags: ReproduceFlags) =>
      (await import('./reproduce-command.ts')).reproduceCommand(name, flags, progressFor(flags)),
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
    .description(
      'fit a cell to conductances measured over time, or a device that learns to its pulse responses (CSV)',
    )
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
    .action(async (file: string, flags: FitCellFlags) =>
      (await import('./fit-cell-command.ts')).fitCellCommand(file, flags),
    );
}

const FIT_CELL_EXAMPLES = `
Columns: device, targetMicrosiemens, timeSeconds (since the last programming pulse), conductanceMicrosiemens, and
optionally read, which numbers repeated reads. docs/measured-cells.md has the method.
Or, of a device that learns: device, pulse (0 is before the first), direction (up, down), value. docs/pulse-devices.md.

Examples:
  ohmic fit-cell measurements.csv --read-seconds 250e-9 --out cell.yaml
  ohmic fit-cell measurements.csv --read-seconds 1e-6 --law table --g-max 25 --name our-cell --out cell.json
  ohmic fit-cell pulses.csv --out our-device.yaml
`;

function addTwins(program: Command): void {
  const twins = checkpointOption(dataOptions(program.command('twins <settings>')));
  const changed = setOption(
    onlyOption(twins),
    'change a field of the parts: seeds=[1], rule.granularity=2, mapping.pairs=4',
  );
  jsonOption(changed)
    .description('train in the cells, each time beside the same training in floating point')
    .option('--out <folder>', 'folder for records and weights (default: runs/<name>)')
    .addHelpText('after', TWINS_EXAMPLES)
    .action(async (file: string, flags: TwinsFlags) =>
      (await import('./twins-command.ts')).twinsCommand(file, flags, progressFor(flags)),
    );
}

function onlyOption(command: Command): Command {
  return command.option('--only <parts>', 'these parts of the settings, as mlp,cnn (default: all)');
}

const TWINS_EXAMPLES = `
The settings name parts; each has data, model, seeds and a training whose rule keeps weights in cells. Every seed is
trained twice. The same command again continues what was interrupted.

Examples:
  ohmic twins my-twins.yaml --data ~/datasets
  ohmic twins my-twins.yaml --only mlp --set rule.granularity=2
  ohmic reproduce nandakumar2020 --print-settings      an example of such a file
`;

function addImport(program: Command): void {
  jsonOption(dataOptions(program.command('import <weights>')))
    .description(
      'a network of another program (ONNX), or its weights (safetensors), as a weights file of ohmic, tested',
    )
    .option('--model <name>', `of safetensors: ${networkNames.join(', ')}`)
    .option(
      '--dataset <name>',
      `${datasets}: what the network was trained on; ONNX: absent, it is not tested`,
    )
    .requiredOption('--out <file>', 'the weights file; of ONNX files also its folder')
    .option('--input-shape <name=sizes>', 'ONNX: sizes of one example that the file leaves open', collected)
    .option('--input-value <name=value>', 'ONNX: an input that never changes, as sr=16000', collected)
    .addOption(
      new Option('--layout <name>', 'whose order of axes the file has').choices(LAYOUTS).default('torch'),
    )
    .option('--map <file>', 'what names in the file are here, as JSON (docs/weights-file.md)')
    .option(
      '--normalization <name>',
      `how images were normalised there: dataset (measured on its training images; of photos, on ImageNet), ${sharedNormalizationNames.join(', ')}, or mean/std`,
      'dataset',
    )
    .option('--test-images <n>', 'test on the first n test images only')
    .option('--photo-side <pixels>', 'of photos: side of the square that the network sees (default: 224)')
    .option(
      '--photo-shorter-side <pixels>',
      'of photos: shorter side of the photo from whose middle the square is cut (default: 8/7 of the side)',
    )
    .addHelpText('after', IMPORT_EXAMPLES)
    .action(async (file: string, flags: ImportFlags) =>
      (await import('./import-command.ts')).importCommand(file, flags, progressFor(flags)),
    );
}

const IMPORT_EXAMPLES = `
Examples:
  ohmic import resnet20.onnx --dataset cifar10 --data ~/datasets --normalization imagenet --out runs/resnet20
  ohmic import voice.onnx --input-shape audio=512 --input-value sr=16000 --out runs/voice
  ohmic import resnet20.safetensors --model resnet20 --dataset cifar10 --data ~/datasets --out runs/imported.safetensors
  ohmic import weights.safetensors --model lenet5 --dataset mnist --map map.json --normalization 0.1307/0.3081 \\
      --out runs/lenet5.safetensors

In Python: torch.onnx.export(model, example, "model.onnx"), or for weights alone
  safetensors.torch.save_file(model.state_dict(), "weights.safetensors")
`;

function addLab(program: Command): void {
  program
    .command('lab [record]')
    .description('the lab in the browser, served on this machine only; a record.json opens in it')
    .option('--port <n>', 'port to listen on; 0: any that is free', portNumber, 8017)
    .addHelpText(
      'after',
      '\nExamples:\n  ohmic lab\n  ohmic lab runs/first/record.json\n  ohmic lab --port 0\n',
    )
    .action(async (file: string | undefined, flags: LabFlags) => {
      const { builtPage, labCommand } = await import('./lab-command.ts');
      return labCommand(file, flags, builtPage());
    });
}

function addInspect(program: Command): void {
  const inspect = program
    .command('inspect')
    .description('look into weights, a programmed chip, a graph, kernels');
  jsonOption(inspect.command('weights <file>'))
    .description('where weights come from, and their statistics by layer')
    .action(async (file, flags) => (await import('./inspect-command.ts')).inspectWeights(file, flags));
  jsonOption(hardwareOptions(quietOption(engineOptions(inspect.command('chip <weights>'))), 'joshi2020'))
    .description('program one chip: targets, errors and tiles by layer')
    .option('--seed <n>', 'seed of the evaluation', '0')
    .option('--chip <n>', 'which chip of the evaluation', countingNumber, 1)
    .action(async (file, flags) =>
      (await import('./inspect-command.ts')).inspectChip(file, flags, progressFor(flags)),
    );
  graphOptions(inspect.command('graph'))
    .description('the graph of a network, one node a line')
    .action(async (flags) => (await import('./inspect-command.ts')).inspectGraph(flags));
  graphOptions(inspect.command('kernels'))
    .description('the compiled plan: buffers, launches, kernels')
    .option('--c', 'the kernels as the C that the native backend compiles')
    .option('--verify', 'check the plan against the rules of the kernel language, and print the verdict only')
    .action(async (flags) => (await import('./inspect-command.ts')).inspectKernels(flags));
}

function graphOptions(command: Command): Command {
  return withCompanions(command, [
    { options: ['--noise'], beside: '--kind', holding: 'training', add: '--kind training' },
  ])
    .requiredOption('--model <name>', networkNames.join(', '))
    .option('--dataset <name>', `${datasets}: decides the size of the images`, 'cifar10')
    .addOption(
      new Option('--kind <kind>', 'which graph').choices(['training', 'inference']).default('inference'),
    )
    .option('--noise <eta>', 'training: with noise on the weights, 0.038 or 3.8%', shareNumber)
    .option('--batch-size <n>', 'images of a batch', countingNumber, 128);
}
