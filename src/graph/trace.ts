// Records a function on tensors as a graph, once per set of shapes. What changes from call to call is an input,
// a state or a scalar; everything else is fixed here.

import { UsageError } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import { isInBody } from './loops.ts';
import type { DType, Graph, InputRole, Node } from './node.ts';
import { apply, type Builder, createBuilder, GraphKey, type Tensor } from './tensor.ts';

/** Element type of what is handed in; a bool is made of numbers, by comparison. */
export type NumberType = Exclude<DType, 'bool'>;

/** What a traced function declares its inputs with. */
export type Trace = {
  readonly builder: Builder;
  /** A tensor handed in with every call. */
  readonly input: (name: string, shape: Shape, dtype?: NumberType) => Tensor;
  /** A tensor that stays on the backend between calls. */
  readonly state: (name: string, shape: Shape) => Tensor;
  /** One number handed in with every call, shape (). */
  readonly scalar: (name: string, dtype?: NumberType) => Tensor;
  /** A random key handed in with every call, as the scalars `name.0` and `name.1`. */
  readonly key: (name: string) => GraphKey;
};

/** What a traced function returns. */
export type Traced = {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly updates?: Readonly<Record<string, Tensor>>;
};

/**
 * Records `define` as a graph.
 *
 * @throws UsageError if a name is declared twice with different shapes, or an update does not fit its state
 */
export function trace(define: (t: Trace) => Traced): Graph {
  const builder = createBuilder();
  const inputs = new Map<string, Node<'input'>>();
  const declare = (name: string, role: InputRole, shape: Shape, dtype: DType): Tensor => {
    if (dtype === 'bool')
      throw new UsageError(`trace: input "${name}" is bool; declare it as i32 or f32, and cast it`);
    const tensor = apply(builder, 'input', [], { name, role, shape, dtype });
    const known = inputs.get(name);
    if (known !== undefined && known !== tensor.node) {
      throw new UsageError(`trace: input "${name}" is declared twice, differently`);
    }
    inputs.set(name, tensor.node as Node<'input'>);
    return tensor;
  };
  const t: Trace = {
    builder,
    input: (name, shape, dtype = 'f32') => declare(name, 'input', shape, dtype),
    state: (name, shape) => declare(name, 'state', shape, 'f32'),
    scalar: (name, dtype = 'f32') => declare(name, 'scalar', [], dtype),
    key: (name) =>
      new GraphKey(
        [declare(`${name}.0`, 'scalar', [], 'i32'), declare(`${name}.1`, 'scalar', [], 'i32')],
        [0, 0],
      ),
  };
  const { outputs, updates = {} } = define(t);
  for (const [name, update] of Object.entries(updates)) {
    const state = inputs.get(name);
    if (state?.attributes.role !== 'state') {
      throw new UsageError(`trace: update of "${name}", which is not a state`);
    }
    if (state.shape.join() !== update.shape.join()) {
      throw new UsageError(`trace: state "${name}" has shape (${state.shape}), its update (${update.shape})`);
    }
    if (update.dtype !== 'f32') {
      throw new UsageError(`trace: state "${name}" is f32, its update ${update.dtype}; cast it`);
    }
  }
  for (const [name, tensor] of [...Object.entries(outputs), ...Object.entries(updates)]) {
    if (tensor.builder !== builder) throw new UsageError(`trace: "${name}" belongs to another trace`);
    if (isInBody(tensor.node)) {
      throw new UsageError(
        `trace: "${name}" depends on an iteration of a recurrence, outside of it; make it a state of the recurrence`,
      );
    }
  }
  return {
    inputs: [...inputs.values()],
    outputs: nodesByName(outputs),
    updates: nodesByName(updates),
  };
}

function nodesByName(tensors: Readonly<Record<string, Tensor>>): Record<string, Node> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.node]));
}
