// Names in the memory of the queue's server, and what stands under them. Coordinators and workers of one version share a
// queue; those of another version never see its jobs.

import type { Task, TaskResult } from '../sweep/works.ts';
import { sweepPrefix } from './queue-storage.ts';

/** Sweeps that are under way, by their identifier. */
export const SWEEPS = 'ohmic:sweeps';

/** A sweep as workers see it. */
export type AnnouncedSweep = { readonly name: string; readonly ohmic: string };

/** The queue of a version; BullMQ's keys begin with it. */
export function queueName(ohmic: string): string {
  return `ohmic-${ohmic}`;
}

/** The results of a sweep that its coordinator has not fetched yet, by the name of the job. */
export function resultsKey(sweep: string): string {
  return `${sweepPrefix(sweep)}results`;
}

/** The name of a job: the same task is never in the queue twice. */
export function jobName(sweep: string, task: string): string {
  return `${sweep}.${task}`;
}

/** What a job carries. */
export type QueueJob = { readonly sweep: string; readonly ohmic: string; readonly task: Task };

/** A task without its content, which the coordinator has. */
export type TaskHead =
  | { readonly kind: 'training'; readonly name: string }
  | {
      readonly kind: 'evaluation';
      readonly name: string;
      readonly from: number;
      readonly to: number;
      readonly digital: boolean;
    };

/** What a worker brings back. */
export type QueueResult = { readonly task: TaskHead; readonly result: TaskResult };

/** How often a job may be lost with its worker, or given up, before it counts as one that ends workers. */
export const MOST_LOSSES = 50;
