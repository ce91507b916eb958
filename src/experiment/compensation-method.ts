// The ways to compensate drift that an experiment compares. Records, evaluations and reports name them.

/** Compensation of drift: none, one factor per layer, one per column, or global factors and then AdaBS. */
export type CompensationMethod = 'none' | 'global' | 'per-column' | 'adabs';

/** All methods, in the order of reports. */
export const COMPENSATION_METHODS: readonly CompensationMethod[] = ['none', 'global', 'per-column', 'adabs'];
