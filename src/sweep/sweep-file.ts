// The file of a sweep: a base, axes, constraints between them. Type and check. What the base may hold is the business of
// `ohmic run` and `ohmic evaluate`; here it is plain data.

import { z } from 'zod';
import { check, type Json } from '../base/schema.ts';
import { expressionFault } from './expression.ts';

/** From where to where numbers go, and how they are spaced. */
export type AxisRange = {
  readonly from: number;
  readonly to: number;
  /** Linear is the default. Logarithmic: equal ratios. */
  readonly scale?: 'linear' | 'logarithmic' | undefined;
  /** How many, both ends among them; absent: the axis is one of those that `sample` draws together. */
  readonly count?: number | undefined;
  /** True: rounded to whole numbers. */
  readonly whole?: boolean | undefined;
};

/** Values of an axis. */
export type AxisValues =
  | { readonly kind: 'list'; readonly values: readonly Json[] }
  | ({ readonly kind: 'range' } & AxisRange)
  /** Replicates: seeds, over which means are taken. */
  | { readonly kind: 'seeds'; readonly seeds: readonly number[] };

/** One axis: a name, the settings that it sets, their values. */
export type Axis = {
  readonly name: string;
  /** Dotted paths, as `--set` has them; each gets the value. */
  readonly paths: readonly string[];
  readonly values: AxisValues;
};

/** How the axes without a count are drawn, together. */
export type Sample = {
  readonly kind: 'sobol' | 'halton' | 'random';
  readonly count: number;
  /** Of the shift of a sequence, or of the draws. */
  readonly seed: number;
};

/** A sweep. */
export type SweepFile = {
  readonly name?: string | undefined;
  /** Settings of `ohmic run`, or of an evaluation of weights that are kept. */
  readonly base: Json;
  readonly axes: readonly Axis[];
  readonly sample?: Sample | undefined;
  /** Conditions on the values of axes; points that break one are left out. */
  readonly where: readonly string[];
  /** What a point costs, an expression on the values of axes; for the Pareto front of the report. */
  readonly cost?: string | undefined;
};

const number = z.number();
const seed = z.int().min(0);
const path = z.string().min(1);
const paths = z.union([path, z.array(path).min(1)]).optional();
const scale = z.enum(['linear', 'logarithmic']).optional();

/** The most values of an axis: they are held in memory. */
const MOST_VALUES = 1_000_000;

const axisSchema = z.union([
  z.array(z.json()),
  z.strictObject({ path: paths, values: z.array(z.json()) }),
  z.strictObject({ path: paths, seeds: z.union([z.int().min(1).max(100_000), z.array(seed)]) }),
  z.strictObject({
    path: paths,
    from: number,
    to: number,
    scale,
    count: z.int().min(1).max(MOST_VALUES).optional(),
    whole: z.boolean().optional(),
  }),
]);

type RawAxis = z.infer<typeof axisSchema>;

/** Schema of a sweep as people write it. */
export const sweepFileSchema: z.ZodType<SweepFile> = z
  .strictObject({
    name: z
      .string()
      .regex(/^\w[\w.-]*$/, 'expected letters, digits, ".", "-" and "_" only, and neither "." nor "-" first')
      .optional()
      .meta({ description: 'name of the folder in runs/; absent: that of the file' }),
    base: z.union([path, z.record(z.string(), z.json())]).meta({
      description:
        'settings of a run (ohmic schema run), or `weights`, `hardware`, `evaluation` and `seed`; or their file',
    }),
    axes: z.record(z.string().min(1), axisSchema).meta({
      description:
        'by name: values, seeds, or a range of the setting at `path`; without it the name is the path',
    }),
    sample: z
      .strictObject({
        kind: z.enum(['sobol', 'halton', 'random']).default('sobol'),
        count: z.int().min(1).max(MOST_VALUES),
        seed: seed.default(0),
      })
      .optional()
      .meta({ description: 'draws the axes that are ranges without a count, together' }),
    where: z
      .union([path, z.array(path)])
      .optional()
      .meta({
        description: 'conditions on axes, as "dacBits <= adcBits or eta == 0"; other points are left out',
      }),
    cost: path
      .optional()
      .meta({ description: 'what a point costs, as "2 ** adcBits": for the Pareto front' }),
  })
  .transform(
    ({ axes, where = [], base, ...rest }): SweepFile => ({
      ...rest,
      base: base as Json,
      axes: Object.entries(axes).map(([name, axis]) => axisOf(name, axis)),
      where: typeof where === 'string' ? [where] : where,
    }),
  )
  .superRefine((file, { addIssue }) => {
    for (const message of faultsOf(file)) addIssue({ code: 'custom', message, path: [] });
  })
  .meta({ title: 'File of ohmic sweep' }) as unknown as z.ZodType<SweepFile>;

/**
 * A sweep from plain data.
 *
 * @throws UsageError that lists all faults
 */
export function checkSweepFile(where: string, raw: Json): SweepFile {
  return check(sweepFileSchema, where, raw);
}

function axisOf(name: string, axis: RawAxis): Axis {
  if (Array.isArray(axis)) return { name, paths: [name], values: { kind: 'list', values: axis as Json[] } };
  const { path: given, ...rest } = axis as Exclude<RawAxis, unknown[]>;
  const all = given === undefined ? [name] : typeof given === 'string' ? [given] : given;
  if ('values' in rest) return { name, paths: all, values: { kind: 'list', values: rest.values as Json[] } };
  if ('seeds' in rest) {
    const { seeds } = rest;
    const list = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, k) => k) : seeds;
    return { name, paths: all, values: { kind: 'seeds', seeds: list } };
  }
  return { name, paths: all, values: { kind: 'range', ...rest } };
}

/** Columns of a table beside the axes. */
export const COLUMNS: readonly string[] = [
  'point',
  'network',
  'digitalAccuracy',
  'chip',
  'timeSeconds',
  'method',
  'accuracy',
];

/** Faults that lie between the fields. */
function faultsOf({ axes, sample, where, cost }: SweepFile): string[] {
  const names = axes.map(({ name }) => name);
  const lasting = axes.filter(({ values }) => values.kind !== 'seeds').map(({ name }) => name);
  const isSampled = ({ values }: Axis): boolean => values.kind === 'range' && values.count === undefined;
  const sampled = axes.filter(isSampled).map(({ name }) => name);
  const faults = axes.flatMap(({ name, values }) =>
    valueFaults(values).map((fault) => `axes.${name}: ${fault}`),
  );
  for (const name of names.filter((one) => COLUMNS.includes(one)))
    faults.push(
      `axes.${name}: expected a name that is no other column of the table; give it a name of its own and a \`path\``,
    );
  if (sample === undefined && sampled.length > 0)
    faults.push(
      `axes.${sampled[0]}: expected a count, or a \`sample\` that draws it; write for example count: 5, or sample: { count: 32 }`,
    );
  if (sample !== undefined && sampled.length === 0)
    faults.push('sample: expected at least one axis from … to … without a count, got none');
  for (const [k, text] of where.entries()) {
    const fault = expressionFault(text, names);
    if (fault !== undefined) faults.push(`where[${k}]: ${fault}`);
  }
  const fault = cost === undefined ? undefined : expressionFault(cost, lasting);
  if (fault !== undefined) faults.push(`cost: ${fault}`);
  return faults;
}

function valueFaults(values: AxisValues): string[] {
  switch (values.kind) {
    case 'list':
      return listFaults(values.values);
    case 'seeds':
      return listFaults(values.seeds);
    case 'range': {
      const { from, to, scale: spacing, count } = values;
      const faults: string[] = [];
      if (spacing === 'logarithmic' && !(from > 0 && to > 0))
        faults.push(`a logarithmic range must be above 0, got ${from} to ${to}`);
      if (count !== undefined && count > 1 && from === to)
        faults.push(`expected different ends, got ${from} twice`);
      return faults;
    }
  }
}

function listFaults(values: readonly Json[]): string[] {
  if (values.length === 0)
    return ['expected at least one value, got none; leave the axis out to keep the base'];
  const texts = values.map((value) => JSON.stringify(value));
  const seen = new Set<string>();
  const twice = texts.find((text) => seen.size === seen.add(text).size);
  return twice === undefined ? [] : [`values must differ from one another, got ${twice} twice`];
}
