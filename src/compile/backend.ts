// The seam between the compiler and the machines: what a plan is, and what a backend does with it.

import type { Shape } from '../base/shape.ts';
import type { DType } from '../graph/node.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { printKernel } from '../kernel/print.ts';

/** A buffer outside the plan. Every run is given all of them, in this order. */
export type Binding = {
  readonly name: string;
  readonly role: 'input' | 'state' | 'output';
  readonly shape: Shape;
  readonly dtype: DType;
  readonly elements: number;
};

/**
 * Where a call's buffer argument is: in a binding, from its beginning on if no offset is given, or in the plan's arena.
 * Offsets are in elements. A part of a value also tells where that value begins, `whole`, which only the verifier needs.
 */
export type Placement = { readonly whole?: number } & (
  | { readonly space: 'binding'; readonly binding: number; readonly offset?: number }
  | { readonly space: 'arena'; readonly offset: number }
);

/** A kernel with its arguments, to be run over all its chunks. */
export type KernelCall = {
  readonly kernel: number;
  readonly buffers: readonly Placement[];
  /** 32-bit words of this call, as many as its kernel takes. */
  readonly pushConstants: readonly number[];
};

/**
 * A step of a plan: one call, or two that are interleaved. In a pair, chunk c of the first call is followed, on the
 * same thread, by chunks c · ratio to c · ratio + ratio − 1 of the second, which find in the L2 cache what the first
 * has loaded. Neither call writes what the other one touches.
 */
export type Launch<Call = KernelCall> =
  | { readonly kind: 'single'; readonly call: Call }
  | { readonly kind: 'pair'; readonly first: Call; readonly second: Call; readonly ratio: number };

/** The calls of a launch, one or two. */
export function callsOf<Call>(launch: Launch<Call>): readonly Call[] {
  return launch.kind === 'single' ? [launch.call] : [launch.first, launch.second];
}

/** The launch with other calls. */
export function mapCalls<A, B>(launch: Launch<A>, f: (call: A) => B): Launch<B> {
  if (launch.kind === 'single') return { kind: 'single', call: f(launch.call) };
  return { kind: 'pair', first: f(launch.first), second: f(launch.second), ratio: launch.ratio };
}

/**
 * A compiled graph: kernels and the launches that run them, in order. A launch sees everything that earlier launches
 * wrote; the chunks of one launch run in any order, on any thread.
 */
export type Plan = {
  readonly lanes: number;
  readonly kernels: readonly Kernel[];
  readonly launches: readonly Launch[];
  readonly bindings: readonly Binding[];
  /** Runtime scalars by slot. */
  readonly scalars: readonly { readonly name: string; readonly dtype: DType }[];
  readonly arenaElements: number;
};

/** A plan without the code of its kernels, which is most of it: what a loaded program needs. */
export type PlanOutline = Omit<Plan, 'kernels'> & {
  readonly kernels: readonly Omit<Kernel, 'types' | 'body'>[];
};

/** The outline of a plan. It holds no reference to the code, so that the code can be freed. */
export function outlineOf(plan: Plan): PlanOutline {
  return { ...plan, kernels: plan.kernels.map(({ types: _types, body: _body, ...kernel }) => kernel) };
}

/** Elements after the end of every buffer, and of the arena, that must be readable and writable. */
export const PADDING_ELEMENTS = 64;

/** Memory on a backend, initially zero. It may be accessed only while no program runs. */
export type DeviceBuffer = {
  readonly elements: number;
  /** Copies the values before it returns its promise, so the caller may change them at once. */
  readonly write: (values: Float32Array | Int32Array) => Promise<void>;
  /** A copy of the content as 32-bit floats; of other types, their bits. */
  readonly read: () => Promise<Float32Array>;
  readonly free: () => void;
};

/** A plan that is ready to run. */
export type Program = {
  /** Runs all launches. `buffers` are in the order of the plan's bindings; `scalars` has the 32 bits of each slot. */
  readonly run: (buffers: readonly DeviceBuffer[], scalars: Uint32Array) => Promise<void>;
  readonly free: () => void;
};

/** A machine that runs plans. */
export type Backend = {
  readonly name: 'native' | 'wasm';
  /** A line for people: compiler, instruction set, threads. */
  readonly description: string;
  readonly lanes: number;
  /** Vector registers that a kernel may plan with. */
  readonly registers: number;
  readonly threads: number;
  readonly allocate: (elements: number) => DeviceBuffer;
  readonly load: (plan: Plan) => Promise<Program>;
  readonly close: () => Promise<void>;
};

/** A plan as text: bindings, launches, kernels. */
export function printPlan(plan: Plan): string {
  const place = (placement: Placement): string =>
    placement.space === 'arena'
      ? `arena+${placement.offset}`
      : `${plan.bindings[placement.binding]!.name}${placement.offset === undefined ? '' : `+${placement.offset}`}`;
  const called = ({ kernel, buffers }: KernelCall): string =>
    `${plan.kernels[kernel]!.name}(${buffers.map(place).join(', ')})`;
  const lines = [
    `plan: ${plan.launches.length} launches of ${plan.kernels.length} kernels, arena ${plan.arenaElements} elements`,
    ...plan.bindings.map(
      (binding) => `${binding.role} ${binding.name} ${binding.dtype} (${binding.shape.join(', ')})`,
    ),
    ...plan.scalars.map((scalar, slot) => `scalar ${slot} ${scalar.name} ${scalar.dtype}`),
    ...plan.launches.map((launch) =>
      launch.kind === 'single'
        ? `launch ${called(launch.call)}`
        : `launch ${called(launch.first)}, each chunk with ${launch.ratio} of ${called(launch.second)}`,
    ),
    ...plan.kernels.map(printKernel),
  ];
  return `${lines.join('\n')}\n`;
}
