// What a scene shows that needs weights which are not there: how to get them.

import type { JSX } from 'preact';
import { attempt, link, train, training, weights } from './lab.ts';

/** A button that trains what the link says; nothing if the weights are there. */
export function NeedsWeights(): JSX.Element | null {
  if (weights.value !== undefined) return null;
  const { isRunning, step, steps } = training.value;
  if (link.value.weights !== '') return <p>This view shows weights of a file. Open the file again.</p>;
  return (
    <div class="row">
      <button type="button" class="main" disabled={isRunning} onClick={() => attempt(train)}>
        Train the network of this view
      </button>
      {isRunning && <progress value={step} max={Math.max(1, steps)} aria-label="Training" />}
      <span class="quiet">
        A training is a function of its settings and seed: it gives the same weights again.
      </span>
    </div>
  );
}
