// A plan's kernels as one WebAssembly module: imports the memory "env" "memory", shared between threads or not, exports
// the kernels as k0, k1, … in the plan's order.

import type { Plan } from '../compile/backend.ts';
import { concatenate, listBytes, nameBytes, section, unsignedLeb, valueTypes } from './assembler.ts';
import { type EncodeOptions, encodeKernel, PARAMETER_COUNT } from './encode-kernel.ts';

/** Most 64 KiB pages that memory can have: 4 GiB. */
export const MAXIMUM_PAGES = 65_536;

/** A kernel as the module exports it. */
export type KernelFunction = (
  buffers: number,
  scalars: number,
  pushConstants: number,
  scratch: number,
  chunk: number,
) => void;

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const FUNCTION_TYPE = 0x60;
const MEMORY = 0x02;
const FUNCTION = 0x00;
/** Limits with a maximum; shared between threads. */
const LIMITS = 0x01;
const SHARED_LIMITS = 0x03;

/** What a module is encoded for. */
export type ModuleOptions = EncodeOptions & {
  /** Whether the memory that it imports is shared between threads. */
  readonly isShared?: boolean;
};

/** The module's binary. */
export function encodeModule(
  { kernels }: Pick<Plan, 'kernels'>,
  { isShared = true, ...options }: ModuleOptions = {},
): Uint8Array {
  const parameterTypes = new Array<number>(PARAMETER_COUNT).fill(valueTypes.i32);
  const limits = [isShared ? SHARED_LIMITS : LIMITS, ...unsignedLeb(0), ...unsignedLeb(MAXIMUM_PAGES)];
  return concatenate([
    MAGIC,
    section(1, listBytes([[FUNCTION_TYPE, ...unsignedLeb(PARAMETER_COUNT), ...parameterTypes, 0]])),
    section(2, listBytes([[...nameBytes('env'), ...nameBytes('memory'), MEMORY, ...limits]])),
    section(3, listBytes(kernels.map(() => [0]))),
    section(7, listBytes(kernels.map((_, k) => [...nameBytes(`k${k}`), FUNCTION, ...unsignedLeb(k)]))),
    section(10, listBytes(kernels.map((kernel) => encodeKernel(kernel, options)))),
  ]);
}
