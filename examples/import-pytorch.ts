// How do I bring weights from PyTorch? A safetensors file of a state dict is matched to a network by names or by structure;
// axes are put into ohmic's order, and every mismatch is listed. The file is made here; read your own with readFile.

import {
  activation,
  classifier,
  dense,
  digital,
  encodeTensors,
  flatten,
  importWeights,
  type Parameters,
  sequence,
  trace,
  weightsOf,
} from 'ohmic';
import { createEngine } from 'ohmic/node';

const network = classifier({
  name: 'perceptron',
  inputShape: [4],
  classes: 2,
  module: sequence([
    flatten,
    dense({ name: 'hidden', outputs: 3 }),
    activation('relu'),
    dense({ name: 'last', outputs: 2 }),
  ]),
});

/** torch.nn.Sequential(Linear(4, 3), ReLU(), Linear(3, 2)).state_dict(): weights are (out, in). */
const stateDict: Parameters = {
  '0.weight': { shape: [3, 4], data: Float32Array.from({ length: 12 }, (_, i) => i) },
  '0.bias': { shape: [3], data: Float32Array.of(1, 2, 3) },
  '2.weight': { shape: [2, 3], data: Float32Array.of(1, 0, 0, 0, 0, 1) },
  '2.bias': { shape: [2], data: Float32Array.of(0, 0) },
};
const bytes = await encodeTensors({ tensors: stateDict, metadata: { format: 'pt' } });

const { parameters, matches } = await importWeights({
  file: 'model.safetensors',
  bytes,
  layout: 'torch',
  parameters: network.parameters,
});
for (const { ours, theirs, how } of matches) console.log(`${ours} is ${theirs.join(' + ')} (by ${how})`);

// The network answers as in PyTorch: of (1, 1, 1, 1) the hidden layer makes 6 + 1, 22 + 2, 38 + 3.
const { engine } = await createEngine();
const answer = await engine.compile(
  trace((t) => {
    const states = Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
    );
    return network.apply({
      inputs: { images: t.input('images', [1, 4]) },
      parameters: states,
      operator: digital((layer) => states[weightsOf(layer)]!),
      mode: { kind: 'inference' },
    });
  }),
);
const { logits } = await answer.run({
  inputs: { images: Float32Array.of(1, 1, 1, 1) },
  state: await engine.store(parameters),
});
console.log(`logits ${[...logits!].join(', ')}`);
await engine.close();
