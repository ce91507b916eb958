// The accuracies of a record in the form of the chart.

import type { CompensationMethod, NetworkResult } from 'ohmic';
import type { AccuracyPoint } from '../charts/accuracy.tsx';

const known = new WeakMap<NetworkResult['deployed'], ReturnType<typeof pointsOf>>();

/** Points of all chips, and the methods; the same values every time, so that charts are not drawn anew. */
export function timesOf(deployed: NetworkResult['deployed']): ReturnType<typeof pointsOf> {
  const found = known.get(deployed) ?? pointsOf(deployed);
  known.set(deployed, found);
  return found;
}

function pointsOf(deployed: NetworkResult['deployed']): {
  readonly points: readonly AccuracyPoint[];
  readonly methods: readonly CompensationMethod[];
} {
  const points = deployed.flatMap(({ timeSeconds, method, accuracies }) =>
    accuracies.map((accuracy) => ({ timeSeconds, method, accuracy })),
  );
  return { points, methods: [...new Set(points.map(({ method }) => method))] };
}
