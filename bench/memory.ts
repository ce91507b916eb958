// Peak memory of the training step of ResNet-32, beside what any training step must hold when backward begins.
// Nothing runs: both are read off the plan and the graph.

import { elementCount } from '../src/base/shape.ts';
import type { PlanOutline } from '../src/compile/backend.ts';
import { compile } from '../src/compile/compile.ts';
import { simplify } from '../src/compile/passes/simplify.ts';
import { type Graph, type Node, nodesOf } from '../src/graph/node.ts';
import { isTrained, type Network } from '../src/nn/network.ts';
import { traceTrainingStep } from '../src/train/step.ts';
import type { BenchCase, CaseResult, Tools } from './bench-case.ts';
import { BATCH, digitalStep, resnet32, stepOf } from './networks.ts';

const BYTES = 4;
const AT_MOST = 1.5;

/** The case. */
export const memoryCase: BenchCase = {
  name: 'memory',
  description:
    'peak memory of the training step of ResNet-32, beside saved activations, parameters and momenta',
  run: async (tools) => memoryResult(tools),
};

function memoryResult({ native, log }: Tools): CaseResult {
  log('memory: planning');
  const graph = traceTrainingStep(stepOf(resnet32, digitalStep(BATCH)));
  const held = heldBytes(compile(graph, native.backend), native.backend.threads);
  const needed = neededBytes(graph, resnet32);
  const sum = (parts: Readonly<Record<string, number>>): number =>
    Object.values(parts).reduce((all, part) => all + part, 0);
  const ratio = sum(held) / sum(needed);
  return {
    rows: [
      {
        title: 'peak memory, ResNet-32 training step',
        figure: { value: sum(held) / 1e6, unit: 'MB' },
        peer: { name: 'needed', value: sum(needed) / 1e6, unit: 'MB' },
        ratio,
        target: { of: 'ratio', atMost: AT_MOST },
      },
    ],
    milliseconds: {},
    ratios: { 'memory / needed': ratio },
    details: { memoryBytes: { held, needed } },
  };
}

/** What a plan holds while it runs: its arena, the buffers bound to it, and the scratch memory of every thread. */
export function heldBytes(plan: PlanOutline, threads: number): Readonly<Record<string, number>> {
  const bindings = plan.bindings.reduce((sum, { elements }) => sum + elements, 0);
  const scratch = Math.max(0, ...plan.kernels.map((kernel) => kernel.scratch));
  return {
    arena: BYTES * plan.arenaElements,
    bindings: BYTES * bindings,
    scratch: BYTES * scratch * threads,
  };
}

/**
 * What must be held when backward begins, whatever the compiler: the batch, parameters, momenta, and the activations
 * that backward loads and that are not elementwise in others. These are the outputs of all products, of which batch
 * normalisation and ReLU are recomputed on the way (their sums are small and not counted), and the sums of two
 * branches where a shortcut ends, without which a block's input would be recomputed through all blocks before it.
 *
 * Not counted, though a step cannot do entirely without: gradients of activations and of weights, partial sums, and
 * activations kept in a second form (after ReLU, staged, or transformed). The target's factor is for these.
 */
export function neededBytes(graph: Graph, network: Network): Readonly<Record<string, number>> {
  const { outputs } = simplify(graph);
  const forward = nodesOf({ outputs, updates: {} });
  const elementsOf = (nodes: readonly Node[]): number =>
    nodes.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const inputs = forward.filter(
    ({ op, attributes }) => op === 'input' && 'role' in attributes && attributes.role === 'input',
  );
  const parametersOf = (isCounted: (spec: Network['parameters'][number]) => boolean): number =>
    network.parameters.filter(isCounted).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return {
    batch: BYTES * elementsOf(inputs),
    productOutputs: BYTES * elementsOf(forward.filter(({ op }) => op === 'convolution' || op === 'matmul')),
    branchSums: BYTES * elementsOf(forward.filter(isBranchSum)),
    parameters: BYTES * parametersOf(() => true),
    momenta: BYTES * parametersOf(isTrained),
  };
}

/** True for a + b of two images, neither of which is a row of channels stretched over the image. */
function isBranchSum(node: Node): boolean {
  return node.op === 'add' && node.shape.length === 4 && !node.inputs.some(isStretched);
}

function isStretched({ op, inputs }: Node): boolean {
  return op === 'broadcast' || op === 'constant' || (op === 'reshape' && isStretched(inputs[0]!));
}
