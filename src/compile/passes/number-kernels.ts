// The kernels of a plan, each once: calls of equal kernels share its number. What lower-groups.ts shares is one object;
// what remains is compared by content, for unlike groups have equal helpers: sums of partial results, transformed
// filters. In a training step of ResNet-32 they are 77 of 215 kernels and 8 % of the code. Content alone would do, but
// then every group has to be lowered, and compilation takes 1.6 times as long.

import { exactText } from '../../base/exact-text.ts';
import type { Kernel } from '../../kernel/kernel.ts';

/** Kernels with the numbers by which calls name them. */
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

/** Different for most different kernels: the texts of the others, which can be long, need not be written. */
function sizeKey({ types, body, scratch, chunks, buffers, pushConstants }: Kernel): string {
  return [types.length, body.length, scratch, chunks, buffers, pushConstants].join();
}

/** Equal for equal kernels. */
function kernelText(kernel: Kernel): string {
  const json = JSON.stringify(kernel);
  // JSON writes infinities and NaN alike, as null; −0 is no literal of a kernel.
  return json.includes('null') ? exactText(kernel) : json;
}
