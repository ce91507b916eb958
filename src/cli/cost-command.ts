// `ohmic cost`: what a network needs on its hardware, without data, training or weights.

import { throwFaults, UsageError } from '../base/errors.ts';
import { countNetwork } from '../cost/count.ts';
import { estimateCost } from '../cost/estimate.ts';
import {
  type ProgrammingEstimate,
  programmingEnergy,
  TRAINING_RULES,
  type TrainingEstimate,
  type TrainingWork,
  trainingEnergy,
} from '../cost/training-energy.ts';
import { patternFaults } from '../crossbar/hardware.ts';
import { recordedPulses } from '../experiment/twin-cost.ts';
import type { TwinRecord } from '../experiment/twin-record.ts';
import type { Network } from '../nn/network.ts';
import { costTable, trainingTable } from '../report/cost-table.ts';
import { jsonText, parseTwinRecord } from '../report/json.ts';
import { costFromFlag, parseReplicas, usualCost } from './cost-flag.ts';
import { readBytes } from './files.ts';
import { type HardwareFlags, hardwareFromFlags } from './hardware-flag.ts';
import { namedNetwork, networkOfTrained } from './named-network.ts';
import { print } from './print.ts';
import { readWeights } from './train-stage.ts';
import { parseList } from './values.ts';

/** Flags of `ohmic cost`, as typed. */
export type CostFlags = HardwareFlags & {
  readonly model?: string;
  readonly weights?: string;
  readonly dataset?: string;
  readonly symbols: number;
  readonly context: number;
  readonly cost?: string;
  readonly replicas?: string;
  readonly layers?: string;
  readonly training?: string;
  readonly batchSize: number;
  readonly twins?: string;
  readonly json?: boolean;
};

/** Prints the cost of a network for one example, and of its training if asked for. */
export async function costCommand(flags: CostFlags): Promise<void> {
  const hardware = hardwareFromFlags(flags);
  const network = await networkFromFlags(flags);
  throwFaults(
    'cost: hardware',
    patternFaults(
      hardware,
      network.layers.map(({ name }) => name),
    ),
  );
  const layers = flags.layers === undefined ? undefined : parseList(flags.layers);
  const count = countNetwork(network, hardware, { layers });
  const cost = flags.cost === undefined ? usualCost(count, hardware) : costFromFlag(flags.cost);
  const replicas = flags.replicas === undefined ? undefined : parseReplicas(flags.replicas);
  const estimate = estimateCost({ count, hardware, cost, replicas });
  const work = workFromFlags(flags, network);
  const training = work && trainingEnergy(count, hardware, cost, work);
  const programming = programmingEnergy(count, hardware, cost);
  if (flags.json === true) {
    process.stdout.write(`${jsonText({ estimate, ...(training && { training }), programming })}\n`);
    return;
  }
  const example = exampleOf(network, flags.layers);
  print(costTable(estimate, example) + trainingText(training, programming));
}

function trainingText(training: TrainingEstimate | undefined, programming: ProgrammingEstimate): string {
  return training === undefined ? '' : `\n${trainingTable(training, programming)}`;
}

/** Characters of a window, or symbols: beyond it a network takes minutes to lay out. */
const MOST_OF_A_TEXT = 10_000;

async function networkFromFlags({ model, weights, dataset, symbols, context }: CostFlags): Promise<Network> {
  if ((model === undefined) === (weights === undefined))
    throw new UsageError(
      `cost: expected --model or --weights, got ${model === undefined ? 'neither' : 'both'}`,
    );
  throwFaults(
    'cost',
    Object.entries({ '--context': context ?? 1, '--symbols': symbols ?? 1 })
      .filter(([, count]) => count > MOST_OF_A_TEXT)
      .map(([flag, count]) => `${flag}: expected at most ${MOST_OF_A_TEXT}, got ${count}`),
  );
  if (model !== undefined) return namedNetwork({ model, dataset, symbols, context });
  return networkOfTrained(await readWeights(weights!), context);
}

/** What one example of a network is called. */
function exampleOf({ inputs }: Network, layers: string | undefined): string {
  if (layers !== undefined) return `one example, layers ${layers}`;
  const { tokens } = inputs;
  if (tokens !== undefined) return tokens[0] === 1 ? 'one character' : `${tokens[0]} characters`;
  return inputs['latent'] === undefined
    ? 'one image'
    : 'one image, generated and judged, and one real, judged';
}

/** The training that flags describe, and what its record counted; none without a flag. */
function workFromFlags(flags: CostFlags, network: Network): TrainingWork | undefined {
  const { training, twins, batchSize } = flags;
  if (twins !== undefined) return recordedWork(twins, network);
  if (training === undefined) return undefined;
  const rule = TRAINING_RULES.find((known) => known === training)!;
  return { rule, batchSize, pulses: null, refreshes: null };
}

/** The training that a record of twins describes, with its pulses and refreshes. */
function recordedWork(file: string, { name }: Network): TrainingWork {
  const record = parseTwinRecord(new TextDecoder().decode(readBytes(file)));
  const { settings, pairs } = record;
  const rule = TRAINING_RULES.find((known) => known === settings.rule.kind);
  const examples = examplesOf(record);
  throwFaults(`--twins: ${file}`, [
    ...(record.network.name === name
      ? []
      : [`expected a training of ${name}, got one of ${record.network.name}`]),
    ...(rule === undefined
      ? [`expected a training by ${TRAINING_RULES.join(' or ')}, got ${settings.rule.kind}`]
      : []),
    ...(examples === undefined
      ? ['it does not say how many examples an epoch has; give --training and --batch-size instead']
      : []),
  ]);
  return { rule: rule!, batchSize: settings.batchSize, ...recordedPulses(pairs, examples!) };
}

function examplesOf({ afterwards }: TwinRecord): number | undefined {
  return afterwards?.[0]?.training.trainImages;
}
