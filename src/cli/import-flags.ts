// The flags of `ohmic import`, for weights and for whole networks.

import type { Layout } from '../interop/layout.ts';
import { PHOTOS, type PhotoSettings, photoSettingsSchema } from './settings-schema.ts';
import type { WorkFlags } from './train-command.ts';
import { countOrText } from './values.ts';

/** Orders of axes that a file may have. */
export const LAYOUTS: readonly Layout[] = ['torch', 'ohmic'];

/** Flags of `ohmic import`, as typed. */
export type ImportFlags = WorkFlags & {
  readonly model?: string;
  readonly dataset?: string;
  readonly out: string;
  readonly layout: Layout;
  readonly map?: string;
  readonly normalization: string;
  readonly testImages?: string;
  readonly photoSide?: string;
  readonly photoShorterSide?: string;
  /** Of ONNX files: `name=3,48,192`, `name=16000`. */
  readonly inputShape?: readonly string[];
  readonly inputValue?: readonly string[];
  readonly json?: boolean;
};

/** How the flags want photos to be seen, and what is wrong with that. */
export function photosFromFlags({ dataset, photoSide, photoShorterSide }: ImportFlags): {
  readonly photos: PhotoSettings | undefined;
  readonly faults: readonly string[];
} {
  const given = { side: photoSide, shorterSide: photoShorterSide };
  const sizes = Object.entries(given).flatMap(([name, text]): [string, string | number][] =>
    text === undefined ? [] : [[name, countOrText(text)]],
  );
  if (sizes.length === 0) return { photos: undefined, faults: [] };
  const checked = photoSettingsSchema.safeParse(Object.fromEntries(sizes));
  const faults =
    dataset === PHOTOS
      ? (checked.error?.issues ?? []).map(({ path, message }) => `photo ${path.join('.')}: ${message}`)
      : [`--photo-side, --photo-shorter-side: only of --dataset ${PHOTOS}; leave them out`];
  return { photos: checked.data, faults };
}
