// Names of layers from those of a file: of the tensor with the weights, if a person gave it, otherwise of the node. Dots
// separate the parts, as everywhere in ohmic: `layer1.0.conv1`.

import type { OnnxNode } from './model.ts';

/** Endings that tell what a tensor is, not whose it is. */
const ENDING =
  /[._/](weight|weights|bias|gamma|beta|kernel|w|b|scale|shift|running_mean|running_var)(_?\d+)?$/i;

/** Names that a program made up. */
const MADE_UP = /^(onnx::|_?\d+$|const|constant|val_|initializer|p2o\.|helper)|::/i;

/** Parts of names that tensors of a training have. */
const RESERVED = /\.(fast|transfer)(?=\.)/g;

/** The name of a layer whose weights have this label. */
export function layerName(label: string, node: Pick<OnnxNode, 'name' | 'op'>): string {
  const own = MADE_UP.test(label) || label === '' ? '' : clean(label.replace(ENDING, ''));
  return own || nodeName(node) || node.op.toLowerCase();
}

/** `/layer1/layer1.0/conv1/Conv` is `layer1.0.conv1`. */
function nodeName({ name, op }: Pick<OnnxNode, 'name' | 'op'>): string {
  const parts = name.split('/').filter((part) => part !== '');
  const last = parts.at(-1);
  if (last !== undefined && parts.length > 1 && new RegExp(`^${op}(_\\d+)?$`).test(last)) parts.pop();
  const kept = parts.filter((part, k) => !(parts[k + 1] ?? '').startsWith(`${part}.`));
  return clean(kept.join('.'));
}

function clean(name: string): string {
  const plain = name
    .replaceAll(/[/:\\]+/g, '.')
    .replaceAll(/[^\w.-]/g, '_')
    .replaceAll(/\.{2,}/g, '.')
    .replaceAll(/^\.|\.$/g, '');
  return `.${plain}.`.replaceAll(RESERVED, '.$1_').slice(1, -1);
}
