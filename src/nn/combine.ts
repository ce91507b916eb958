// Modules made of modules, and those that only rearrange what they get.

import { UsageError } from '../base/errors.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../base/shape.ts';
import { concat } from '../graph/tensor.ts';
import {
  imageAxes,
  type Module,
  type ModuleResult,
  type PlacedModule,
  partsOf,
  sideResults,
  withoutParameters,
} from './module.ts';

/** All axes in one: (h, w, c) → (h · w · c). */
export const flatten: Module = (inputShape) => {
  const size = elementCount(inputShape);
  return withoutParameters([size], (x) => x.reshape([x.shape[0]!, size]));
};

/**
 * The same elements in another shape: (7 · 7 · c) → (7, 7, c), the inverse of `flatten`.
 *
 * @throws UsageError if the shapes hold different numbers of elements
 */
export function reshape(outputShape: Shape): Module {
  return (inputShape) => {
    if (elementCount(inputShape) !== elementCount(outputShape)) {
      throw new UsageError(
        `reshape: expected an input of ${elementCount(outputShape)} elements for ${formatShape(outputShape)}, got ${formatShape(inputShape)}`,
      );
    }
    return withoutParameters(outputShape, (x) => x.reshape([x.shape[0]!, ...outputShape]));
  };
}

/** The input itself. */
export const identity: Module = (inputShape) => withoutParameters(inputShape, (x) => x);

/**
 * Every second row and column, with zero channels added evenly on both sides: a shortcut without parameters (option A
 * of He et al., CVPR 2016, Section 3.3).
 *
 * @throws UsageError if there are fewer output channels than input channels
 */
export function paddedShortcut(outputChannels: number): Module {
  return (inputShape) => {
    const [height, width, channels] = imageAxes('paddedShortcut', inputShape);
    const added = outputChannels - channels;
    if (added < 0) {
      throw new UsageError(
        `paddedShortcut: expected at least ${channels} output channels, got ${outputChannels}`,
      );
    }
    const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    const before = Math.floor(added / 2);
    return withoutParameters([rows, columns, outputChannels], (x) => {
      const batch = x.shape[0]!;
      const even = x.pad([0, 0, 0, 0], [0, 2 * rows - height, 2 * columns - width, 0]);
      const pairs = even.reshape([batch, rows, 2, columns, 2, channels]);
      const kept = pairs.slice([0, 0, 0, 0, 0, 0], [batch, rows, 1, columns, 1, channels]);
      return kept.reshape([batch, rows, columns, channels]).pad([0, 0, 0, before], [0, 0, 0, added - before]);
    });
  };
}

/** Modules one after another. */
export function sequence(modules: readonly Module[]): Module {
  return (inputShape) => {
    const placed: PlacedModule[] = [];
    let outputShape = inputShape;
    for (const module of modules) {
      const next = module(outputShape);
      placed.push(next);
      outputShape = next.outputShape;
    }
    return {
      outputShape,
      ...partsOf(placed),
      apply: (x, context) => {
        const results: ModuleResult[] = [];
        for (const module of placed) results.push(module.apply(results.at(-1)?.value ?? x, context));
        return { value: results.at(-1)?.value ?? x, ...sideResults(results) };
      },
    };
  };
}

/**
 * body(x) + shortcut(x), added digitally.
 *
 * @throws UsageError if the two differ in shape
 */
export function residual({ body, shortcut }: { readonly body: Module; readonly shortcut: Module }): Module {
  return (inputShape) => {
    const [main, side] = [body(inputShape), shortcut(inputShape)];
    if (!sameShape(main.outputShape, side.outputShape)) {
      throw new UsageError(
        `residual: body ${formatShape(main.outputShape)} and shortcut ${formatShape(side.outputShape)} differ in shape; project the shortcut`,
      );
    }
    return {
      outputShape: main.outputShape,
      ...partsOf([main, side]),
      apply: (x, context) => {
        const [a, b] = [main.apply(x, context), side.apply(x, context)];
        return { value: a.value.add(b.value), ...sideResults([a, b]) };
      },
    };
  };
}

/**
 * The outputs of several modules on the same input, one behind the other along the last axis: the branches of an
 * Inception block, or an input beside what is made of it.
 *
 * @throws UsageError if there is no branch, or if outputs differ in another axis
 */
export function parallel(branches: readonly Module[]): Module {
  return (inputShape) => {
    const placed = branches.map((branch) => branch(inputShape));
    const shapes = placed.map(({ outputShape }) => outputShape);
    const [first] = shapes;
    if (first === undefined) throw new UsageError('parallel: expected at least one branch, got none');
    if (shapes.some((shape) => !sameShape(shape.slice(0, -1), first.slice(0, -1)))) {
      throw new UsageError(
        `parallel: expected branches that differ in the last axis only, got ${shapes.map(formatShape).join(', ')}`,
      );
    }
    return {
      outputShape: [...first.slice(0, -1), shapes.reduce((sum, shape) => sum + shape.at(-1)!, 0)],
      ...partsOf(placed),
      apply: (x, context) => {
        const results = placed.map(({ apply }) => apply(x, context));
        return {
          value: concat(
            results.map(({ value }) => value),
            -1,
          ),
          ...sideResults(results),
        };
      },
    };
  };
}

/**
 * A module for every step of a sequence, with the same parameters: (time, …) → (time, …). All steps of a batch are one
 * larger batch, so a batch normalisation in it takes its moments over steps too.
 *
 * @throws UsageError if the input has no axis of time, the module can't take a step, or it carries states from window to
 *         window
 */
export function timeDistributed(module: Module): Module {
  return (inputShape) => {
    const [time, ...step] = inputShape;
    if (time === undefined) throw new UsageError('timeDistributed: expected an input of (time, …), got ()');
    const inner = module(step);
    if (inner.carried !== undefined && inner.carried.length > 0)
      throw new UsageError(
        `timeDistributed: expected a module for single steps, got one that carries ${inner.carried.map(({ name }) => name).join(', ')} from window to window; put it beside timeDistributed`,
      );
    return {
      ...inner,
      outputShape: [time, ...inner.outputShape],
      apply: (x, context) => {
        const batch = x.shape[0]!;
        const { value, statistics } = inner.apply(x.reshape([batch * time, ...step]), context);
        return { value: value.reshape([batch, time, ...inner.outputShape]), statistics };
      },
    };
  };
}
