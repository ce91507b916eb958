// stub
import type { SweepSummary } from '../sweep/summary.ts';
export function sweepPage(summary: SweepSummary): string {
  return summary.name;
}
