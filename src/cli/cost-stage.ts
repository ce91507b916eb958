// Costs of evaluated networks, on the hardware and with the weights of their evaluation.

import type { HardwareCost } from '../cost/cost-spec.ts';
import type { Replicas } from '../cost/estimate.ts';
import { checkNetworkCost, networkCost } from '../experiment/network-cost.ts';
import type { NetworkResult } from '../experiment/record.ts';
import { costFromFlag, parseReplicas } from './cost-flag.ts';
import type { LabelledNetwork, MeasuredNetworks } from './evaluate-stage.ts';
import type { Workplace } from './workplace.ts';

/** Flags that ask for costs, as typed. */
export type CostOfEvaluationFlags = { readonly cost?: string; readonly replicas?: string };

/** A cost, and copies of layers. */
export type AskedCost = { readonly cost: HardwareCost; readonly replicas?: Replicas | undefined };

/** What flags ask for; nothing without `--cost`. Throws UsageError if it can't be read. */
export function askedCost({ cost, replicas }: CostOfEvaluationFlags): AskedCost | undefined {
  if (cost === undefined) return undefined;
  return {
    cost: costFromFlag(cost),
    replicas: replicas === undefined ? undefined : parseReplicas(replicas),
  };
}

/** Throws UsageError if the cost does not suit the hardware of a network. */
export function checkCosts(
  { networkOf, hardware }: MeasuredNetworks,
  networks: readonly LabelledNetwork[],
  asked: AskedCost | undefined,
): void {
  if (asked === undefined) return;
  for (const { trained } of networks) checkNetworkCost({ network: networkOf(trained), hardware, ...asked });
}

/** Results with their costs, if they are asked for. */
export async function withCosts(
  { networkOf, data, task, hardware, evaluation, seed }: MeasuredNetworks,
  {
    networks,
    results,
  }: {
    readonly networks: readonly LabelledNetwork[];
    readonly results: readonly NetworkResult[];
  },
  asked: AskedCost | undefined,
  { engine }: Workplace,
): Promise<readonly NetworkResult[]> {
  if (asked === undefined) return results;
  const costed: NetworkResult[] = [];
  for (const [position, { trained, evaluation: own }] of networks.entries()) {
    const network = networkOf(trained);
    const settings = own ?? evaluation;
    const cost = await networkCost({
      engine,
      network,
      trained,
      data,
      task,
      hardware,
      evaluation: settings,
      seed,
      ...asked,
    });
    costed.push({ ...results[position]!, cost });
  }
  return costed;
}
