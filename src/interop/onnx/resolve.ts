// A model → the description of a network and the numbers of its constants. Branches are chosen, functions opened, and
// everything that does not depend on the batch is computed. What remains are the nodes that a network runs. Whether
// something depends on the batch is found out by doing all of it for two sizes of the batch.

import { messageOf, throwFaults, UsageError } from '../../base/errors.ts';
import { elementCount, sameShape } from '../../base/shape.ts';
import { exactProduct } from '../../graph/operator.ts';
import { type Trace, trace } from '../../graph/trace.ts';
import { constantValue, functionKey, isStandard } from './decode.ts';
import type { DescribedConstant, DescribedNode, OnnxDescription } from './description.ts';
import { type Evaluated, evaluateNode, isKnowable } from './evaluate-node.ts';
import { type Inputs, inputValue, type NetworkInput, type OnnxInputOptions, settleInputs } from './inputs.ts';
import {
  type AttributeValue,
  byName,
  type HostValues,
  type Numbers,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
} from './model.ts';
import { operatorNames, operatorOf } from './operators.ts';
import { KEEPS_BATCH } from './shapes.ts';
import type { World } from './step.ts';
import { dimsOf, type Host, type Value } from './value.ts';

/** What a caller says of a model. */
export type ResolveOptions = {
  readonly name: string;
  readonly inputs: Readonly<Record<string, OnnxInputOptions>>;
  /** The outputs to keep, and their names in the network; absent: all that have a batch. */
  readonly outputs?: Readonly<Record<string, string>> | undefined;
  /** Leave out a softmax at the end of an output, so that the network gives logits. */
  readonly dropSoftmax?: boolean | undefined;
};

/** A network to build, with the numbers that its constants have. */
export type Resolved = {
  readonly description: OnnxDescription;
  readonly numbers: ReadonlyMap<string, Numbers>;
};

/** Two sizes of a batch that no axis has by accident. */
const BATCHES = [13, 61] as const;

/**
 * Resolves a model.
 *
 * @throws UsageError that lists everything that is missing or not supported
 */
export function resolveModel(model: OnnxModel, options: ResolveOptions): Resolved {
  const settled = settleInputs(model.graph, options.inputs);
  throwFaults('inputs', settled.faults);
  const job = { model, options, settled, cache: new Map<string, readonly (Value | undefined)[]>() };
  const [one, other] = BATCHES.map((batch) => runModel(job, batch, new Set<string>()));
  const same = new Set(
    [...one!.sized.keys()].filter((name) => areEqual(one!.sized.get(name), other!.sized.get(name))),
  );
  const [first, second] = BATCHES.map((batch) => runModel({ ...job, cache: new Map() }, batch, same));
  if (JSON.stringify(first!.nodes) !== JSON.stringify(second!.nodes))
    throw new UsageError('its nodes depend on the size of the batch; export it with a fixed batch');
  return described(job, first!);
}

function areEqual(a: Host | undefined, b: Host | undefined): boolean {
  if (a === undefined || b === undefined || !sameShape(a.dims, b.dims)) return false;
  const values = b.values();
  return a.values().every((value, k) => Object.is(value, values[k]));
}

type Job = {
  readonly model: OnnxModel;
  readonly options: ResolveOptions;
  readonly settled: Inputs;
  /** Results of nodes that depend on nothing, by the first output. */
  readonly cache: Map<string, readonly (Value | undefined)[]>;
};

/** What one run over a model leaves. */
type Run = {
  readonly job: Job;
  readonly batch: number;
  /** Values that do not depend on the batch although sizes say so. */
  readonly same: ReadonlySet<string>;
  readonly values: Map<string, Value | 'unsupported'>;
  /** The name by which a value is computed, for outputs of branches and functions. */
  readonly aliases: Map<string, string>;
  readonly nodes: DescribedNode[];
  readonly sized: Map<string, Host>;
  /** Operators that are not known, by domain and name. */
  readonly faults: Map<string, string>;
  /** What is wrong with nodes whose operator is known. */
  readonly misfits: string[];
  readonly names: Set<string>;
  /** Names of calls and branches, which are parts of the names within them. */
  readonly scopes: Set<string>;
  readonly world: World;
};

function runModel(job: Job, batch: number, same: ReadonlySet<string>): Run {
  let run: Run | undefined;
  trace((t) => {
    run = {
      job,
      batch,
      same,
      values: new Map(),
      aliases: new Map(),
      nodes: [],
      sized: new Map(),
      faults: new Map(),
      misfits: [],
      names: new Set(),
      scopes: new Set(),
      world: shapeWorld(t),
    };
    for (const input of job.settled.inputs) run.values.set(input.name, traced(t, input, batch));
    for (const [name, { kind, dims, values }] of Object.entries(job.settled.fixed))
      run.values.set(name, constantHost(name, { kind, dims, values: Float64Array.from(values) }));
    runGraph(run, job.model.graph, 0);
    return { outputs: {} };
  });
  refuseModel([...run!.faults.values()], run!.misfits);
  return run!;
}

/** Most nodes that a message names. */
const MOST_NAMED = 20;

/** Throws if there are operators that are not known, or nodes whose attributes or inputs do not fit theirs. */
function refuseModel(operators: readonly string[], misfits: readonly string[]): void {
  const all = [...operators, ...misfits];
  if (all.length === 0) return;
  if (operators.length === 0 && misfits.length === 1) throw new UsageError(misfits[0]!);
  const more = all.length > MOST_NAMED ? [`${all.length - MOST_NAMED} more`] : [];
  const lines = [...all.slice(0, MOST_NAMED), ...more].map((fault) => `  - ${fault}`);
  const known = operators.length === 0 ? [] : [`supported are ${operatorNames.join(', ')}`];
  throw new UsageError(['not supported:', ...lines, ...known].join('\n'));
}

function traced(t: Trace, input: NetworkInput, batch: number): Value {
  const rest = input.dims.filter((_, axis) => axis !== input.batchAxis);
  const shape = input.channelsLast ? [batch, ...rest.slice(1), rest[0]!] : [batch, ...rest];
  return inputValue(input, t.input(input.name, shape));
}

/** The world of shapes: parameters have no values. */
function shapeWorld(t: Trace): World {
  let count = 0;
  return {
    builder: t.builder,
    mode: { kind: 'inference' },
    parameter: ({ shape }) => t.input(`parameter ${count++}`, shape),
    layer: ({ kind, shape, groups = 1 }) => ({ name: `layer ${count++}`, kind, shape, groups }),
    multiply: (x, layer, geometry) => exactProduct(x, t.input(layer.name, layer.shape), layer.kind, geometry),
    note: () => undefined,
    isRestored: () => false,
    normalizationName: (host) => host.name,
  };
}

/** A tensor of the file as a value. */
export function constantHost(name: string, { kind, dims, values }: HostValues): Host {
  const isStored = kind === 'float';
  return { where: 'host', name, label: name, kind, dims, values: () => values, isStored, isSized: false };
}

/** Graphs within graphs: branches and functions. */
const DEEPEST = 50;

function runGraph(run: Run, graph: OnnxGraph, depth: number): void {
  if (depth > DEEPEST) throw new UsageError(`branches and functions are nested more than ${DEEPEST} deep`);
  for (const [name, values] of Object.entries(graph.constants))
    run.values.set(name, constantHost(name, values));
  for (const node of neededNodes(graph)) runNode(run, node, depth);
  for (const { name } of graph.outputs)
    if (!run.values.has(name)) throw new UsageError(`output "${name}" is made by no node`);
}

/** The nodes that outputs need, in order. */
function neededNodes({ nodes, outputs }: OnnxGraph): OnnxNode[] {
  const needed = new Set(outputs.map(({ name }) => name));
  const chosen: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => name !== '' && needed.has(name))) continue;
    chosen.push(node);
    for (const name of namesUsed(node)) needed.add(name);
  }
  return chosen.reverse();
}

/** Inputs of a node and of the graphs within it. */
function namesUsed({ inputs, attributes }: OnnxNode): string[] {
  const within = Object.values(attributes).flatMap((value) =>
    typeof value === 'object' && 'graph' in value
      ? [...value.graph.nodes.flatMap(namesUsed), ...value.graph.outputs.map(({ name }) => name)]
      : [],
  );
  return [...inputs, ...within];
}

function runNode(run: Run, node: OnnxNode, depth: number): void {
  const missing = node.inputs.find((name) => name !== '' && !run.values.has(name));
  if (missing !== undefined)
    throw new UsageError(
      `node "${node.name}" (${node.op}): its input "${missing}" is made by no node before it`,
    );
  const inputs = node.inputs.map((name) => (name === '' ? undefined : run.values.get(name)));
  if (run.job.model.functions[functionKey(node.domain, node.op)] !== undefined)
    callFunction(run, node, depth);
  else if (!isStandard(node.domain)) refuse(run, node, `domain ${node.domain}`);
  else if (node.op === 'If') runBranch(run, node, depth);
  else if (node.op === 'Constant') runConstant(run, node);
  else if (operatorOf(node.op) === undefined) refuse(run, node);
  else if (inputs.includes('unsupported')) poison(run, node);
  else if (node.op === 'Identity') alias(run, node.outputs[0]!, node.inputs[0]!);
  else compute(run, node, inputs as (Value | undefined)[]);
}

/** A constant of a function; those of graphs are decoded with their graph. */
function runConstant(run: Run, node: OnnxNode): void {
  const value = constantValue(node);
  const name = node.outputs[0] ?? '';
  if (value === undefined) refuse(run, node, 'of this type');
  else run.values.set(name, constantHost(name, value));
}

function refuse(run: Run, node: OnnxNode, more?: string): void {
  const known = run.faults.get(`${node.domain}:${node.op}`);
  const text = `operator ${node.op}${more === undefined ? '' : ` (${more})`}, node "${node.name}"`;
  run.faults.set(
    `${node.domain}:${node.op}`,
    known === undefined ? text : known.endsWith('and others') ? known : `${known} and others`,
  );
  poison(run, node);
}

function poison(run: Run, node: OnnxNode): void {
  for (const name of node.outputs) if (name !== '') run.values.set(name, 'unsupported');
}

function alias(run: Run, to: string, from: string): void {
  run.values.set(to, run.values.get(from)!);
  run.aliases.set(to, run.aliases.get(from) ?? from);
}

function compute(run: Run, given: OnnxNode, inputs: readonly (Value | undefined)[]): void {
  const { opset } = run.job.model;
  const node = withPlainAttributes(keepingBatch(run, given, inputs));
  const key = node.outputs[0]!;
  const isFree = isKnowable(inputs) && !inputs.some((value) => value?.where === 'host' && value.isSized);
  const cached = isFree ? run.job.cache.get(key) : undefined;
  const evaluated =
    cached === undefined
      ? evaluatedOrMisfit(run, () => evaluateNode(node, opset, inputs, run.world))
      : { outputs: cached, isKnown: true };
  if (evaluated === undefined) {
    poison(run, node);
    return;
  }
  const { outputs, isKnown } = evaluated;
  if (isFree) run.job.cache.set(key, outputs);
  let isNeeded = !isKnown;
  for (const [k, name] of node.outputs.entries()) {
    const value = outputs[k];
    if (name === '') continue;
    if (value === undefined) {
      run.values.set(name, 'unsupported');
      continue;
    }
    if (value.where === 'graph') {
      isNeeded = true;
      run.values.set(name, value);
      continue;
    }
    const isSized = value.isSized && !run.same.has(name);
    if (value.isSized) run.sized.set(name, value);
    isNeeded ||= isSized;
    run.values.set(name, { ...value, name, isSized });
  }
  if (isNeeded) run.nodes.push(describedNode(run, node));
}

/** What a node makes; if it can't be evaluated, takes note of it and goes on, so that all such nodes are named at once. */
function evaluatedOrMisfit(run: Run, evaluate: () => Evaluated): Evaluated | undefined {
  try {
    return evaluate();
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    run.misfits.push(messageOf(thrown));
    return undefined;
  }
}

/** In a file with a fixed batch, what is reshaped to that batch keeps its first axis. */
function keepingBatch(run: Run, node: OnnxNode, [x, target]: readonly (Value | undefined)[]): OnnxNode {
  const { fixedBatch } = run.job.settled;
  if (node.op !== 'Reshape' || fixedBatch === undefined || x?.where !== 'graph' || target?.where !== 'host')
    return node;
  if (dimsOf(x)[0] !== run.batch || target.values()[0] !== fixedBatch) return node;
  return { ...node, attributes: { ...node.attributes, [KEEPS_BATCH]: 1 } };
}

const KINDS = ['float', 'int', 'bool'] as const;

/** Attributes without tensors: those of `ConstantOfShape` as numbers. */
function withPlainAttributes(node: OnnxNode): OnnxNode {
  const attributes = byName<AttributeValue>();
  for (const [name, value] of Object.entries(node.attributes)) {
    if (typeof value !== 'object' || Array.isArray(value)) attributes[name] = value;
    else if ('tensor' in value && elementCount(value.tensor.dims) === 1) {
      attributes[name] = value.tensor.values[0]!;
      attributes['kind'] = KINDS.indexOf(value.tensor.kind);
    }
  }
  return { ...node, attributes };
}

function describedNode(run: Run, { name, op, inputs, outputs, attributes }: OnnxNode): DescribedNode {
  return {
    name: uniqueName(run.names, name),
    op,
    inputs: inputs.map((one) => run.aliases.get(one) ?? one),
    outputs,
    attributes: { ...attributes } as DescribedNode['attributes'],
  };
}

function uniqueName(names: Set<string>, name: string): string {
  let unique = name;
  for (let k = 2; names.has(unique); k++) unique = `${name}_${k}`;
  names.add(unique);
  return unique;
}

function runBranch(run: Run, node: OnnxNode, depth: number): void {
  const condition = run.values.get(node.inputs[0] ?? '');
  if (condition === 'unsupported') {
    poison(run, node);
    return;
  }
  if (condition === undefined || condition.where === 'graph')
    throw new UsageError(
      `node "${node.name}" (If): its condition depends on the data, expected one that is known; give inputs such as a sample rate as values`,
    );
  const branch = node.attributes[condition.values()[0] ? 'then_branch' : 'else_branch'];
  if (typeof branch !== 'object' || !('graph' in branch))
    throw new UsageError(`node "${node.name}" (If): a branch is missing`);
  const graph = withOwnNames(run, branch.graph, node);
  runGraph(run, graph, depth + 1);
  for (const [k, name] of node.outputs.entries()) {
    const inner = graph.outputs[k]?.name;
    if (inner === undefined) throw new UsageError(`node "${node.name}" (If): a branch has no output ${k}`);
    alias(run, name, inner);
  }
}

/** A branch whose values have names that nothing outside has: two branches may use the same. */
function withOwnNames(run: Run, graph: OnnxGraph, { name: branch }: OnnxNode): OnnxGraph {
  const { graph: outer } = run.job.model;
  const taken = new Set([...run.values.keys(), ...outer.nodes.flatMap(({ outputs }) => outputs)]);
  const made = [...Object.keys(graph.constants), ...graph.nodes.flatMap(({ outputs }) => outputs)];
  const shared = made.filter((name) => name !== '' && taken.has(name));
  if (shared.length === 0) return graph;
  const scope = uniqueName(run.scopes, branch);
  return renamedGraph(graph, new Map(shared.map((name) => [name, `${scope}/${name}`])));
}

/** A graph with other names of values, also where the graphs within it use them. */
function renamedGraph(graph: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const renamed = (name: string): string => names.get(name) ?? name;
  const constants = byName<HostValues>();
  for (const [name, values] of Object.entries(graph.constants)) constants[renamed(name)] = values;
  const nodes = graph.nodes.map((node): OnnxNode => {
    const attributes = byName<AttributeValue>();
    for (const [name, value] of Object.entries(node.attributes))
      attributes[name] =
        typeof value === 'object' && 'graph' in value ? { graph: renamedGraph(value.graph, names) } : value;
    return { ...node, attributes, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) };
  });
  const outputs = graph.outputs.map((one) => ({ ...one, name: renamed(one.name) }));
  return { ...graph, constants, nodes, outputs };
}

/** The nodes of a function in place of its call, with names of their own. */
function callFunction(run: Run, call: OnnxNode, depth: number): void {
  const { inputs, outputs, nodes, defaults } = run.job.model.functions[functionKey(call.domain, call.op)]!;
  const names = new Map(inputs.map((name, k): [string, string] => [name, call.inputs[k] ?? '']));
  for (const [k, name] of outputs.entries()) if (call.outputs[k]) names.set(name, call.outputs[k]);
  const scope = uniqueName(run.scopes, call.name);
  const renamed = (name: string): string => (name === '' ? '' : (names.get(name) ?? `${scope}/${name}`));
  const opened = nodes.map((node): OnnxNode => {
    const attributes = byName<AttributeValue>();
    for (const [name, value] of Object.entries(node.attributes)) {
      const isReference = typeof value === 'object' && 'reference' in value;
      const own = isReference ? (call.attributes[value.reference] ?? defaults[value.reference]) : value;
      if (own !== undefined) attributes[name] = own;
    }
    return {
      ...node,
      name: `${scope}/${node.name}`,
      attributes,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    };
  });
  const own = outputs.map(
    (name): OnnxValueInfo => ({ name: renamed(name), kind: undefined, dims: undefined }),
  );
  runGraph(
    run,
    {
      nodes: opened,
      constants: {},
      inputs: [],
      outputs: own.slice(0, call.outputs.length),
    },
    depth + 1,
  );
}

function described(job: Job, run: Run): Resolved {
  const { options, model, settled } = job;
  const all = outputsOf(job, run);
  const byOutput = new Map(
    run.nodes.flatMap((node) => node.outputs.map((name): [string, DescribedNode] => [name, node])),
  );
  const outputs = all.map(({ name, as }) => {
    const last = byOutput.get(name);
    const isSoftmax = options.dropSoftmax === true && (last?.op === 'Softmax' || last?.op === 'LogSoftmax');
    return { name: isSoftmax ? last!.inputs[0]! : name, as };
  });
  const needed = new Set(outputs.map(({ name }) => name));
  const nodes = run.nodes
    .toReversed()
    .filter((node) => {
      const isUsed = node.outputs.some((name) => needed.has(name));
      if (isUsed) for (const name of node.inputs) needed.add(name);
      return isUsed;
    })
    .reverse();
  const constants = byName<DescribedConstant>();
  const numbers = new Map<string, Numbers>();
  for (const name of needed) {
    const value = run.values.get(name);
    if (value === undefined || value === 'unsupported' || value.where === 'graph' || byOutput.has(name))
      continue;
    const { kind, dims, label, isStored } = value;
    constants[name] = { kind, dims, label, isStored };
    numbers.set(name, value.values());
  }
  return {
    description: {
      format: 'ohmic-onnx-1',
      name: options.name,
      opset: model.opset,
      inputs: settled.inputs,
      outputs,
      nodes,
      constants,
      restored: [],
    },
    numbers,
  };
}

function outputsOf({ model, options }: Job, run: Run): { readonly name: string; readonly as: string }[] {
  const wanted = options.outputs;
  const known = model.graph.outputs.map(({ name }) => name);
  const unknown = Object.keys(wanted ?? {}).filter((name) => !known.includes(name));
  throwFaults(
    'outputs',
    unknown.map(
      (name) => `there is no output "${name}"; the file has ${known.map((one) => `"${one}"`).join(', ')}`,
    ),
  );
  const kept = known.filter((name) => wanted === undefined || Object.hasOwn(wanted, name));
  const computed = kept.filter((name) => {
    const value = run.values.get(name);
    return value !== undefined && value !== 'unsupported' && value.where === 'graph';
  });
  if (computed.length === 0) throw new UsageError('none of its outputs depends on its inputs');
  return computed.map((name) => ({ name: run.aliases.get(name) ?? name, as: wanted?.[name] ?? name }));
}
