// The schema of published figures: they enter with settings files and with records.

import { z } from 'zod';
import { exactly } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import { COMPENSATION_METHODS, type Publication, type PublishedFigure } from './record.ts';

const figure = exactly<PublishedFigure>()(
  z.strictObject({
    what: z.string().min(1),
    accuracy: z.number().min(0).max(1).meta({ description: 'share of 1' }),
    meaning: z
      .enum(['equal', 'above', 'about'])
      .default('equal')
      .meta({ description: 'the accuracy itself, a bound that it exceeds, or a rough value' }),
    locator: z.string().min(1).meta({ description: 'where it stands in the publication' }),
    secondHand: z
      .boolean()
      .default(false)
      .meta({ description: 'known from notes on the publication, not read in it' }),
    network: z.string().min(1).meta({ description: 'label of the network that it is compared with' }),
    onChips: z
      .exactOptional(z.strictObject({ timeSeconds: z.number().min(0), method: z.enum(COMPENSATION_METHODS) }))
      .meta({ description: 'the result that it is compared with; absent: the digital accuracy' }),
  }),
);

/** Schema of `Publication`. */
export const publicationSchema: z.ZodType<Publication> = exactly<Publication>()(
  z.strictObject({
    source: z.string().min(1),
    figures: z.array(figure).min(1),
  }),
);

/** A fault for each figure that is compared with a network which is not there; its path is that of the figure's field. */
export function publicationFaults(
  { figures }: Publication,
  labels: readonly string[],
): { readonly path: (string | number)[]; readonly message: string }[] {
  return figures.flatMap(({ network }, index) =>
    labels.includes(network)
      ? []
      : [{ path: ['figures', index, 'network'], message: unknownName(network, labels) }],
  );
}
