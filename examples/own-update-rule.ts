// How do I train with an update rule of my own? Here weights move by steps of one size, up or down, as pulses move cells:
// the sign of the running mean of the gradient decides (signum).

import { prepareFit, sgd, type UpdateRule } from 'ohmic';
import { createEngine } from 'ohmic/node';
import { textureNetwork as network, percent, textureSettings, textures } from './textures.ts';

const signum: UpdateRule = {
  name: 'signum',
  // What the rule keeps for each parameter between steps: zero at first, held by checkpoints.
  states: ({ name, shape }) => [{ name: `${name}.momentum`, shape }],
  scalars: () => ({}),
  // A function on symbolic tensors, compiled into the training step.
  update: ({ parameter: { name }, weights, gradient, learningRate, state }) => {
    const mean = state(`${name}.momentum`).multiply(0.9).add(gradient.multiply(0.1));
    const sign = mean.less(0).select(-1, 1);
    return {
      weights: weights.subtract(sign.multiply(learningRate)),
      states: { [`${name}.momentum`]: mean },
    };
  },
};

const { engine } = await createEngine();
const data = textures();
const rules = [
  { rule: sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-4 }), initial: 0.2 },
  { rule: signum, initial: 0.003 },
];
for (const { rule, initial } of rules) {
  const settings = { ...textureSettings, learningRate: { kind: 'cosine', initial } } as const;
  const fitting = await prepareFit({ engine, network, data, settings, rule });
  const { history } = await fitting.result();
  console.log(`${rule.name}: ${percent(history.at(-1)!.testAccuracy!)}`);
  fitting.free();
}
await engine.close();
