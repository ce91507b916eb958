// From modules to a `Network`: places every module, collects parameters and layers, and checks arguments once.
// `classifier` is the common case; `defineNetwork` wires any number of inputs, modules and outputs.

import { echo } from '../base/echo.ts';
import { throwFaults } from '../base/errors.ts';
import { formatShape, type Shape, sameShape } from '../base/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Module, type PlacedModule, partsOf } from './module.ts';
import type { Context, Network, ParameterRole, ParameterSpec } from './network.ts';

/** A module within a network, and the shape of one example of its input. */
export type Part = { readonly module: Module; readonly inputShape: Shape };

/** The definition of a network; see `defineNetwork`. */
export type NetworkDefinition<P extends string> = {
  readonly name: string;
  /** Shapes of one example of each input. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Shapes of one example of each output. */
  readonly outputs: Readonly<Record<string, Shape>>;
  readonly parts: { readonly [K in P]: Part };
  /**
   * The outputs from the inputs, each with the batch as its first axis. A part that is called twice uses its parameters
   * twice; one that carries states from window to window can be called once only.
   */
  readonly connect: (
    inputs: Readonly<Record<string, Tensor>>,
    parts: { readonly [K in P]: (x: Tensor) => Tensor },
  ) => Readonly<Record<string, Tensor>>;
};

/**
 * A network of any wiring.
 *
 * @throws UsageError if two parameters share a name, and from `apply` if parameters, inputs or outputs do not fit
 */
export function defineNetwork<P extends string>({
  name,
  inputs,
  outputs,
  parts,
  connect,
}: NetworkDefinition<P>): Network {
  const placed = Object.entries<Part>(parts).map(([part, { module, inputShape }]): [string, PlacedModule] => [
    part,
    module(inputShape),
  ]);
  const { parameters, layers, carried } = partsOf(placed.map(([, module]) => module));
  throwFaults(`network "${name}"`, nameFaults(parameters));
  return {
    name,
    inputs,
    outputs,
    parameters,
    layers,
    normalizationLayers: layersWith(parameters, 'runningMean'),
    carried,
    apply: (context) => {
      checkContext({ name, inputs, parameters }, context);
      const statistics: Record<string, Tensor> = {};
      const ended: Record<string, Tensor> = {};
      const callable = placed.map(([part, module]) => [
        part,
        (x: Tensor): Tensor => {
          const result = module.apply(x, context);
          Object.assign(statistics, result.statistics);
          const again = Object.keys(result.carried ?? {}).filter((state) => ended[state] !== undefined);
          throwFaults(
            `network "${name}"`,
            again.map(
              (state) => `part "${part}" is called twice, but carries "${state}" from its one window`,
            ),
          );
          Object.assign(ended, result.carried);
          return result.value;
        },
      ]);
      const given = connect(context.inputs, Object.fromEntries(callable));
      throwFaults(`network "${name}"`, shapeFaults('output', outputs, given));
      return { outputs: given, statistics, carried: ended };
    },
  };
}

/**
 * Checks what `apply` is given.
 *
 * @throws UsageError that lists parameters and inputs that are missing or have another shape
 */
export function checkContext(
  { name, inputs, parameters }: Pick<Network, 'name' | 'inputs' | 'parameters'>,
  context: Context,
): void {
  const digitalParameters = parameters.filter(({ role }) => role !== 'weights');
  throwFaults(`network "${name}"`, [
    ...shapeFaults('input', inputs, context.inputs),
    ...digitalParameters.flatMap((spec) => parameterFaults(spec, context)),
  ]);
}

/** A network that is one module, usually a `sequence`, from one input to one output. */
export function feedForward({
  name,
  input,
  output,
  module,
}: {
  readonly name: string;
  /** Its name, and the shape of one example. */
  readonly input: { readonly name: string; readonly shape: Shape };
  readonly output: string;
  readonly module: Module;
}): Network {
  return defineNetwork({
    name,
    inputs: { [input.name]: input.shape },
    outputs: { [output]: module(input.shape).outputShape },
    parts: { main: { module, inputShape: input.shape } },
    connect: (inputs, { main }) => ({ [output]: main(inputs[input.name]!) }),
  });
}

/** Size of the images, (height, width, channels), and number of classes: what a named network is made for. */
export type ImageTask = { readonly inputShape: Shape; readonly classes: number };

/**
 * A network that is one module from `images` to `logits`, usually a `sequence`.
 *
 * @throws UsageError if the task is impossible, the module does not end in one logit a class, or two parameters share a
 *         name
 */
export function classifier({
  name,
  inputShape,
  classes,
  module,
}: ImageTask & { readonly name: string; readonly module: Module }): Network {
  throwFaults(`network "${name}"`, taskFaults({ inputShape, classes }));
  const { outputShape, parameters } = module(inputShape);
  throwFaults(`network "${name}"`, [
    ...(sameShape(outputShape, [classes])
      ? []
      : [`its output ${formatShape(outputShape)} is not one logit for each of ${classes} classes`]),
    ...nameFaults(parameters),
  ]);
  return defineNetwork({
    name,
    inputs: { images: inputShape },
    outputs: { logits: [classes] },
    parts: { main: { module, inputShape } },
    connect: ({ images }, { main }) => ({ logits: main(images!) }),
  });
}

/** What makes a task impossible for any network. */
export function taskFaults(task: ImageTask): string[] {
  if (!Array.isArray(task?.inputShape)) return ['expected the shape of an example, `inputShape`, got none'];
  const { inputShape, classes } = task;
  const isSize = (size: number): boolean => Number.isInteger(size) && size > 0;
  return [
    ...(inputShape.length >= 1 && inputShape.length <= 3 && inputShape.every(isSize)
      ? []
      : [
          `expected examples of (features), (length, channels) or (height, width, channels), each at least 1, got (${inputShape.map(echo).join(', ')})`,
        ]),
    ...(isSize(classes) && classes >= 2 ? [] : [`expected at least 2 classes, got ${echo(classes)}`]),
  ];
}

function shapeFaults(
  what: 'input' | 'output',
  shapes: Readonly<Record<string, Shape>>,
  given: Readonly<Record<string, Tensor>>,
): string[] {
  return Object.entries(shapes).flatMap(([name, shape]) => {
    const tensor = given[name];
    const expected = `expected ${what} "${name}" (n, ${shape.join(', ')})`;
    if (tensor === undefined) return [`${expected}, got none`];
    const fits = tensor.shape.length === shape.length + 1 && sameShape(tensor.shape.slice(1), shape);
    return fits ? [] : [`${expected}, got ${formatShape(tensor.shape)}`];
  });
}

function parameterFaults({ name, shape }: ParameterSpec, { parameters }: Context): string[] {
  const tensor = parameters[name];
  if (tensor === undefined) return [`parameter "${name}" ${formatShape(shape)} is missing`];
  if (sameShape(tensor.shape, shape)) return [];
  return [`parameter "${name}" is ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`];
}

function nameFaults(parameters: readonly ParameterSpec[]): string[] {
  const names = parameters.map(({ name }) => name);
  const repeated = new Set(names.filter((name, position) => names.indexOf(name) !== position));
  return [...repeated].map((name) => `two parameters are named "${name}"; rename a module`);
}

function layersWith(parameters: readonly ParameterSpec[], wanted: ParameterRole): string[] {
  return parameters
    .filter(({ role }) => role === wanted)
    .map(({ name }) => name.slice(0, name.lastIndexOf('.')));
}
