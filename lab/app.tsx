// The page: scenes by name, files, what the lab has to say, the engine.

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Files } from './page/file-buttons.tsx';
import { engineNotice, engineWords, go, isNoticeBad, link, notice, record } from './page/lab.ts';
import { linkOf, type SceneName } from './page/link.ts';
import { CellsScene } from './scenes/cells.tsx';
import { ProgramScene } from './scenes/program.tsx';
import { RecordScene } from './scenes/record.tsx';
import { TimeScene } from './scenes/time.tsx';
import { TrainScene } from './scenes/train.tsx';

const SCENES: Readonly<
  Record<SceneName, { readonly tab: string; readonly title: string; readonly view: () => JSX.Element }>
> = {
  train: { tab: 'Train', title: 'Train a small network', view: TrainScene },
  program: { tab: 'Program', title: 'Program it onto memory cells', view: ProgramScene },
  time: { tab: 'Time', title: 'Let time pass', view: TimeScene },
  cells: { tab: 'Cells', title: 'Look at single cells', view: CellsScene },
  record: { tab: 'Record', title: 'A record', view: RecordScene },
};

/** The whole page. */
export function App(): JSX.Element {
  const { scene } = link.value;
  const { title, view: Scene } = SCENES[scene];
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · ohmic lab`;
    // Whoever reads by ear hears where they are; not at the start, when the page speaks for itself.
    if (!isFirst.current) heading.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [scene]);
  return (
    <div class="page">
      <header class="top">
        <h1>ohmic lab</h1>
        <Tabs />
        <Files />
      </header>
      <main>
        <h2 ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <Notice />
        <Scene />
      </main>
      <footer>
        <Engine />
      </footer>
    </div>
  );
}

function Tabs(): JSX.Element {
  const { scene } = link.value;
  const names = (Object.keys(SCENES) as SceneName[]).filter(
    (name) => name !== 'record' || record.value !== undefined || scene === 'record',
  );
  return (
    <nav aria-label="Scenes">
      <ul>
        {names.map((name) => (
          <li key={name}>
            <a
              href={linkOf({ ...link.value, scene: name })}
              {...(name === scene && { 'aria-current': 'page' as const })}
              onClick={(event) => {
                if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                event.preventDefault();
                go({ scene: name });
              }}
            >
              {SCENES[name].tab}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Notice(): JSX.Element {
  const words = notice.value;
  return (
    <div role={isNoticeBad.value ? 'alert' : 'status'}>
      {words !== undefined && <p class={isNoticeBad.value ? 'notice bad' : 'notice'}>{words}</p>}
    </div>
  );
}

function Engine(): JSX.Element {
  return (
    <p>
      Everything is computed in this page, by {engineWords.value}; nothing is sent anywhere.
      {engineNotice.value !== undefined && ` One thread: ${engineNotice.value}.`}
    </p>
  );
}
