// Numbers the kernels of a plan, so that equal kernels are one. Kernels that lower-groups.ts shares are the same
// object; the others are compared by content, since different groups have equal helper kernels: combined partial sums,
// transformed filters. In a training step of ResNet-32 these are 77 of 215 kernels and 8 % of the code. Comparing
// content alone would suffice, but then every group has to be lowered, and compilation takes 1.6 times as long.

import { exactText } from '../../base/exact-text.ts';
import type { Kernel } from '../../kernel/kernel.ts';

/** Kernels and their numbers, which calls refer to. */
export type NumberedKernels = {
  /** Each with its number in its name. */
  readonly kernels: readonly Kernel[];
  readonly numberOf: (kernel: Kernel) => number;
};

/** An empty list; `numberOf` adds a kernel that is new. */
export function numberKernels(): NumberedKernels {
  const kernels: Kernel[] = [];
  const numbers = new Map<Kernel, number>();
  const texts = new Map<Kernel, string>();
  const ofOneSize = new Map<string, Kernel[]>();
  const textOf = (kernel: Kernel): string => {
    const text = texts.get(kernel) ?? kernelText({ ...kernel, name: '' });
    texts.set(kernel, text);
    return text;
  };
  const find = (kernel: Kernel): number => {
    const key = sizeKey(kernel);
    const candidates = ofOneSize.get(key) ?? [];
    ofOneSize.set(key, candidates);
    const equal = candidates.find((other) => textOf(other) === textOf(kernel));
    if (equal !== undefined) return numbers.get(equal)!;
    candidates.push(kernel);
    return kernels.push({ ...kernel, name: `${kernel.name}_${kernels.length}` }) - 1;
  };
  return {
    kernels,
    numberOf: (kernel) => {
      const number = numbers.get(kernel) ?? find(kernel);
      numbers.set(kernel, number);
      return number;
    },
  };
}

/** A key that differs for most different kernels, so that their long texts are seldom needed. */
function sizeKey({ types, body, scratch, chunks, buffers, pushConstants }: Kernel): string {
  return [types.length, body.length, scratch, chunks, buffers, pushConstants].join();
}

/** Equal for equal kernels. */
function kernelText(kernel: Kernel): string {
  const json = JSON.stringify(kernel);
  // JSON writes infinities and NaN as null, so a text with null is no exact one. Kernels have no literal −0.
  return json.includes('null') ? exactText(kernel) : json;
}
