// The engine: compiles graphs and runs them on a backend, native where there is a C compiler, WebAssembly elsewhere.
// Parameters stay on the backend between calls, in a store that several executables can share.

import { UsageError } from './base/errors.ts';
import { createMutex, type Mutex } from './base/mutex.ts';
import { type HostTensor, hostTensor, type Parameters } from './base/parameters.ts';
import type { Key } from './base/random.ts';
import { elementCount, formatShape } from './base/shape.ts';
import {
  type Backend,
  type Binding,
  type DeviceBuffer,
  outlineOf,
  type PlanOutline,
  type Program,
} from './compile/backend.ts';
import { compile } from './compile/compile.ts';
import type { Graph } from './graph/node.ts';

/** Named tensors that live on a backend. */
export type Store = {
  readonly names: readonly string[];
  readonly has: (name: string) => boolean;
  readonly buffer: (name: string) => DeviceBuffer;
  /** Copies of all tensors. */
  readonly read: () => Record<string, HostTensor>;
  /** Overwrites some of the tensors. */
  readonly write: (values: Parameters) => void;
  readonly free: () => void;
};

/** What one call of an executable is given. */
export type Call = {
  readonly inputs?: Readonly<Record<string, Float32Array | Int32Array>>;
  readonly scalars?: Readonly<Record<string, number>>;
  /** Keys by the name they were traced with. */
  readonly keys?: Readonly<Record<string, Key>>;
  /** Where the states live; needed if the graph has states. */
  readonly state?: Store;
};

/** A compiled graph. */
export type Executable = {
  /** Without the code of its kernels. */
  readonly plan: PlanOutline;
  readonly program: Program;
  /**
   * Runs once and returns copies of the outputs. States change in place. Calls of one engine run one after another. An
   * output that is i32 or bool comes as its 32 bits: look at them through an Int32Array; true is −1.
   */
  readonly run: (call: Call) => Promise<Record<string, Float32Array>>;
  readonly free: () => void;
};

/** Compiles and runs graphs on one backend. */
export type Engine = {
  readonly backend: Backend;
  readonly compile: (graph: Graph) => Promise<Executable>;
  /** Puts named tensors on the backend. */
  readonly store: (values: Parameters) => Store;
  readonly close: () => Promise<void>;
};

/** An engine on a backend that is already started. */
export function engineOn(backend: Backend): Engine {
  const mutex = createMutex();
  return {
    backend,
    compile: async (graph) => {
      const plan = compile(graph, backend);
      const program = await backend.load(plan);
      try {
        return executable(backend, outlineOf(plan), program, mutex);
      } catch (thrown) {
        program.free();
        throw thrown;
      }
    },
    store: (values) => createStore(backend, values),
    close: () => mutex.runExclusive(() => backend.close()),
  };
}

function createStore(backend: Backend, values: Parameters): Store {
  const given = Object.entries(values);
  const own = allocateAll(
    backend,
    given.map(([, { data }]) => data.length),
  );
  const buffers = new Map<string, { readonly tensor: HostTensor; readonly buffer: DeviceBuffer }>();
  for (const [k, [name, tensor]] of given.entries()) {
    own[k]!.write(tensor.data);
    buffers.set(name, { tensor, buffer: own[k]! });
  }
  const find = (name: string): { readonly tensor: HostTensor; readonly buffer: DeviceBuffer } => {
    const found = buffers.get(name);
    if (found === undefined)
      throw new UsageError(`store: no tensor "${name}"; it holds ${[...buffers.keys()].join(', ')}`);
    return found;
  };
  return {
    names: [...buffers.keys()],
    has: (name) => buffers.has(name),
    buffer: (name) => find(name).buffer,
    read: () =>
      Object.fromEntries(
        [...buffers].map(([name, { tensor, buffer }]) => [name, hostTensor(tensor.shape, buffer.read())]),
      ),
    write: (changed) => {
      for (const [name, { shape, data }] of Object.entries(changed)) {
        const { tensor, buffer } = find(name);
        if (shape.join() !== tensor.shape.join()) {
          throw new UsageError(
            `store: "${name}" has shape ${formatShape(tensor.shape)}, got ${formatShape(shape)}`,
          );
        }
        buffer.write(data);
      }
    },
    free: () => {
      for (const { buffer } of buffers.values()) buffer.free();
      buffers.clear();
    },
  };
}

/** A buffer for each number of elements. If there is no memory for all of them, none is kept. */
function allocateAll(backend: Backend, sizes: readonly number[]): DeviceBuffer[] {
  const buffers: DeviceBuffer[] = [];
  try {
    for (const elements of sizes) buffers.push(backend.allocate(elements));
    return buffers;
  } catch (thrown) {
    for (const buffer of buffers) buffer.free();
    throw thrown;
  }
}

function executable(backend: Backend, plan: PlanOutline, program: Program, mutex: Mutex): Executable {
  const ownBindings = plan.bindings.filter(({ role }) => role !== 'state');
  const allocated = allocateAll(
    backend,
    ownBindings.map(({ elements }) => elements),
  );
  const own = new Map(ownBindings.map((binding, k) => [binding, allocated[k]!]));
  const run = async (call: Call): Promise<Record<string, Float32Array>> => {
    const buffers = plan.bindings.map((binding) => own.get(binding) ?? stateBuffer(binding, call.state));
    const scalars = scalarBits(plan, call);
    for (const [k, binding] of plan.bindings.entries()) {
      if (binding.role === 'input') buffers[k]!.write(inputValues(binding, call));
    }
    await program.run(buffers, scalars);
    const outputs = plan.bindings.flatMap((binding, k) =>
      binding.role === 'output' ? [[binding, buffers[k]!] as const] : [],
    );
    return Object.fromEntries(outputs.map(([binding, buffer]) => [binding.name, buffer.read()]));
  };
  return {
    plan,
    program,
    run: (call) => mutex.runExclusive(() => run(call)),
    free: () => {
      for (const buffer of allocated) buffer.free();
      program.free();
    },
  };
}

function stateBuffer(binding: Binding, state: Store | undefined): DeviceBuffer {
  if (state === undefined)
    throw new UsageError(`run: the graph has the state "${binding.name}"; pass \`state\``);
  const buffer = state.buffer(binding.name);
  if (buffer.elements !== binding.elements) {
    throw new UsageError(
      `run: state "${binding.name}" needs shape ${formatShape(binding.shape)}, the store holds ${buffer.elements} values`,
    );
  }
  return buffer;
}

function inputValues(binding: Binding, call: Call): Float32Array | Int32Array {
  const values = call.inputs?.[binding.name];
  if (values === undefined)
    throw new UsageError(`run: no values for input "${binding.name}" ${formatShape(binding.shape)}`);
  if (values.length !== elementCount(binding.shape)) {
    throw new UsageError(
      `run: input "${binding.name}" needs shape ${formatShape(binding.shape)}, got ${values.length} values`,
    );
  }
  const wanted = binding.dtype === 'f32' ? Float32Array : Int32Array;
  if (!(values instanceof wanted)) {
    const came = (values as { readonly constructor: { readonly name: string } }).constructor.name;
    throw new UsageError(
      `run: input "${binding.name}" is ${binding.dtype}, got ${came}; pass ${wanted.name}`,
    );
  }
  return values;
}

/** The 32 bits of every scalar slot. */
function scalarBits(plan: PlanOutline, call: Call): Uint32Array {
  const bits = new Uint32Array(plan.scalars.length);
  const floats = new Float32Array(bits.buffer);
  for (const [slot, { name, dtype }] of plan.scalars.entries()) {
    const word = /^(.*)\.([01])$/.exec(name);
    const key = word === null ? undefined : call.keys?.[word[1]!];
    const value = key === undefined ? call.scalars?.[name] : key[word![2] === '0' ? 0 : 1];
    if (value === undefined) {
      throw new UsageError(
        word === null
          ? `run: no value for scalar "${name}"`
          : `run: no key "${word[1]}"; pass it in \`keys\``,
      );
    }
    if (dtype === 'f32') floats[slot] = value;
    else bits[slot] = value;
  }
  return bits;
}
