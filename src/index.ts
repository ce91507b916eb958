// The library: one import, named in the order of the pipeline. Everything else is internal.

export { UsageError } from './base/errors.ts';
export { type HostTensor, hostTensor, type Parameters } from './base/parameters.ts';
export { deriveKey, type Key, keyFromSeed } from './base/random.ts';
export { DAY, HOUR, MINUTE, MONTH, YEAR } from './base/units.ts';
export type { CellSpec } from './cells/cell.ts';
export { hermesOneDevice, hermesTwoDevices, idealCell, pcmNandakumar2019 } from './cells/published-cells.ts';
export { printPlan } from './compile/backend.ts';
export type { Chip, Reading } from './crossbar/chip.ts';
export { compensationFactors } from './crossbar/compensation.ts';
export type { HardwareSpec } from './crossbar/hardware.ts';
export { hardwareAware } from './crossbar/hardware-aware.ts';
export { onChip } from './crossbar/on-chip.ts';
export { hermes256, ideal, joshi2020, standardEvaluation } from './crossbar/presets.ts';
export { type DataSplit, dataSplit, type ImageSet, imageSet, subset } from './data/image-set.ts';
export { loadNamedSet } from './data/load-named-set.ts';
export { generateSynthetic } from './data/synthetic.ts';
export type { Call, Engine, Executable, Store } from './engine.ts';
export { type ChipReading, type Deployment, deploy } from './experiment/deploy.ts';
export { type EvaluationEvent, evaluateNetwork } from './experiment/evaluate.ts';
export type { EvaluationSettings, ExperimentRecord, NetworkResult } from './experiment/record.ts';
export { gradients } from './graph/gradients.ts';
export { interpret } from './graph/interpret.ts';
export { digital, type Multiply } from './graph/multiply.ts';
export type { Graph } from './graph/node.ts';
export { printGraph } from './graph/print.ts';
export { concat, customGradient, GraphKey, straightThrough, Tensor } from './graph/tensor.ts';
export { trace } from './graph/trace.ts';
export { initialParameters, type Model } from './nn/model.ts';
export { modelByName } from './nn/models.ts';
export { createEngine } from './node/create-engine.ts';
export { toCsv } from './report/csv.ts';
export { toHtml } from './report/html.ts';
export { parseRecord, toJson } from './report/json.ts';
export { printTable } from './report/terminal-table.ts';
export {
  decodeCheckpoint,
  decodeWeights,
  encodeCheckpoint,
  encodeWeights,
  type TrainedNetwork,
} from './train/checkpoint.ts';
export { type Fitting, prepareFit, type TrainingEvent, type TrainingState } from './train/fit.ts';
export type { Provenance } from './train/provenance.ts';
export type { TrainingSettings } from './train/settings.ts';
