// All modules by name, so that networks import them from one place: matrices (dense.ts), convolutions (convolutions.ts),
// attention (attention.ts), sequences (recurrent-modules.ts), normalisations, pooling, non-linearities, dropout, and what combines modules
// (combine.ts). What a module is stands in module.ts.

export { type Activation, activation, leakyRelu } from './activations.ts';
export {
  type AttentionOptions,
  learnedPositions,
  lookupTable,
  meanOverTime,
  multiHeadAttention,
  patchEmbedding,
  type TransformerBlockOptions,
  transformerBlock,
} from './attention.ts';
export {
  flatten,
  identity,
  paddedShortcut,
  parallel,
  reshape,
  residual,
  sequence,
  timeDistributed,
} from './combine.ts';
export {
  type Convolution1dOptions,
  type ConvolutionOptions,
  convolution,
  convolution1d,
  type DepthwiseOptions,
  depthwiseConvolution,
  type Padding,
  type TransposedConvolutionOptions,
  transposedConvolution,
} from './convolutions.ts';
export { dense, embedding } from './dense.ts';
export { dropout } from './dropout.ts';
export type { Module, ModuleContext, ModuleResult, PlacedModule, Sizes } from './module.ts';
export { batchNormalization, groupNormalization, layerNormalization } from './normalization-modules.ts';
export { averagePool, globalAveragePool, maxPool, type PoolOptions } from './pooling.ts';
export { gru, lstm } from './recurrent-modules.ts';
