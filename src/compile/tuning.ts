// Numbers of the compiler that decide about speed and not about meaning: sizes that must fit a cache, shapes of register
// blocks, counts of chunks. One table: what all instruction sets share, then a row for each. docs/performance.md has what
// was measured about each number, and `npm run bench:tuning` measures again, on this machine. No number depends on how
// many threads there are: results do not, and sums are cut where these numbers say.

/** What the compiler must know of a machine: vector lanes and vector registers. */
export type Target = { readonly lanes: number; readonly registers: number };

/** The same on every instruction set. */
export const tuning = {
  // Caches. Sizes are for a core with 32 KB of L1 and 1 MB of L2.

  /** Values of this many elements, 1 MB, and larger ones do not stay in the L2 cache. */
  largeElements: 262_144,
  /** A larger filter does not stay in the L1 cache beside its inputs; its rows are prefetched. */
  l1FilterBytes: 16_384,
  /** Rows of such a filter between a prefetch and the load. */
  aheadRows: 8,
  /** Prefetches of a band's output lines: more than this become a loop. */
  unrolledLines: 16,
  /** Pixels a multiple of this many elements apart map to the same few sets of a cache. */
  criticalStride: 512,
  /** Unused elements between such pixels in scratch memory, which move them to different sets. */
  setPadding: 16,

  // Products with panels (product/panels.ts).

  /** Larger filters are packed into panels. */
  panelBytes: 131_072,
  /** Pixels that must use a panel for packing to pay. */
  panelPixels: 32,
  /** Rows of a part of a panel, which stays in the L2 cache. */
  panelRows: 512,
  /** Chunks of a product; with fewer images, the columns are shared among chunks too. */
  productChunks: 8,
  /** Columns of such a share, at least, since every share loads all pixels. */
  shareColumns: 128,
  /** Rows that one chunk packs. */
  packedRows: 16,

  // Matrix products (product/matrix-product.ts).

  /** Rows that one chunk computes: more in a taller matrix, so that each panel is used more often. */
  rowsPerChunk: [32, 64, 128, 256],
  /** Larger chunks are taken only while a product keeps this many. */
  rowChunks: 8,
  /** Multiply-adds of a chunk of small products, unless that leaves fewer chunks than `leastChunks`. */
  chunkWork: 262_144,
  leastChunks: 32,

  // Gradients of filters (product/weight-gradient.ts, product/winograd-weight-gradient.ts).

  /** Parts that the images are cut into, at most: enough for many threads. */
  gradientParts: 16,
  /** Bytes of image rows and gradient rows that all blocks sum over before the next rows: they stay in the L1 cache. */
  l1Bytes: 24_576,
  /** Bytes of a chunk's sums that stay in the L2 cache beside the rest. */
  sumBytes: 655_360,
  /** Bytes of a chunk's images that stay in the L2 cache for the input gradient of the same images. */
  imageBytes: 524_288,
  /** Number of large values that both gradients load or store, roughly. */
  sharedImages: 4,
  /** Fewest channels or columns of a block of sums. */
  leastBlock: 32,
  /** Tiles that a register block sums over before its sums are stored, if there are as many. */
  gradientTiles: 64,

  // Minimal filtering (product/winograd-product.ts).

  /** Tiles of a band: their sums stay in the L1 cache. */
  bandTiles: 64,
  /** With a larger filter, a chunk computes several images, so that each load of the filter is used more often. */
  winogradFilterBytes: 524_288,
  /** With fewer filter rows than this, the transformations cost more than they save. */
  worthwhileRows: 24,
  /** Share of the filter rows of the kernel rows it touches that a range must have for it to pay. */
  worthwhileShare: 0.7,

  // Maps (elementwise/map.ts) and rows of vectors (draft.ts).

  /** Vectors per chunk of a flat kernel of cost 1; a costlier one has fewer, but at least `leastChunkVectors`. */
  flatChunkVectors: 512,
  leastChunkVectors: 32,
  /** Cost of a long function, where a node with plain operations costs 1. */
  longCost: 8,
  /** A concatenation of at most this many elements is one kernel of one chunk. */
  fewElements: 8192,
  /** So many parts of a larger one that have one shape are copied by one kernel. */
  fewParts: 4,
  /** Chunks of a loop nest, roughly: enough for many threads, few enough that a chunk is worth its start. */
  nestChunks: 32,
  /** Rows of more vectors than this become a loop. */
  unrolledVectors: 8,

  // Reductions (elementwise/reduce.ts) and scattered sums (elementwise/scatter.ts).

  /** Up to this many elements are reduced by one chunk. */
  smallReduction: 16_384,
  /** Chunks of rows that are reduced each by itself, at most: a chunk is worth its start. */
  reductionChunks: 256,
  /** Partial results that a long reduction is cut into, at most. */
  reductionParts: 64,
  /** Sums that are added side by side, in registers. */
  reductionSums: 8,
  /** Chunks that the columns of a scattered sum are shared among, if there are as many. */
  scatterChunks: 8,
  /** Most vectors of columns that such a chunk adds for each index. */
  scatterVectors: 4,

  // Graphs (passes/).

  /** An expression with more loads than this is cut: its heaviest input is stored first. */
  mostLoads: 8,
  /** A value of which so many contiguous slices are used is stored, so that their users are equal kernels. */
  manySlices: 4,
  /** A sum of fewer products than this is not joined to one. */
  fewestProducts: 3,
  /** Large values that two calls must share to be paired. */
  sharedValues: 2,
  /** Number of later calls among which a partner is sought. */
  pairReach: 8,
} as const;

/** What register blocks look like: this depends on how many registers there are, and on how the processor multiplies. */
export type RegisterTuning = {
  /** Most vectors of columns of a block. */
  readonly mostVectors: number;
  /** Most pixels, or filter rows, of a block. */
  readonly mostPixels: number;
  /** Multiply-adds that start in a cycle. */
  readonly productsAtOnce: number;
  /** Loads that start in a cycle. */
  readonly loadsAtOnce: number;
  /** Cycles that a sum waits for its own multiply-add: a step of a block takes no less. */
  readonly latency: number;
  /** Vectors of columns in a panel: several, since each panel loads all pixels, but so that a block keeps its sums. */
  readonly panelVectors: number;
  /** Pixels of a block across groups: each needs a load for every multiply-add, so larger blocks save little. */
  readonly pixelsAcrossGroups: number;
};

/** 32 registers: blocks of 6 pixels by 4 vectors, 24 sums, four vectors and an element. */
const wideRegisters: RegisterTuning = {
  mostVectors: 4,
  mostPixels: 28,
  productsAtOnce: 2,
  loadsAtOnce: 2,
  latency: 4,
  panelVectors: 4,
  pixelsAcrossGroups: 8,
};

/**
 * 16 registers: blocks of 6 pixels by 2 vectors, 12 sums. With panels of four vectors, blocks would have two pixels and
 * reach 0.7 of that speed.
 */
const fewRegisters: RegisterTuning = { ...wideRegisters, panelVectors: 2 };

/** The rows, by instruction set. Only the first two are measured; the blocks of the others follow from their registers. */
export const registerTunings: Readonly<Record<'avx512' | 'avx2' | 'sse4' | 'neon' | 'wasm', RegisterTuning>> =
  {
    avx512: wideRegisters,
    avx2: fewRegisters,
    sse4: fewRegisters,
    /** 32 registers of four lanes. No processor with it was measured: under emulation, times mean nothing. */
    neon: wideRegisters,
    /** 128-bit vectors of WebAssembly: engines leave 14 of 16 registers. */
    wasm: fewRegisters,
  };

/** The row of a machine. */
export function registerTuning({ lanes, registers }: Target): RegisterTuning {
  if (lanes === 16) return registerTunings.avx512;
  if (lanes === 8) return registerTunings.avx2;
  if (registers >= 32) return registerTunings.neon;
  return registers >= 16 ? registerTunings.sse4 : registerTunings.wasm;
}
