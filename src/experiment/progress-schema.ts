// The progress of measurements, types and schemas. It enters from files, and from callers that kept it themselves; either may hand
// in another structure, or results of other settings, which must not become a record.

import { z } from 'zod';
import { echo } from '../base/echo.ts';
import { check, exactly } from '../base/schema.ts';
import type { Seconds } from '../base/units.ts';
import type { ChipAccuracies } from './attribution.ts';
import { COMPENSATION_METHODS, type CompensationMethod } from './compensation-method.ts';
import type { EvaluationSettings } from './evaluation-settings.ts';
import type { ConductanceHistogram, LayerSummary } from './record.ts';
import { histogramSchema, layerSchema } from './record-schema.ts';

/** All measurements of one chip. */
export type ChipResult = {
  readonly chip: number;
  readonly accuracies: readonly {
    readonly timeSeconds: Seconds;
    readonly method: CompensationMethod;
    readonly accuracy: number;
  }[];
  /** On the first chip. */
  readonly inside?: { readonly layers: readonly LayerSummary[]; readonly histogram: ConductanceHistogram };
};

/** The finished part of an evaluation, from which another one can continue. */
export type EvaluationProgress = { readonly digitalAccuracy?: number; readonly chips: readonly ChipResult[] };

/** Results so far: accuracies by the name of a variant, and the digital accuracy. */
export type AttributionProgress = {
  readonly digitalAccuracy?: number;
  readonly variants: Readonly<Record<string, ChipAccuracies>>;
};

const chipResult = exactly<ChipResult>()(
  z.strictObject({
    chip: z.int().min(0),
    accuracies: z.array(
      z.strictObject({ timeSeconds: z.number(), method: z.enum(COMPENSATION_METHODS), accuracy: z.number() }),
    ),
    inside: z.exactOptional(z.strictObject({ layers: z.array(layerSchema), histogram: histogramSchema })),
  }),
);

const evaluationProgress = exactly<EvaluationProgress>()(
  // In the order in which an evaluation adds them, so that a continued one writes the same bytes.
  z.strictObject({ chips: z.array(chipResult), digitalAccuracy: z.exactOptional(z.number()) }),
);

/** What checks progress of unknown origin; throws UsageError, which begins with `where`, and lists all faults. */
export type ProgressCheck<T> = (where: string, progress: unknown) => T;

/**
 * The check of the progress of an evaluation: chips in order, the first with its inside, each with one accuracy for every
 * time and method.
 *
 * @param layers names of the layers on the chip
 */
export function evaluationProgressCheck(
  { chips: most, timesSeconds, methods }: EvaluationSettings,
  layers: readonly string[],
): ProgressCheck<EvaluationProgress> {
  const wanted = timesSeconds.flatMap((time) => methods.map((method) => `${method} at ${time} s`));
  const times = timesSeconds.join(', ');
  const schema = evaluationProgress.superRefine(({ chips }, { addIssue }) => {
    const fault = (path: (string | number)[], expected: string, came: string): void =>
      addIssue({
        code: 'custom',
        path: ['chips', ...path],
        message: `expected ${expected}, got ${came || 'none'}`,
      });
    if (chips.length > most) fault([], `at most ${most} chips`, `${chips.length}`);
    for (const [k, { chip, accuracies, inside }] of chips.entries()) {
      if (chip !== k) fault([k, 'chip'], `${k}`, `${chip}`);
      const found = accuracies.map(({ timeSeconds, method }) => `${method} at ${timeSeconds} s`);
      if (found.join() !== wanted.join()) fault([k, 'accuracies'], wanted.join(', '), found.join(', '));
      if ((inside === undefined) !== k > 0) {
        const came = inside === undefined ? 'none' : 'it again';
        fault([k, 'inside'], 'the inside of the first chip, and of no other', came);
      }
      if (inside === undefined) continue;
      const names = inside.layers.map(({ name }) => name);
      if (names.toSorted().join() !== layers.toSorted().join())
        fault([k, 'inside', 'layers'], layers.join(', '), names.join(', '));
      const tables = [inside.histogram.read, ...inside.layers.map(({ weightErrors }) => weightErrors)];
      const stray = tables.map((table) => table.map(({ timeSeconds }) => timeSeconds).join(', '));
      const other = stray.find((one) => one !== times);
      if (other !== undefined) fault([k, 'inside'], `reads at ${times} s`, other);
    }
  });
  return (where, progress) => check(schema, where, progress);
}

const attributionProgress = exactly<AttributionProgress>()(
  z.strictObject({
    digitalAccuracy: z.exactOptional(z.number()),
    variants: z.record(z.string(), z.array(z.array(z.number()))),
  }),
);

/**
 * The check of the progress of an attribution: of each variant accuracies [point][chip].
 *
 * @param names the variants of the attribution
 */
export function attributionProgressCheck(
  { points, chips }: { readonly points: number; readonly chips: number },
  names: readonly string[],
): ProgressCheck<AttributionProgress> {
  const schema = attributionProgress.superRefine(({ variants }, { addIssue }) => {
    const stray = Object.keys(variants).filter((name) => !names.includes(name));
    if (stray.length > 0) {
      const message = `expected names among ${names.join(', ')}, got ${echo(stray)}`;
      addIssue({ code: 'custom', path: ['variants'], message });
    }
    for (const [name, table] of Object.entries(variants)) {
      const path = ['variants', name];
      if (table.length === points && table.every((row) => row.length === chips)) continue;
      const lengths = table.map((row) => row.length).join(', ');
      const came = table.length === 0 ? 'none' : `${table.length} points with ${lengths}`;
      const message = `expected ${points} points with ${chips} chips each, got ${came}`;
      addIssue({ code: 'custom', path, message });
    }
  });
  return (where, progress) => check(schema, where, progress);
}
