import { createEngine } from '../src/node/index.ts';
import { loadDataSet } from '../src/node/index.ts';
import { networkByName, prepareFit, evaluateNetwork } from '../src/index.ts';
import { resolveHardware } from '../src/crossbar/hardware-choice.ts';
import { evaluate } from '../src/experiment/evaluate.ts';
import { isKept } from '../src/train/checkpoint.ts';
const { engine } = await createEngine();
const data = await loadDataSet('mnist', { trainImages: 20000, testImages: 2000 });
const network = networkByName('lenet5', { inputShape: [28, 28, 1], classes: 10 });
const bits = Number(process.argv[2] ?? 4);
const hw = resolveHardware({ preset: process.argv[3] ?? 'hermes256', dac: { bits }, adc: { bits } } as any);
const base = { epochs: 4, batchSize: 64, learningRate: { kind: 'cosine', initial: 0.05, warmupEpochs: 0 } as const };
for (const [label, extra] of [['digital', {}], ['hardware', { hardware: hw }], ['hardware+noise', { hardware: hw, noise: { kind: 'gaussian', relativeToMax: 0.03 } }]] as const) {
  const fit = await prepareFit({ engine, network, data, settings: { ...base, ...extra } as any, seed: 1 });
  const t0 = performance.now();
  const state = await fit.result();
  const ms = (performance.now() - t0) / fit.steps;
  const parameters = Object.fromEntries(Object.entries(state.tensors).filter(([n]) => isKept(n)));
  const ranges = Object.fromEntries(Object.entries(parameters).filter(([n]) => n.includes('Range')).map(([n, t]) => [n, t.data[0]!.toFixed(3)]));
  const trained = { parameters, provenance: { ohmic: '0', model: 'lenet5', dataset: 'mnist', settings: fit.settings, seed: 1, backend: 'x', history: state.history } };
  const r = await evaluate({ engine, network, trained, data, label, hardware: hw, evaluation: { chips: 3, timesSeconds: [25], methods: ['none', 'global'] } });
  console.log(label, `${ms.toFixed(1)} ms/step`, 'test digital', state.history.at(-1)!.testAccuracy, 'chip', r.deployed.map((d) => `${d.method} ${d.mean.toFixed(4)}`).join(' '), JSON.stringify(ranges));
  fit.free();
}
await engine.close();
