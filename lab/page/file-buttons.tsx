// The buttons for files and for the link of the view.

import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { openFile, saveOnnx, saveWeights } from './files.ts';
import { attempt, chipChoice, link, say, weights, writeAddress } from './lab.ts';
import { secondsOf } from './link.ts';
import { METHOD_WORDS, timeWords } from './words.ts';

/** Opens, saves, and copies the link. */
export function Files(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="files">
      <button type="button" onClick={() => input.current!.click()}>
        Open …
      </button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="Weights (.safetensors), network (.onnx) or record (.json)"
        accept=".safetensors,.onnx,.json"
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          currentTarget.value = '';
          if (file !== undefined) attempt(() => openFile(file));
        }}
      />
      {weights.value === undefined ? (
        <button type="button" disabled>
          Save …
        </button>
      ) : (
        <SaveMenu />
      )}
      <button type="button" onClick={() => attempt(copyLink)}>
        Copy link
      </button>
    </div>
  );
}

async function copyLink(): Promise<void> {
  writeAddress();
  await navigator.clipboard.writeText(location.href);
  const { weights: digest, set } = link.value;
  say(
    `Copied the link of this view.${digest !== '' || set === 'own' ? ' It cannot hold weights of a file or images of yours: whoever opens it needs them too.' : ''}`,
  );
}

/** What can be saved of the weights that are held. */
function SaveMenu(): JSX.Element {
  const menu = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = (): void => menu.current?.removeAttribute('open');
  const item = (title: string, file: string, save: () => Promise<void>): JSX.Element => (
    <button
      type="button"
      onClick={() => {
        close();
        attempt(save);
      }}
    >
      {title}
      <small>{file}</small>
    </button>
  );
  const { method } = link.value;
  const read = `${timeWords(secondsOf(link.value))} after programming, ${METHOD_WORDS[method]}`;
  return (
    <details
      class="menu"
      ref={menu}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      onFocusOut={({ relatedTarget }) => {
        // A click elsewhere, or a tab beyond the last entry, ends it.
        if (relatedTarget instanceof Node && !menu.current!.contains(relatedTarget)) close();
      }}
      onKeyDown={({ key }) => {
        if (key !== 'Escape') return;
        close();
        menu.current!.querySelector('summary')!.focus();
      }}
    >
      <summary class="button">Save …</summary>
      {isOpen && (
        <div>
          {item('Weights', 'weights.safetensors', saveWeights)}
          {item('Network as it was trained', 'network.onnx', () => saveOnnx('network'))}
          {chipChoice() !== undefined &&
            item(`Chip ${link.value.chip} as it is read ${read}`, 'chip.onnx', () => saveOnnx('chip'))}
        </div>
      )}
    </details>
  );
}
