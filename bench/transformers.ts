// Transformers beside PyTorch: attention by itself with its gradients, over 64, 128 and 256 positions; training steps of the
// character GPT and of the vision transformer with AdamW.

import { randomSequence } from '../src/base/random.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { trace } from '../src/graph/trace.ts';
import { updateRule } from '../src/insitu/update-rule.ts';
import { attend } from '../src/nn/attention.ts';
import { characterNetworkByName } from '../src/nn/character-networks.ts';
import { countWeights, type Network } from '../src/nn/network.ts';
import { networkByName } from '../src/nn/networks.ts';
import { languageModelling } from '../src/train/language-modelling.ts';
import type { TrainingSettings } from '../src/train/settings.ts';
import {
  type BenchCase,
  type CaseResult,
  compared,
  joined,
  numbersOf,
  race,
  type Tools,
} from './bench-case.ts';
import { bind } from './bound-program.ts';
import { usefulOperations } from './kernel-classes.ts';
import { timed } from './measure.ts';
import { compiledStep, digitalStep, randomBatch, stepOf, type TrainingStep } from './networks.ts';
import { peerContestants } from './peer.ts';

/** Symbols of the text, also of the peer: those of tiny Shakespeare. */
const SYMBOLS = 65;
/** Heads and channels of a head, also of the peer. */
const [HEADS, DEPTH] = [4, 32];

/** The case. */
export const transformersCase: BenchCase = {
  name: 'transformers',
  description: 'attention over 64 to 256 positions; training steps of char-gpt and vit with AdamW',
  run: async (tools) => {
    const parts: CaseResult[] = [];
    for (const time of [64, 128, 256]) parts.push(await attentionOf(tools, time, 32));
    parts.push(await gptStep(tools, 64, 32), await gptStep(tools, 128, 32), await vitStep(tools, 64));
    return joined(parts);
  },
};

/** Causal attention of four heads, and the gradients of its three operands. */
async function attentionOf(tools: Tools, time: number, batch: number): Promise<CaseResult> {
  const name = `attention-${time}`;
  const shape = [batch, HEADS, time, DEPTH];
  const graph = trace((t) => {
    const operand = (name: string): Tensor => t.input(name, shape);
    const [q, k, v] = [operand('q'), operand('k'), operand('v')];
    const y = attend(q, k, v, { causal: true });
    const slopes = gradients(y.multiply(operand('g')).sum(), [q, k, v]);
    return { outputs: { y, dq: slopes[0]!, dk: slopes[1]!, dv: slopes[2]! } };
  });
  const draw = randomSequence([3, 4]);
  const values = (): Float32Array => Float32Array.from({ length: batch * HEADS * time * DEPTH }, draw.normal);
  const executable = await tools.native.compile(graph);
  const bound = bind(tools.native, executable, {
    inputs: { q: values(), k: values(), v: values(), g: values() },
  });
  const by = `${name}-pytorch`;
  const torch = await peerContestants(tools, { name: by, peerCase: name, batch });
  const results = await race(tools, name, [{ name, run: timed(bound.run) }, ...torch], 5);
  bound.free();
  executable.free();
  const title = `attention and its gradients, ${batch} x ${HEADS} x ${time} x ${DEPTH}`;
  const operations = usefulOperations(graph);
  return {
    rows: [
      compared(tools, results, { title, contestant: name, by, peerName: 'PyTorch', atMost: 1, operations }),
    ],
    ...numbersOf(tools, results, [[name, by]]),
  };
}

function adamwStep(batchSize: number): TrainingSettings {
  const rule = { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 5e-4 } as const;
  return { ...digitalStep(batchSize), rule };
}

async function gptStep(tools: Tools, time: number, batch: number): Promise<CaseResult> {
  const network = characterNetworkByName('char-gpt', { context: time, symbols: SYMBOLS });
  const text = new Float32Array(2 * time);
  const task = languageModelling({ train: text, test: text, context: time, vocabulary: SYMBOLS });
  const settings = adamwStep(batch);
  const draw = randomSequence([3, 4]);
  const symbols = (): Float32Array => Float32Array.from({ length: batch * time }, () => draw.below(SYMBOLS));
  const options = { network, task, rule: updateRule(settings.rule), settings };
  const inputs = { tokens: symbols(), targets: symbols() };
  const name = `char-gpt-${time}`;
  return raced(tools, {
    name,
    network,
    batch,
    peerCase: `${name}-training-step`,
    title: `char-gpt training step, batch ${batch}, ${time} positions`,
    step: await compiledStep(tools.native, name, options, inputs),
  });
}

async function vitStep(tools: Tools, batch: number): Promise<CaseResult> {
  const network = networkByName('vit', { inputShape: [32, 32, 3], classes: 10 });
  const options = stepOf(network, adamwStep(batch));
  return raced(tools, {
    name: 'vit',
    network,
    batch,
    peerCase: 'vit-training-step',
    title: `vit training step, batch ${batch}`,
    step: await compiledStep(tools.native, 'vit', options, randomBatch(network, batch)),
  });
}

type Race = {
  readonly name: string;
  readonly title: string;
  readonly network: Network;
  readonly batch: number;
  readonly peerCase: string;
  readonly step: TrainingStep;
};

async function raced(
  tools: Tools,
  { name, title, network, batch, peerCase, step }: Race,
): Promise<CaseResult> {
  const by = `${name}-pytorch`;
  // The peer counts its layers; tables are none.
  const tables = network.parameters.filter(({ role }) => role === 'table');
  const weights = countWeights(network) - countWeights({ parameters: tables });
  const torch = await peerContestants(tools, { name: by, peerCase, batch, weights });
  const results = await race(tools, name, [step, ...torch]);
  step.free();
  const operations = usefulOperations(step.graph);
  return {
    rows: [
      compared(tools, results, { title, contestant: name, by, peerName: 'PyTorch', atMost: 1, operations }),
    ],
    ...numbersOf(tools, results, [[name, by]]),
    details: { [`${name}-ready-milliseconds`]: step.readyMs },
  };
}
