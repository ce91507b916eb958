// The library: one import, named in the order of the pipeline. It runs anywhere, in a browser as on Node; what only Node
// has is in `ohmic/node` (node/index.ts). Everything else is internal.

// Foundations: errors, named tensors, keys of random draws, units of time.
export { UsageError } from './base/errors.ts';
export { type HostTensor, hostTensor, type Parameters } from './base/parameters.ts';
export { deriveKey, type Key, keyFromSeed } from './base/random.ts';
export { DAY, HOUR, MINUTE, MONTH, YEAR } from './base/units.ts';
// Hardware: cells, crossbars, chips.
export type { CellSpec } from './cells/cell.ts';
export { hermesOneDevice, hermesTwoDevices, idealCell, pcmNandakumar2019 } from './cells/published-cells.ts';
// Engines: compile and run graphs.
export { printPlan } from './compile/backend.ts';
export type { Chip, Reading } from './crossbar/chip.ts';
export { compensationFactors } from './crossbar/compensation.ts';
export type { HardwareSpec } from './crossbar/hardware.ts';
export { hardwareAware } from './crossbar/hardware-aware.ts';
export { onChip } from './crossbar/on-chip.ts';
export { hermes256, ideal, joshi2020, standardEvaluation } from './crossbar/presets.ts';
// Data.
export { type DataSplit, dataSplit, type ImageSet, imageSet, subset } from './data/image-set.ts';
export {
  type FileSource,
  type LoadProgress,
  loadNamedSet,
  type NamedSetSources,
} from './data/load-named-set.ts';
export { generateSynthetic } from './data/synthetic.ts';
export type { Call, ChosenEngine, Engine, Executable, Store } from './engine.ts';
// Experiments: a network on its hardware.
export { type ChipRead, type Deployment, deploy } from './experiment/deploy.ts';
export { type EvaluationEvent, evaluateNetwork } from './experiment/evaluate.ts';
export type { EvaluationSettings, ExperimentRecord, NetworkResult } from './experiment/record.ts';
// Graphs: tensors, tracing, derivatives, the interpreter.
export { gradients } from './graph/gradients.ts';
export { interpret } from './graph/interpret.ts';
export type { Graph } from './graph/node.ts';
export { digital, type Layer, type LayerKind, type Operator } from './graph/operator.ts';
export { printGraph } from './graph/print.ts';
export { customGradient, GraphKey, straightThrough, Tensor } from './graph/tensor.ts';
export { trace } from './graph/trace.ts';
// Networks.
export { initialParameters, type Network } from './nn/network.ts';
export { networkByName } from './nn/networks.ts';
// Reports.
export { toCsv } from './report/csv.ts';
export { toHtml } from './report/html.ts';
export { parseRecord, toJson } from './report/json.ts';
export { printTable } from './report/terminal-table.ts';
// Training.
export {
  decodeCheckpoint,
  decodeWeights,
  encodeCheckpoint,
  encodeWeights,
  type TrainedNetwork,
} from './train/checkpoint.ts';
export { type Fitting, prepareFit, type TrainingEvent } from './train/fit.ts';
export type { Provenance } from './train/provenance.ts';
export type { TrainingSettings } from './train/settings.ts';
export type { EpochRecord, TrainingState } from './train/training-state.ts';
export { createWasmEngine, type WasmEngineOptions } from './web/create-wasm-engine.ts';
export type { WebWorker } from './web/workers.ts';
