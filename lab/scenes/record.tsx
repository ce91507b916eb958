// A record that the command or the lab wrote: its curves, network by network, and the whole report.

import { toHtml } from 'ohmic';
import type { JSX } from 'preact';
import { AccuracyChart } from '../charts/accuracy.tsx';
import { record } from '../page/lab.ts';
import { download } from '../page/save.ts';
import { percent } from '../page/words.ts';
import { timesOf } from './record-times.ts';

/** The scene. */
export function RecordScene(): JSX.Element {
  const shown = record.value;
  if (shown === undefined)
    return <p class="verdict">No record is open. Open a record.json, of this page or of the command.</p>;
  const { title, networks, dataset, hardware, evaluation, command } = shown;
  return (
    <>
      <p class="verdict">
        {title}: {networks.length === 1 ? 'one network' : `${networks.length} networks`} on {hardware.name},{' '}
        {evaluation.chips === 1 ? 'one chip' : `${evaluation.chips} chips`}, {dataset.testImages} test images
        of {dataset.name}.
      </p>
      <div class="row">
        <button type="button" onClick={() => download('report.html', toHtml(shown), 'text/html')}>
          Save the report
        </button>
      </div>
      <div class="panels wide">
        {networks.map(({ label, digitalAccuracy, deployed }) => (
          <section key={label} aria-label={label}>
            <h3>
              {label}: {percent(digitalAccuracy)} in floating point
            </h3>
            <AccuracyChart
              isKeyed
              name={label}
              {...timesOf(deployed)}
              digital={digitalAccuracy}
              classes={dataset.classes}
            />
          </section>
        ))}
      </div>
      <p class="quiet">
        Made by <code>{command}</code>
      </p>
    </>
  );
}
