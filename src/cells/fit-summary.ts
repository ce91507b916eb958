// What a cell file keeps of the fit that made it: parameters with their standard errors, goodness of fit, warnings.
// Plain data beside the cell's laws; nothing is computed from it. Left out: the measurements themselves.

/** A fitted number and how well it is known. */
export type FittedParameter = {
  /** Its place in the cell: `drift.exponentMean.slope`. */
  readonly name: string;
  readonly value: number;
  /** Standard error; null where the measurements do not tell. */
  readonly standardError: number | null;
  /** `µS`, `s`; `1` for a number without a unit. */
  readonly unit: string;
};

/** How well a law agrees with the levels that it was fitted to. */
export type Goodness = {
  /** Its place in the cell: `drift.exponentMean`. */
  readonly name: string;
  /** Σ ((level − law) / standard error)². */
  readonly chiSquare: number;
  readonly degreesOfFreedom: number;
  /** Probability of so large a χ² or a larger one, if the law holds; null without degrees of freedom. */
  readonly probability: number | null;
};

/** A fit in short. */
export type FitSummary = {
  readonly devices: number;
  readonly reads: number;
  readonly levels: number;
  readonly parameters: readonly FittedParameter[];
  readonly goodness: readonly Goodness[];
  readonly warnings: readonly string[];
};
