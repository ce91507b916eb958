// The picture of generated images that commands draw unless flags say otherwise.

/** Images, and those of a row. */
export const PICTURE = { count: 100, columns: 10 } as const;
