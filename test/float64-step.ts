// A training step in float64: the graph of the step, evaluated by the interpreter.

import type { Parameters } from '../src/base/parameters.ts';
import type { Key } from '../src/base/random.ts';
import { interpret } from '../src/graph/interpret.ts';
import { updateRule } from '../src/insitu/update-rule.ts';
import type { Network } from '../src/nn/network.ts';
import type { UpdateRule } from '../src/rules/update-rule.ts';
import type { TrainingSettings } from '../src/train/settings.ts';
import { initialTrainingState, traceBegin, traceTrainingStep } from '../src/train/step.ts';
import type { Goal } from '../src/train/task.ts';
import { valuesOf } from './interpreted-chip.ts';

/** Numbers by name, as the interpreter takes them. */
export type Values = Readonly<Record<string, ArrayLike<number>>>;

/** What is trained, and how. */
export type StepSetup = {
  readonly network: Network;
  readonly task: Goal;
  readonly settings: TrainingSettings;
  /** Absent: the one that the settings name. */
  readonly rule?: UpdateRule;
  readonly teacher?: Network;
};

/** When a step with the noise of cells reads them. */
export const READ_SECONDS = 3600;

/** What one step is given beside the states. */
export type StepCall = {
  readonly batch: Values;
  readonly rate: number;
  readonly step?: number;
  /** 0 at the start of a text: carried states count as zeros. */
  readonly carry?: number;
  /** Of the training noise, and of the rule. */
  readonly key?: Key;
};

/** The states that a training begins with, given the network's parameters. */
export function startOf(
  { network, settings, rule = updateRule(settings.rule) }: StepSetup,
  parameters: Parameters,
): Values {
  return valuesOf({ ...parameters, ...initialTrainingState({ network, rule, settings }) });
}

/** The states after a rule has given its own their first values. */
export function begunStates(
  { network, settings, rule = updateRule(settings.rule) }: StepSetup,
  states: Values,
  key: Key,
): Values {
  const graph = traceBegin({ network, rule, settings });
  if (graph === undefined) return states;
  const { updates } = interpret(graph, { ...states, 'begin.0': [key[0]], 'begin.1': [key[1]] });
  return { ...states, ...updates };
}

/** All states after one step, and what it puts out. */
export function float64Step(
  setup: StepSetup,
  states: Values,
  { batch, rate, step = 0, carry = 1, key = [3, 4] }: StepCall,
): { readonly states: Values; readonly loss: number; readonly outputs: Values } {
  const { settings, rule = updateRule(settings.rule) } = setup;
  const scalars = {
    ...rule.scalars(step),
    learningRate: rate,
    noiseScale: settings.noise.kind === 'gaussian' ? settings.noise.relativeToMax : 0,
    readSeconds: READ_SECONDS,
    step,
    carry,
  };
  const { outputs, updates } = interpret(traceTrainingStep({ ...setup, rule }), {
    ...states,
    ...batch,
    ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, [value]])),
    'noise.0': [key[0]],
    'noise.1': [key[1]],
    'rule.0': [key[0]],
    'rule.1': [key[1]],
  });
  return { states: { ...states, ...updates }, loss: outputs['loss']![0]!, outputs };
}
