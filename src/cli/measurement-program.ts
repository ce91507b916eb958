// `ohmic evaluate`, `ohmic attribute` and `ohmic export` with their flags, in commander's form.

import type { Command } from 'commander';
import { COMPENSATION_METHODS, USUAL_METHODS } from '../experiment/compensation-method.ts';
import type { AttributeFlags } from './attribute-command.ts';
import { withCompanions } from './companions.ts';
import { COST_HELP } from './cost-program.ts';
import type { EvaluateFlags } from './evaluate-command.ts';
import type { ExportFlags } from './export-command.ts';
import { countingNumber, dataOptions, hardwareOptions, measurementOptions, progressFor } from './options.ts';

/** Adds `evaluate`. */
export function addEvaluate(program: Command): void {
  const evaluate = measurementOptions(
    program
      .command('evaluate')
      .description('program trained networks onto simulated chips and measure their accuracy over time')
      .requiredOption('--weights <files...>', 'trained networks')
      .requiredOption('--out <folder>', 'where record.json, accuracies.csv and report.html go')
      .option('--times <list>', 'times since programming, with s, min, h, d, month or y', '25s,1h,1d,30d,1y')
      .option('--methods <list>', COMPENSATION_METHODS.join(', '), USUAL_METHODS.join(','))
      .option('--cost <name>', `energy, latency and area too: ${COST_HELP}`)
      .option('--replicas <list>', 'with --cost: copies of layers, as stem=4,stage1.*=2'),
    '--methods',
  );
  withCompanions(evaluate, [{ options: ['--replicas'], beside: '--cost', add: '--cost hermes' }])
    .addHelpText('after', EVALUATE_EXAMPLES)
    .action(async (flags: EvaluateFlags) =>
      (await import('./evaluate-command.ts')).evaluateCommand(flags, progressFor(flags)),
    );
}

const EVALUATE_EXAMPLES = `
Examples:
  ohmic evaluate --weights runs/digital/weights.safetensors runs/noisy/weights.safetensors --data ~/datasets \\
      --hardware joshi2020 --chips 25 --times 25s,1h,1d,30d,1y --methods none,global,per-column,adabs --out runs/compare
  ohmic evaluate --weights runs/noisy/weights.safetensors --hardware my-chip.json --out runs/my-chip
  ohmic evaluate --weights runs/noisy/weights.safetensors --hardware hermes256 --set adc.bits=6 \\
      --keep-digital 'stem*,dense' --out runs/six-bits
  ohmic evaluate --weights runs/noisy/weights.safetensors --hardware hermes256 --cost bottom-up-14nm --out runs/cost
`;

/** Adds `attribute`. */
export function addAttribute(program: Command): void {
  measurementOptions(
    program
      .command('attribute')
      .description(
        'where a network loses accuracy on its hardware: each noise source and each group of layers, alone and left out, on the same chips',
      )
      .requiredOption('--weights <file>', 'a trained network')
      .requiredOption(
        '--out <folder>',
        'where record.json, attribution.csv, accuracies.csv and report.html go',
      )
      .option(
        '--points <list>',
        `when chips are read and how drift is compensated: time:method, methods ${COMPENSATION_METHODS.join(', ')}`,
        '25s:none,1d:global',
      )
      .option(
        '--groups <list>',
        "layers that are moved together, as 'stage1.*,dense', or each (default: by the first part of their names)",
      ),
    '--points',
  )
    .addHelpText('after', ATTRIBUTE_EXAMPLES)
    .action(async (flags: AttributeFlags) =>
      (await import('./attribute-command.ts')).attributeCommand(flags, progressFor(flags)),
    );
}

const ATTRIBUTE_EXAMPLES = `
Examples:
  ohmic attribute --weights runs/noisy/weights.safetensors --hardware joshi2020 --chips 5 \\
      --points 25s:none,1d:global,1d:adabs --out runs/losses
  ohmic attribute --weights runs/noisy/weights.safetensors --hardware hermes256 --groups each --out runs/by-layer
`;

/** Adds `export`. */
export function addExport(program: Command): void {
  const command = dataOptions(program.command('export <weights>'))
    .description('a network as an ONNX file, as it was trained or as a simulated chip is read at some time')
    .requiredOption('--out <file>', 'the ONNX file');
  hardwareOptions(command);
  withCompanions(command, [
    {
      options: ['--time', '--method', '--chip', '--seed', '--set', '--keep-digital', '--train-images'],
      beside: '--hardware',
      add: '--hardware joshi2020',
    },
  ])
    .option('--time <time>', 'of a chip: time since programming, with s, min, h, d, month or y', '1d')
    .option('--method <name>', `of a chip: ${COMPENSATION_METHODS.join(', ')}`, 'global')
    .option('--chip <n>', 'of a chip: which one of the evaluation', countingNumber, 1)
    .option('--dataset <name>', 'data set for AdaBS and converter ranges (default: the one trained on)')
    .option('--train-images <n>', 'only the first n training images for them')
    .option('--seed <n>', 'seed of the evaluation', '0')
    .addHelpText('after', EXPORT_EXAMPLES)
    .action(async (file: string, flags: ExportFlags) =>
      (await import('./export-command.ts')).exportCommand(file, flags, progressFor(flags)),
    );
}

const EXPORT_EXAMPLES = `
Examples:
  ohmic export runs/digital/weights.safetensors --out digital.onnx
  ohmic export runs/noisy/weights.safetensors --hardware joshi2020 --time 1y --method adabs --chip 3 --out chip3.onnx
`;
