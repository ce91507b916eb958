// What a device that learns must look like in a file: the types of pulse-spec.ts as schemas, proven equal to them, and the
// ways to name one: a published device, such a device with changes, or a whole specification.

import { z } from 'zod';
import { mergeSettings, type Tree } from '../base/merge.ts';
import {
  amount,
  amountFromZero,
  check,
  exactly,
  type Incomplete,
  type Json,
  nameSchema,
  positiveAmount,
} from '../base/schema.ts';
import { publishedPulseDevices } from './published-pulse-devices.ts';
import type {
  Leak,
  PcmPulseSpec,
  PulseCoefficients,
  PulseDeviceSpec,
  PulseDrift,
  StepDeviceSpec,
  StepLaw,
} from './pulse-spec.ts';
import { stepGranularity } from './step-laws.ts';

const none = z.strictObject({
  kind: z.literal('none'),
  unknown: z.exactOptional(z.string().min(1)).meta({ description: 'why the effect is not known' }),
});
const share = z.number().min(0).max(1);
/** A spread over devices or pulses, relative to what spreads or absolute, as its place says. */
const spread = amountFromZero;
/** Of exponents and of the argument of e^…: more is no number in 32 bits, or nothing. */
const LARGEST_EXPONENT = 20;
const exponent = z.number().min(-LARGEST_EXPONENT).max(LARGEST_EXPONENT);
const MOST_NODES = 256;

const driftSchema: z.ZodType<PulseDrift> = exactly<PulseDrift>()(
  z.discriminatedUnion('kind', [
    none,
    z.strictObject({
      kind: z.literal('power-law'),
      exponent: z.number().min(0).max(1),
      referenceSeconds: z.number().min(1e-12).max(1e12),
      source: z.string(),
    }),
  ]),
);

const leakSchema: z.ZodType<Leak> = exactly<Leak>()(
  z.discriminatedUnion('kind', [
    none,
    z.strictObject({
      kind: z.literal('exponential'),
      lifetimeBatches: z.number().min(1).max(1e12),
      deviceSpread: spread,
      source: z.string(),
    }),
  ]),
);

const coefficients: z.ZodType<PulseCoefficients> = exactly<PulseCoefficients>()(
  z.strictObject({ slope: amount, offsetMicrosiemens: amount, memoryMicrosiemens: amount }),
);

const valueAt = (c: PulseCoefficients, g: number, memory: number): number =>
  c.slope * g + c.offsetMicrosiemens + c.memoryMicrosiemens * memory;

const pcmSchema = z
  .strictObject({
    kind: z.literal('pcm-pulses'),
    name: z.string(),
    source: z.string(),
    gMinMicrosiemens: amountFromZero,
    gMaxMicrosiemens: positiveAmount,
    increment: coefficients,
    incrementSpread: coefficients,
    memoryPulses: positiveAmount,
    reset: z.strictObject({
      meanMicrosiemens: amountFromZero,
      spreadMicrosiemens: spread,
      leastMicrosiemens: amountFromZero,
    }),
    readNoise: z.strictObject({ slope: amountFromZero, offsetMicrosiemens: amountFromZero }),
    drift: driftSchema,
  })
  .superRefine((spec, { addIssue }) => {
    for (const { path, message } of pcmFaults(spec)) addIssue({ code: 'custom', path: [...path], message });
  });

type Fault = { readonly path: readonly string[]; readonly message: string };

function pcmFaults(spec: PcmPulseSpec): readonly Fault[] {
  const { gMinMicrosiemens: gMin, gMaxMicrosiemens: gMax, reset, increment, incrementSpread } = spec;
  const faults: Fault[] = [];
  if (gMin >= gMax)
    faults.push({
      path: ['gMinMicrosiemens'],
      message: `expected less than gMaxMicrosiemens, ${gMax} µS, got ${gMin}`,
    });
  const { meanMicrosiemens: after, leastMicrosiemens } = reset;
  if (after >= gMax || after < leastMicrosiemens)
    faults.push({
      path: ['reset', 'meanMicrosiemens'],
      message: `expected from leastMicrosiemens, ${leastMicrosiemens} µS, to below gMaxMicrosiemens, ${gMax} µS, got ${after}`,
    });
  const first = valueAt(increment, after, Math.exp(-1 / spec.memoryPulses));
  if (!(first > 0))
    faults.push({
      path: ['increment'],
      message: `expected that the first pulse after RESET raises the mean, got ${Number(first.toPrecision(4))} µS`,
    });
  if (!(valueAt(increment, after, 0) > 0))
    faults.push({
      path: ['increment', 'offsetMicrosiemens'],
      message: `expected that pulses without memory of RESET raise its conductance, got ${increment.offsetMicrosiemens}`,
    });
  const spreads = [gMin, gMax].flatMap((g) => [0, 1].map((memory) => valueAt(incrementSpread, g, memory)));
  if (spreads.some((s) => s < 0))
    faults.push({
      path: ['incrementSpread'],
      message: `expected standard deviations of at least 0 from ${gMin} to ${gMax} µS, got ${Number(Math.min(...spreads).toPrecision(4))} µS`,
    });
  return faults;
}

const stepNoise = z.enum(['multiplicative', 'additive']);
const lossSchema = z.strictObject({ mean: amount, deviceSpread: spread });
const nodes = z.array(amountFromZero).min(1).max(MOST_NODES);
const branch = z.strictObject({ amplitude: amount, rate: exponent });

const lawSchema: z.ZodType<StepLaw> = exactly<StepLaw>()(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('constant') }),
    z.strictObject({
      kind: z.literal('linear'),
      up: lossSchema,
      down: lossSchema,
      bounds: z.enum(['mean', 'own']),
      mayGrow: z.boolean(),
      noise: stepNoise,
    }),
    z.strictObject({ kind: z.literal('soft-bounds'), noise: stepNoise }),
    z.strictObject({
      kind: z.literal('soft-bounds-reference'),
      noise: stepNoise,
      slopeSpread: z.strictObject({ up: spread, down: spread }),
      reference: z.strictObject({ mean: amount, spread, isSymmetryPoint: z.boolean() }),
    }),
    z.strictObject({
      kind: z.literal('exponential'),
      a: exponent,
      b: exponent,
      up: branch,
      down: branch,
      noise: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('multiplicative') }),
        z.strictObject({ kind: z.literal('affine'), offset: amountFromZero, slope: amountFromZero }),
      ]),
    }),
    z.strictObject({
      kind: z.literal('power'),
      exponent: z.number().min(0).max(LARGEST_EXPONENT),
      deviceSpread: spread,
      upDown: lossSchema,
    }),
    z
      .strictObject({ kind: z.literal('piecewise'), up: nodes, down: nodes })
      .refine(({ up, down }) => up.length === down.length, {
        path: ['down'],
        message: 'expected as many nodes as `up` has',
      }),
  ]),
);

const stepSchema = z
  .strictObject({
    kind: z.literal('steps'),
    name: z.string(),
    source: z.string(),
    law: lawSchema,
    step: z.strictObject({
      mean: positiveAmount,
      deviceSpread: spread,
      distribution: z.enum(['normal', 'log-normal']),
      cycleSpread: spread,
    }),
    upDown: z.strictObject({ mean: z.number().min(-1).max(1), deviceSpread: spread }),
    bounds: z.strictObject({ low: amount, lowSpread: spread, high: amount, highSpread: spread }),
    isConsistent: z.boolean(),
    writeNoise: amountFromZero,
    corrupt: z.discriminatedUnion('kind', [
      none,
      z.strictObject({ kind: z.literal('stuck'), share, largestValue: amountFromZero }),
    ]),
    reset: z.strictObject({ mean: amount, deviceSpread: spread, cycleSpread: spread }),
    isOneSided: z.boolean(),
    leak: leakSchema,
    drift: driftSchema,
  })
  .superRefine((spec, { addIssue }) => {
    for (const { path, message } of stepFaults(spec)) addIssue({ code: 'custom', path: [...path], message });
  });

function stepFaults(spec: StepDeviceSpec): readonly Fault[] {
  const { low, high } = spec.bounds;
  if (!(low < high))
    return [
      { path: ['bounds'], message: `expected a range, low below high, got low ${low} and high ${high}` },
    ];
  const faults: Fault[] = [];
  if (spec.step.mean > high - low)
    faults.push({
      path: ['step', 'mean'],
      message: `expected a step that fits into the range of ${high - low}, got ${spec.step.mean}`,
    });
  if (spec.reset.mean < low || spec.reset.mean >= high)
    faults.push({
      path: ['reset', 'mean'],
      message: `expected a value from bounds.low, ${low}, to below bounds.high, ${high}, got ${spec.reset.mean}`,
    });
  if (!(stepGranularity(spec) > 0))
    faults.push({
      path: ['law', 'up'],
      message: 'expected that up pulses move a device in the middle of its range, got steps of 0 there',
    });
  const { law } = spec;
  const isReferred = law.kind === 'soft-bounds-reference' && law.reference.isSymmetryPoint;
  if (isReferred && (low >= 0 || high <= 0))
    faults.push({
      path: ['law', 'reference', 'isSymmetryPoint'],
      message: `expected false, as 0 does not lie between the bounds ${low} and ${high}`,
    });
  return faults;
}

/** Schema of `PulseDeviceSpec`. */
export const pulseDeviceSchema: z.ZodType<PulseDeviceSpec> = exactly<PulseDeviceSpec>()(
  z.discriminatedUnion('kind', [pcmSchema, stepSchema]),
);

/** A published device with changes: `{ preset: 'pcm-nandakumar-2018', gMaxMicrosiemens: 12 }`. */
export type ChangedPulseDevice = Incomplete<PulseDeviceSpec> & { readonly preset: string };

/** A device that learns, in settings: a published name, such a device with changes, or a specification. */
export type PulseDeviceChoice = string | ChangedPulseDevice | PulseDeviceSpec;

const names = Object.keys(publishedPulseDevices);

/** Fields that are not changed stay; another `kind` of a law or an effect replaces its record. */
function onPreset(preset: string, changes: Tree): Json | undefined {
  return mergeSettings(publishedPulseDevices[preset] as unknown as Json, changes);
}

const changedPreset = z
  .looseObject({ preset: nameSchema(names) })
  .superRefine(({ preset, ...changes }, { addIssue }) => {
    const checked = pulseDeviceSchema.safeParse(onPreset(preset, changes as Tree));
    for (const issue of checked.error?.issues ?? []) addIssue({ ...issue, path: [...issue.path] });
  })
  .meta({ description: 'a published device with changes; fields as in a whole specification' });

/** Schema of `PulseDeviceChoice`; the changes must fit the preset. */
export const pulseDeviceChoiceSchema: z.ZodType<PulseDeviceChoice, PulseDeviceChoice> = z.union([
  nameSchema(names),
  changedPreset,
  pulseDeviceSchema,
]) as unknown as z.ZodType<PulseDeviceChoice, PulseDeviceChoice>;

/** Schema that takes a `PulseDeviceChoice` and returns the complete `PulseDeviceSpec`. */
export const chosenPulseDeviceSchema: z.ZodType<PulseDeviceSpec, PulseDeviceChoice> =
  pulseDeviceChoiceSchema.transform((choice): PulseDeviceSpec => {
    if (typeof choice === 'string') return publishedPulseDevices[choice]!;
    if (!('preset' in choice)) return choice;
    const { preset, ...changes } = choice;
    // Its faults are said already, where the choice was checked.
    return pulseDeviceSchema.safeParse(onPreset(preset, changes as unknown as Tree)).data ?? z.NEVER;
  });

/**
 * The complete specification of a device that learns.
 *
 * @param place what holds it, for errors
 * @param value a `PulseDeviceChoice`, or anything
 * @throws UsageError that lists all faults
 */
export function checkPulseDevice(place: string, value: unknown): PulseDeviceSpec {
  return check(chosenPulseDeviceSchema, place, value);
}
