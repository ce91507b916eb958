// Progress on stderr: a bar on a terminal, a line now and then elsewhere; rate and remaining time in both.

import { MultiBar, type SingleBar } from 'cli-progress';
import { readable } from './print.ts';

/** A task under way. */
export type Task = {
  readonly update: (done: number, details?: string) => void;
  readonly end: () => void;
};

/** A task's name, and its size: `total` of `unit`. */
export type TaskOptions = {
  readonly label: string;
  readonly total: number;
  readonly unit: string;
  /** The finished part, if a task is continued. */
  readonly done?: number;
};

/** Where progress is shown. */
export type Progress = {
  readonly line: (text: string) => void;
  readonly task: (options: TaskOptions) => Task;
};

/** No progress display. */
export const silentProgress: Progress = {
  line: () => undefined,
  task: () => ({ update: () => undefined, end: () => undefined }),
};

const WINDOW_MILLISECONDS = 10_000;
const LINE_MILLISECONDS = 10_000;

/** Progress on `stream`. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  let bars: MultiBar | undefined;
  const line = (raw: string): void => {
    const text = readable(raw);
    if (bars?.isActive === true) {
      bars.log(`${text}\n`);
      // Redrawn at once: an update that waits for the next redraw is lost if the bar ends before it.
      bars.update();
    } else stream.write(`${text}\n`);
  };
  const task = (options: TaskOptions): Task => {
    const speed = speedometer(options);
    if (!stream.isTTY) return lineTask(options, speed, line);
    bars = new MultiBar({
      stream,
      format: '{label} {bar} {percentage} % | {text}',
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      stopOnComplete: false,
      clearOnComplete: true,
      forceRedraw: true,
      // interruption.ts handles signals.
      gracefulExit: false,
      linewrap: false,
    });
    const bar: SingleBar = bars.create(options.total, options.done ?? 0, { label: options.label, text: '' });
    return {
      update: (done, details) =>
        bar.update(done, { text: [speed(done), details ?? ''].filter((part) => part !== '').join(' | ') }),
      end: () => {
        bars?.stop();
        bars = undefined;
      },
    };
  };
  return { line, task };
}

function lineTask(
  { label, total }: TaskOptions,
  speed: (done: number) => string,
  line: (text: string) => void,
): Task {
  let lastLine = performance.now();
  return {
    update: (done, details) => {
      const text = speed(done);
      const now = performance.now();
      if (now - lastLine < LINE_MILLISECONDS) return;
      lastLine = now;
      const parts = [`${Math.floor((100 * done) / Math.max(1, total))} %`, text, details ?? ''];
      line(`${label}: ${parts.filter((part) => part !== '').join(', ')}`);
    },
    end: () => undefined,
  };
}

/** Rate over the last seconds, and the time that the rest takes at this rate: `812 images/s, 1 min 20 s left`. */
function speedometer({ total, unit, done: begun = 0 }: TaskOptions): (done: number) => string {
  let samples = [{ at: performance.now(), done: begun }];
  return (done) => {
    const now = performance.now();
    samples = [...samples.filter(({ at }) => at >= now - WINDOW_MILLISECONDS), { at: now, done }];
    const first = samples[0]!;
    const rate = (1000 * (done - first.done)) / (now - first.at);
    if (!(rate > 0 && Number.isFinite(rate))) return '';
    const shown = rate >= 100 ? Math.round(rate) : rate.toPrecision(2);
    return `${shown} ${unit}/s, ${formatDuration((total - done) / rate)} left`;
  };
}

/** A duration in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
