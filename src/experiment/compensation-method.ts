// The ways to compensate drift that an experiment compares. Records, evaluations and reports name them.

/**
 * Compensation of drift: none, one factor per layer, one per column, global factors and then AdaBS, or global factors and
 * then digital corrections of low rank.
 */
export type CompensationMethod = 'none' | 'global' | 'per-column' | 'adabs' | 'lora';

/** All methods, in the order of reports. */
export const COMPENSATION_METHODS: readonly CompensationMethod[] = [
  'none',
  'global',
  'per-column',
  'adabs',
  'lora',
];

/** Those that are evaluated unless others are asked for: all but `lora`, which trains for every read of every chip. */
export const USUAL_METHODS: readonly CompensationMethod[] = COMPENSATION_METHODS.filter(
  (method) => method !== 'lora',
);
