// The library: one import that needs no Node, grouped by folder. `ohmic/node` adds native code, files and data sets;
// `ohmic/worker` is the entry of a page's workers. Everything that is not here is internal.

// Base: errors, named tensors, random keys, units.
export { UsageError } from './base/errors.ts';
export { countParameters, type HostTensor, hostTensor, type Parameters, zeros } from './base/parameters.ts';
export { deriveKey, type Key, keyFromSeed, type RandomSequence, randomSequence } from './base/random.ts';
export type { Incomplete, Json } from './base/schema.ts';
export type { Shape } from './base/shape.ts';
export { confidenceInterval95, meanOf, standardDeviationOf } from './base/statistics.ts';
export { memoryStorage, type Storage, storageWithin } from './base/storage.ts';
export { DAY, HOUR, MINUTE, MONTH, type Seconds, YEAR } from './base/units.ts';
// Cells.
export {
  type CellSpec,
  driftExponent,
  driftedConductance,
  programmedConductance,
  readConductance,
  readVariance,
} from './cells/cell.ts';
export { type CellFit, type FitOptions as CellFitOptions, fitCell } from './cells/fit.ts';
export {
  fitPulseDevice,
  type PulseDeviceFit,
  type PulseFitOptions,
  type StepCurve,
} from './cells/fit-pulse-device.ts';
export { type MeasuredDevice, type Measurements, parseMeasurements } from './cells/measurements.ts';
export {
  hermesOneDevice,
  hermesTwoDevices,
  idealCell,
  pcmNandakumar2019,
  publishedCells,
} from './cells/published-cells.ts';
export { publishedPulseDevices, softBoundsDevice } from './cells/published-pulse-devices.ts';
export { type DeviceValues, type Draw, type PulseModel, pulseModel } from './cells/pulse-device.ts';
export {
  type PulsedDevice,
  type PulseMeasurements,
  type PulseReading,
  parsePulseMeasurements,
} from './cells/pulse-measurements.ts';
export { type ChangedPulseDevice, checkPulseDevice, type PulseDeviceChoice } from './cells/pulse-schema.ts';
export type { PcmPulseSpec, PulseDeviceSpec, StepDeviceSpec, StepLaw } from './cells/pulse-spec.ts';
// The engine.
export { type Backend, printPlan } from './compile/backend.ts';
// Costs: energy, latency and area from the same mapping.
export { checkCost } from './cost/cost-schema.ts';
export type {
  BottomUpTile,
  Constant,
  Evidence,
  HardwareCost,
  MeasuredTile,
  TileCost,
} from './cost/cost-spec.ts';
export { countNetwork, type LayerCount, type NetworkCount } from './cost/count.ts';
export { digitalBaselines } from './cost/digital.ts';
export { arrayPicojoules } from './cost/energy.ts';
export {
  type CostEstimate,
  type EnergyRange,
  type EstimateOptions,
  estimateCost,
  type LayerCost,
  type Replicas,
} from './cost/estimate.ts';
export { type LowRankCost, lowRankCost } from './cost/low-rank.ts';
export {
  bottomUp14,
  burr2023,
  costByName,
  hermes,
  hermesCore,
  publishedCosts,
} from './cost/published-costs.ts';
export {
  programmingEnergy,
  type TrainingEstimate,
  type TrainingWork,
  trainingEnergy,
} from './cost/training-energy.ts';
// Crossbars: hardware, arrays, operators, compensation.
export { type Arrays, type CellArray, netConductance, type SensedArrays } from './crossbar/arrays.ts';
export type { Chip, Reading } from './crossbar/chip.ts';
export { compensationFactors, type DriftCompensation } from './crossbar/compensation.ts';
export {
  type ArrayHardware,
  byLayer,
  type HardwareSpec,
  hardwareOf,
  type LayerHardware,
} from './crossbar/hardware.ts';
export { hardwareAware } from './crossbar/hardware-aware.ts';
export {
  type HardwareChoice,
  type HardwareName,
  hardwareNames,
  hardwarePresets,
  resolveHardware,
} from './crossbar/hardware-choice.ts';
export { checkHardware } from './crossbar/hardware-schema.ts';
// Training in the cells.
export { type CellWeights, type InCellsOptions, inCells } from './crossbar/in-cells.ts';
export type { FullWeight } from './crossbar/learning-cells.ts';
export { corrected, type LowRank, lowRankOf } from './crossbar/low-rank.ts';
export { onChip } from './crossbar/on-chip.ts';
export {
  hermes256,
  hermes256OnePhase,
  ideal,
  inCellTraining,
  joshi2020,
  standardEvaluation,
} from './crossbar/presets.ts';
// Data.
export { noAugmentation } from './data/batches.ts';
export { digitClasses, generateDigits } from './data/generated-digits.ts';
export { generatedTextEntropy, generateText } from './data/generated-text.ts';
export {
  type Augmentation,
  type DataSplit,
  dataSplit,
  type ImageSet,
  imageSet,
  type LabelledImages,
  type Normalization,
  subset,
} from './data/image-set.ts';
export {
  type FileSource,
  type LoadProgress,
  loadNamedSet,
  type NamedSetSources,
} from './data/load-named-set.ts';
export { loadNamedText, type NamedTextName, namedTextNames } from './data/named-texts.ts';
export { isPhotoSet, type PhotoSet, photoSet } from './data/photo-set.ts';
export type { PhotoSize, ResizedCrop } from './data/photo-view.ts';
export { type Box, type Photo, type Resampling, resampled } from './data/resample.ts';
export { type SharedNormalization, sharedNormalizations } from './data/shared-normalizations.ts';
export { generateSynthetic, syntheticClasses } from './data/synthetic.ts';
export {
  alphabetOf,
  charactersOfWords,
  decodeText,
  type TextPart,
  type TextParts,
  type TextSet,
  type TextShares,
  textInShares,
  textSet,
  tokensOf,
} from './data/text.ts';
export { photosAugmentation, usualPhotoSize } from './data/usual-photos.ts';
export type { Call, ChosenEngine, Engine, Executable, Store } from './engine.ts';
// Experiments: a network on its hardware.
export {
  type AttributeOptions,
  type AttributionEvent,
  attribute,
  attributionVariants,
} from './experiment/attribute.ts';
export type { Attribution, AttributionPoint } from './experiment/attribution.ts';
export { type CellStatistics, cellStatistics } from './experiment/cell-statistics.ts';
export type { InputValues } from './experiment/chip-outputs.ts';
export type { CompensationMethod } from './experiment/compensation-method.ts';
export { type ChipRead, type Deployment, type DeploymentOptions, deploy } from './experiment/deploy.ts';
export {
  type EvaluateOptions,
  type EvaluationEvent,
  evaluate,
  evaluateNetwork,
} from './experiment/evaluate.ts';
export type { AdabsSettings, EvaluationSettings, LoraSettings } from './experiment/evaluation-settings.ts';
export {
  type AttributionStage,
  attributionStage,
  type EvaluationStage,
  type EvaluationStageEvent,
  evaluationStage,
  experimentRecord,
  type RecordOptions,
} from './experiment/evaluation-stage.ts';
export { frechetDistance } from './experiment/frechet.ts';
export {
  classifierFeatures,
  type FeatureOptions,
  type GenerationDistanceOptions,
  type GenerationOptions,
  generateSamples,
  generationDistance,
  type NetworkWithParameters,
  type SampleDistanceOptions,
  sampleDistance,
} from './experiment/generated-images.ts';
export { type NetworkCostOptions, networkCost } from './experiment/network-cost.ts';
export {
  type ParetoPoint,
  type ParetoRecord,
  paretoFront,
  type Sweep,
  variantsOf,
} from './experiment/pareto-record.ts';
export type { ExperimentRecord, NetworkResult } from './experiment/record.ts';
export { type RestoreOptions, restoreStatistics } from './experiment/restore-normalization.ts';
export { generationSubject, imageSubject, type Subject, textSubject } from './experiment/subject.ts';
export { conductanceHistogram } from './experiment/summarize.ts';
export {
  readWeights,
  TRAINING_FILES,
  type TrainStage,
  type TrainStageEvent,
  trainStage,
} from './experiment/train-stage.ts';
export { trainedDeviceOf } from './experiment/trained-device.ts';
export { summarizeTwins, type TwinPair, type TwinRecord } from './experiment/twin-record.ts';
// Graphs: tensors, tracing, derivatives, the interpreter.
export { gradients } from './graph/gradients.ts';
export { interpret } from './graph/interpret.ts';
export type { ConvolutionGeometry, Graph, TransposedGeometry } from './graph/node.ts';
export {
  digital,
  type Layer,
  type LayerGeometry,
  type LayerKind,
  type Operator,
  weightsOf,
} from './graph/operator.ts';
export { printGraph } from './graph/print.ts';
export { recur } from './graph/recurrence.ts';
export { concat, constant, customGradient, GraphKey, iota, straightThrough, Tensor } from './graph/tensor.ts';
export { type Trace, trace } from './graph/trace.ts';
export { type MixedPrecisionOptions, mixedPrecision } from './insitu/mixed-precision.ts';
export type { PulseTrains } from './insitu/pulse-trains.ts';
export { type PulsedOptions, pulsedDescent } from './insitu/pulsed.ts';
export type {
  MixedPrecisionSettings,
  PulsedSettings,
  TikiTakaSettings,
  UpdateRuleSettings,
} from './insitu/settings.ts';
export { type TikiTakaOptions, tikiTaka } from './insitu/tiki-taka.ts';
export type { TransferMethod } from './insitu/transfer.ts';
export { twinOf, updateRule } from './insitu/update-rule.ts';
// Files of other programs.
export { type ImportedWeights, type ImportOptions, importWeights } from './interop/import-weights.ts';
export { parseNameMap } from './interop/name-map.ts';
export { type ExportOptions, exportOnnx } from './interop/onnx/export-onnx.ts';
export {
  type ImportedOnnx,
  importOnnx,
  networkFromDescription,
  type OnnxOptions,
} from './interop/onnx/import-onnx.ts';
export type { OnnxInputOptions } from './interop/onnx/inputs.ts';
export { decodeTensors, encodeTensors } from './interop/safetensors.ts';
// Networks: definitions, modules, recurrent cells, losses.
export {
  type CharacterGptOptions,
  type CharacterLstmOptions,
  type CharacterNetworkName,
  characterGpt,
  characterLstm,
  characterNetworkByName,
  characterNetworkNames,
  type TextTask,
} from './nn/character-networks.ts';
export {
  classifier,
  defineNetwork,
  feedForward,
  type ImageTask,
  type NetworkDefinition,
  type Part,
} from './nn/define-network.ts';
export { type ImagePartOptions, imageDiscriminator, imageGenerator } from './nn/generative.ts';
export {
  absoluteError,
  correctCount,
  logSoftmax,
  oneHot,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  squaredError,
} from './nn/losses.ts';
export {
  type Activation,
  activation,
  averagePool,
  batchNormalization,
  convolution,
  convolution1d,
  dense,
  depthwiseConvolution,
  dropout,
  embedding,
  flatten,
  globalAveragePool,
  groupNormalization,
  gru,
  identity,
  layerNormalization,
  leakyRelu,
  learnedPositions,
  lookupTable,
  lstm,
  type Module,
  type ModuleContext,
  maxPool,
  meanOverTime,
  multiHeadAttention,
  type PlacedModule,
  paddedShortcut,
  parallel,
  patchEmbedding,
  reshape,
  residual,
  sequence,
  timeDistributed,
  transformerBlock,
  transposedConvolution,
} from './nn/modules.ts';
export {
  type CarriedSpec,
  type Context,
  type Forward,
  initialParameters,
  type Mode,
  type Network,
  type ParameterSpec,
} from './nn/network.ts';
export { cnn, lenet5, mlp, type NetworkName, networkByName, networkNames, smallCnn } from './nn/networks.ts';
export { type OutputScales, withOutputScales } from './nn/output-scales.ts';
export {
  gruLayers,
  gruParameters,
  gruStep,
  lstmLayers,
  lstmParameters,
  lstmStep,
} from './nn/recurrent.ts';
export { type ResnetOptions, resnet, resnet32, resnet32Wide } from './nn/resnet.ts';
export { resnet18, resnet34 } from './nn/resnet-photos.ts';
export { type VitOptions, vit } from './nn/vit.ts';
export { cellFitPage } from './report/cell-fit-page.ts';
export { recordCostCsv } from './report/cost-csv.ts';
export { costTable } from './report/cost-table.ts';
export { attributionCsv, toCsv } from './report/csv.ts';
export { toHtml } from './report/html.ts';
export { parseRecord, toJson } from './report/json.ts';
// Reports.
export { type Formula, formulasOf } from './report/law-text.ts';
export { paretoCsv, paretoPage } from './report/pareto-page.ts';
export { type ByteImage, encodePng, type GridImages, sampleGrid } from './report/png.ts';
export { tableJson } from './report/table-json.ts';
export { printAttribution, printTable } from './report/terminal-table.ts';
export {
  type AdamOptions,
  adam,
  adamw,
  type DescentSettings,
  type SgdOptions,
  sgd,
} from './rules/descent.ts';
export type {
  Descent,
  Factors,
  RuleContext,
  Update,
  Updated,
  UpdateRule,
} from './rules/update-rule.ts';
// Training.
export {
  type AdversarialOptions,
  type AdversarialPair,
  adversarial,
  adversarialPair,
} from './train/adversarial.ts';
export {
  checkParameters,
  decodeCheckpoint,
  decodeWeights,
  encodeCheckpoint,
  encodeWeights,
  parametersDigest,
  type TrainedNetwork,
} from './train/checkpoint.ts';
export { type ClassificationOptions, classification } from './train/classification.ts';
export { type FitOptions, type Fitting, prepareFit, type TrainingEvent } from './train/fit.ts';
export { type GanOptions, gan, imageGeneration, imageSamples, samplePixels } from './train/gan.ts';
export {
  type LanguageGoalOptions,
  type LanguageModellingOptions,
  languageGoal,
  languageModelling,
} from './train/language-modelling.ts';
export { learningRateAt } from './train/learning-rate.ts';
export type { Provenance } from './train/provenance.ts';
export { type RegressionOptions, type RegressionSet, regression } from './train/regression.ts';
export { type DigitalScore, digitalScore } from './train/score.ts';
export type {
  Distillation,
  LearningRate,
  RangeLearning,
  TrainingNoise,
  TrainingSettings,
  WeightAveraging,
  WeightClipping,
} from './train/settings.ts';
export type {
  Batch,
  Evaluation,
  Examples,
  ExamplesInMemory,
  Goal,
  Objective,
  Score,
  Task,
  TaskInMemory,
  TestBatch,
  TestBatches,
} from './train/task.ts';
export { networkOfWeights } from './train/trained-network.ts';
export type { EpochRecord, TrainingState } from './train/training-state.ts';
// In the browser.
export { createWasmEngine, type WasmEngineOptions } from './web/create-wasm-engine.ts';
export type { WebWorker } from './web/workers.ts';
