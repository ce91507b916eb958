// The page: tries several ways to get an engine, computes on those that it gets, and posts what came to its server, which
// answers with the address of the next page, if there is one.

import { createWasmEngine, UsageError, type WasmEngineOptions } from 'ohmic';
import { type Digits, digits } from './digits.ts';

/** What came of one way to get an engine. */
export type Outcome =
  | { readonly description: string; readonly notice: string | undefined; readonly digits: Digits }
  | { readonly usageError: string };

/** What a page posts. */
export type Report =
  | { readonly crossOriginIsolated: boolean; readonly outcomes: Readonly<Record<string, Outcome>> }
  | { readonly failure: string };

async function compute(options: WasmEngineOptions): Promise<Outcome> {
  try {
    const { engine, notice } = await createWasmEngine(options);
    const outcome = { description: engine.backend.description, notice, digits: await digits(engine) };
    await engine.close();
    return outcome;
  } catch (thrown) {
    if (thrown instanceof UsageError) return { usageError: thrown.message };
    throw thrown;
  }
}

async function post(report: Report): Promise<void> {
  const response = await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
  const next = await response.text();
  if (next !== '') location.replace(next);
}

async function run(): Promise<void> {
  const ownWorker = (): Worker => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  const outcomes = {
    'by default': await compute({}),
    'two threads': await compute({ threads: 2 }),
    'two workers of its own': await compute({ threads: 2, startWorker: ownWorker }),
    'a worker that is not there': await compute({
      threads: 1,
      startWorker: () => new Worker('/no-such-file.js', { type: 'module' }),
    }),
  };
  await post({ crossOriginIsolated, outcomes });
}

run().catch((thrown: unknown) => post({ failure: String(thrown instanceof Error ? thrown.stack : thrown) }));
