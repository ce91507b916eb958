// The engine: compiles graphs and runs them on a backend, native where there is a C compiler, WebAssembly elsewhere.
// Parameters stay on the backend between calls, in a store that several executables can share.

import { UsageError } from './base/errors.ts';
import { createMutex, type Mutex } from './base/mutex.ts';
import { type HostTensor, hostTensor, type Parameters, type TensorSpec } from './base/parameters.ts';
import type { Key } from './base/random.ts';
import { elementCount, formatShape, type Shape, sameShape } from './base/shape.ts';
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

/**
 * Named f32 tensors that live on a backend between calls: parameters, optimizer state, cells, statistics. Executables
 * read and write them in place; nothing passes through the host unless `read` or `write` is called.
 */
export type Store = {
  readonly names: () => readonly string[];
  readonly has: (name: string) => boolean;
  readonly buffer: (name: string) => DeviceBuffer;
  /** Copies of the tensors that are named; of all by default. */
  readonly read: (names?: readonly string[]) => Promise<Record<string, HostTensor>>;
  /** Overwrites some of the tensors. */
  readonly write: (values: Parameters) => Promise<void>;
  /** Makes room, filled with zeros, for those of the tensors that the store does not hold yet. */
  readonly reserve: (states: readonly TensorSpec[]) => void;
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
  /** States that go by another name in the store: name in the graph → name in the store. */
  readonly aliases?: Readonly<Record<string, string>>;
};

/** A compiled graph. */
export type Executable = {
  /** Without the code of its kernels. */
  readonly plan: PlanOutline;
  readonly program: Program;
  /** The tensors of a store that it reads or writes, by their names in the graph. */
  readonly states: readonly TensorSpec[];
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
  /** Puts named tensors on the backend; none by default. */
  readonly store: (values?: Parameters) => Promise<Store>;
  readonly close: () => Promise<void>;
};

/** An engine that was chosen for its host, and what a user should know of the choice. */
export type ChosenEngine = {
  readonly engine: Engine;
  /** One line; absent if there is nothing to say. */
  readonly notice?: string;
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
    store: (values = {}) => createStore(backend, mutex, values),
    close: () => mutex.runExclusive(() => backend.close()),
  };
}

async function createStore(backend: Backend, mutex: Mutex, values: Parameters): Promise<Store> {
  const held = new Map<string, { readonly shape: Shape; readonly buffer: DeviceBuffer }>();
  const find = (name: string): { readonly shape: Shape; readonly buffer: DeviceBuffer } => {
    const found = held.get(name);
    if (found === undefined)
      throw new UsageError(`store: no tensor "${name}"; it holds ${[...held.keys()].join(', ')}`);
    return found;
  };
  const reserve = (states: readonly TensorSpec[]): void => {
    const missing = new Map<string, Shape>();
    for (const { name, shape } of states) {
      const known = held.get(name)?.shape ?? missing.get(name);
      if (known === undefined) missing.set(name, shape);
      else checkShape(name, known, shape);
    }
    const buffers = allocateAll(backend, [...missing.values()].map(elementCount));
    for (const [k, [name, shape]] of [...missing].entries()) held.set(name, { shape, buffer: buffers[k]! });
  };
  const write = async (changed: Parameters): Promise<void> => {
    const given = Object.entries(changed).map(([name, { shape, data }]) => {
      const { shape: known, buffer } = find(name);
      checkShape(name, known, shape);
      return { buffer, data };
    });
    await mutex.runExclusive(() => Promise.all(given.map(({ buffer, data }) => buffer.write(data))));
  };
  reserve(Object.entries(values).map(([name, { shape }]) => ({ name, shape })));
  await write(values);
  return {
    names: () => [...held.keys()],
    has: (name) => held.has(name),
    buffer: (name) => find(name).buffer,
    read: async (names = [...held.keys()]) => {
      const wanted = names.map((name) => ({ name, ...find(name) }));
      const values = await mutex.runExclusive(() => Promise.all(wanted.map(({ buffer }) => buffer.read())));
      return Object.fromEntries(wanted.map(({ name, shape }, k) => [name, hostTensor(shape, values[k]!)]));
    },
    write,
    reserve,
    free: () => {
      for (const { buffer } of held.values()) buffer.free();
      held.clear();
    },
  };
}

function checkShape(name: string, known: Shape, given: Shape): void {
  if (sameShape(known, given)) return;
  throw new UsageError(`store: "${name}" has shape ${formatShape(known)}, got ${formatShape(given)}`);
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
  const states = plan.bindings
    .filter(({ role }) => role === 'state')
    .map(({ name, shape }) => ({ name, shape }));
  const run = async (call: Call): Promise<Record<string, Float32Array>> => {
    const buffers = plan.bindings.map((binding) => own.get(binding) ?? stateBuffer(binding, call));
    const scalars = scalarBits(plan, call);
    const inputs = plan.bindings.flatMap((binding, k) =>
      binding.role === 'input' ? [{ buffer: buffers[k]!, values: inputValues(binding, call) }] : [],
    );
    await Promise.all(inputs.map(({ buffer, values }) => buffer.write(values)));
    await program.run(buffers, scalars);
    const outputs = plan.bindings.flatMap((binding, k) =>
      binding.role === 'output' ? [{ name: binding.name, buffer: buffers[k]! }] : [],
    );
    const values = await Promise.all(outputs.map(({ buffer }) => buffer.read()));
    return Object.fromEntries(outputs.map(({ name }, k) => [name, values[k]!]));
  };
  return {
    plan,
    program,
    states,
    run: (call) => mutex.runExclusive(() => run(call)),
    free: () => {
      for (const buffer of allocated) buffer.free();
      program.free();
    },
  };
}

function stateBuffer(binding: Binding, { state, aliases = {} }: Call): DeviceBuffer {
  if (state === undefined)
    throw new UsageError(`run: the graph has the state "${binding.name}"; pass \`state\``);
  const buffer = state.buffer(aliases[binding.name] ?? binding.name);
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
