// From a layer to a `Model`: reads off which parameters lie on crossbars and which layers keep statistics, and checks
// what a caller hands in, once, at the door.

import { throwFaults } from '../base/errors.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../base/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Layer } from './layers.ts';
import type { AnalogLayer, ImageTask, Model, ParameterRole, ParameterSpec } from './model.ts';

/**
 * A network that is one layer from images to logits, usually a `sequence`.
 *
 * @throws UsageError if the task is impossible, the layer does not end in one logit a class, or two parameters share a name
 */
export function classifier({
  name,
  inputShape,
  classes,
  layer,
}: ImageTask & { readonly name: string; readonly layer: Layer }): Model {
  throwFaults(`model "${name}"`, taskFaults({ inputShape, classes }));
  const { parameters, outputShape, apply } = layer(inputShape);
  throwFaults(`model "${name}"`, [
    ...(sameShape(outputShape, [classes])
      ? []
      : [`its output ${formatShape(outputShape)} is not one logit for each of ${classes} classes`]),
    ...repeatedNames(parameters).map((repeated) => `two parameters are named "${repeated}"; rename a layer`),
  ]);
  return {
    name,
    inputShape,
    classes,
    parameters,
    analogLayers: parameters.filter(({ role }) => role === 'weights').map(analogLayer),
    normalizationLayers: layersWith(parameters, 'runningMean'),
    apply: (given, images, multiply, mode) => {
      throwFaults(`model "${name}"`, [
        ...imageFaults(images, inputShape),
        ...parameters.flatMap((spec) => parameterFaults(spec, given)),
      ]);
      const { value, statistics } = apply(images, { parameters: given, multiply, mode });
      return { logits: value, statistics };
    },
  };
}

function taskFaults({ inputShape, classes }: ImageTask): string[] {
  const isSize = (size: number): boolean => Number.isInteger(size) && size > 0;
  return [
    ...(inputShape.length === 3 && inputShape.every(isSize)
      ? []
      : [`expected images of (height, width, channels), each at least 1, got ${formatShape(inputShape)}`]),
    ...(isSize(classes) && classes >= 2 ? [] : [`expected at least 2 classes, got ${classes}`]),
  ];
}

function imageFaults({ shape }: Tensor, inputShape: Shape): string[] {
  const fits = shape.length === 4 && sameShape(shape.slice(1), inputShape);
  return fits ? [] : [`expected images (n, ${inputShape.join(', ')}), got ${formatShape(shape)}`];
}

function parameterFaults({ name, shape }: ParameterSpec, given: Readonly<Record<string, Tensor>>): string[] {
  const tensor = given[name];
  if (tensor === undefined) return [`parameter "${name}" ${formatShape(shape)} is missing`];
  if (sameShape(tensor.shape, shape)) return [];
  return [`parameter "${name}" is ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`];
}

function repeatedNames(parameters: readonly ParameterSpec[]): string[] {
  const names = parameters.map(({ name }) => name);
  return [...new Set(names.filter((name, position) => names.indexOf(name) !== position))];
}

function analogLayer({ name, shape }: ParameterSpec): AnalogLayer {
  const columns = shape[shape.length - 1]!;
  return { name: layerOf(name), shape, rows: elementCount(shape) / columns, columns };
}

function layersWith(parameters: readonly ParameterSpec[], wanted: ParameterRole): string[] {
  return parameters.filter(({ role }) => role === wanted).map(({ name }) => layerOf(name));
}

/** The layer of a parameter: its name without the role. */
function layerOf(parameterName: string): string {
  return parameterName.slice(0, parameterName.lastIndexOf('.'));
}
