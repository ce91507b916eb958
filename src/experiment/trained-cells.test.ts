// Networks that were trained in cells, on the chip that they were trained on: its cells drift and are read, nothing is
// programmed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { plainSettings, tinyPerceptron, tinySplit } from '../../test/tiny.ts';
import { pcmNandakumar2018 } from '../cells/published-pulse-devices.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { ideal, inCellTraining } from '../crossbar/presets.ts';
import { prepareFit } from '../train/fit.ts';
import { type TrainingSettings, trainingSchema } from '../train/settings.ts';
import { type Deployment, deploy } from './deploy.ts';
import { deviceOfRule } from './trained-device.ts';

const data = tinySplit({ train: 256 });
const settings: TrainingSettings = trainingSchema.parse({
  ...plainSettings,
  epochs: 12,
  learningRate: { kind: 'cosine', initial: 0.1 },
  rule: { kind: 'mixed-precision' },
});

test('the cells that learned are the chip: they hold the weights, drift together, and a read disturbs them', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const fitting = await prepareFit({ engine, network: tinyPerceptron, data, settings, seed: 3 });
    const { tensors, history } = await fitting.result();
    fitting.free();
    const last = history.at(-1)!;
    assert.ok(last.testAccuracy! > 0.8, `it learns: ${last.testAccuracy}`);
    assert.ok(history[0]!.pulses! > 0, 'by pulses');
    const trainedDevice = deviceOfRule(settings.rule);
    assert.deepEqual(trainedDevice, pcmNandakumar2018);
    const deployment = await deploy({
      engine,
      network: tinyPerceptron,
      parameters: tensors,
      data,
      hardware: ideal,
      trainedDevice,
      evaluation: { methods: ['none', 'global'] },
    });
    const chip = await deployment.chip(0);
    const { cells, scale } = chip.layers['dense1']!;
    const weights = tensors['dense1.weights']!.data;
    const net = cells[0]!.conductance.data.map((g, i) => g - cells[1]!.conductance.data[i]!);
    for (let i = 0; i < weights.length; i++)
      assert.ok(Math.abs(net[i]! * scale.data[0]! - weights[i]!) < 1e-6, `weight ${i}`);
    assert.deepEqual(
      (await deployment.chip(4)).layers['dense1']!.cells[0]!.conductance,
      cells[0]!.conductance,
    );
    // After a million seconds a conductance is (1e6 / 38.6 + 1)^−0.04 of what it was, with the noise of a read.
    const reading = await deployment.reading({ chip: 0, timeSeconds: 1e6 });
    const sum = (values: Float32Array): number => values.reduce((all, value) => all + value, 0);
    const ratio = sum(reading.layers['dense1']!.cells[0]!.conductance.data) / sum(cells[0]!.conductance.data);
    // 3,072 cells: the noise of their mean is below 1 %.
    assert.ok(Math.abs(ratio - (1e6 / 38.6 + 1) ** -0.04) < 0.02, `ratio ${ratio}`);
    const accuracies = [];
    for (const [timeSeconds, method] of [
      [0, 'none'],
      [1e6, 'none'],
      [1e6, 'global'],
    ] as const)
      accuracies.push(await deployment.accuracy({ chip: 0, timeSeconds, method }));
    assert.ok(Math.abs(accuracies[0]! - last.testAccuracy!) < 0.15, `as trained: ${accuracies[0]}`);
    assert.ok(accuracies[2]! > 0.7, `compensated: ${accuracies}`);
    deployment.free();
  });
});

test('cells of several pairs a weight are the chip, on hardware with as many', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const withPairs = (pairs: number): HardwareSpec => ({ ...ideal, mapping: { ...ideal.mapping, pairs } });
    const fitting = await prepareFit({
      engine,
      network: tinyPerceptron,
      data,
      settings: { ...settings, hardware: withPairs(2) },
      seed: 3,
    });
    const { tensors, history } = await fitting.result();
    fitting.free();
    assert.ok(history.at(-1)!.testAccuracy! > 0.8, `it learns: ${history.at(-1)!.testAccuracy}`);
    const deployed = (pairs: number): Promise<Deployment> =>
      deploy({
        engine,
        network: tinyPerceptron,
        parameters: tensors,
        data,
        hardware: withPairs(pairs),
        trainedDevice: pcmNandakumar2018,
        evaluation: { methods: ['none'] },
      });
    const deployment = await deployed(2);
    const accuracy = await deployment.accuracy({ chip: 0, timeSeconds: 0, method: 'none' });
    deployment.free();
    assert.ok(Math.abs(accuracy - history.at(-1)!.testAccuracy!) < 0.1, `as trained: ${accuracy}`);
    for (const pairs of [1, 3])
      await assert.rejects(deployed(pairs), {
        name: 'UsageError',
        message: new RegExp(
          `dense1: mapping\\.pairs must be 2, the pairs that it was trained with, got ${pairs}; set mapping\\.pairs`,
        ),
      });
  });
});

test('weights that were not trained in cells are refused as such', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const fitting = await prepareFit({
      engine,
      network: tinyPerceptron,
      data,
      settings: trainingSchema.parse({ ...plainSettings, epochs: 0, hardware: inCellTraining }),
    });
    const { tensors } = await fitting.result();
    fitting.free();
    await assert.rejects(
      deploy({
        engine,
        network: tinyPerceptron,
        parameters: tensors,
        data,
        hardware: ideal,
        trainedDevice: pcmNandakumar2018,
        evaluation: { methods: ['none'] },
      }),
      {
        name: 'UsageError',
        message:
          /^deploy: not trained in these cells: 14 faults\n.*"dense1\.cells\.plus\.value" \(128, 24\) is missing/,
      },
    );
  });
});
