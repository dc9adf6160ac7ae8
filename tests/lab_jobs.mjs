// What tests do with the lab's engine, in Node (lab_driver.mjs) and in a browser (site/test_lab.py).

import { makeRun, step } from "../book/static/lab/experiment.js";
import { metrics, samples } from "../book/static/lab/measures.js";
import { check } from "../book/static/lab/settings.js";

// Keep the gradients that an optimiser gets, which it then sets to zero.
function watch(optimizer, kept) {
  const move = optimizer.step.bind(optimizer);
  optimizer.step = (rate) => {
    kept.push(Array.from(optimizer.grads));
    move(rate);
  };
}

const plain = ({ networks }) =>
  Object.fromEntries(Object.entries(networks).map(([name, { weights }]) => [name, Array.from(weights)]));

function load(run, weights) {
  Object.entries(weights).forEach(([name, values]) => run.networks[name].weights.set(values));
}

export const JOBS = {
  // The plane, from given weights, batches and noise.
  plane({ settings, weights, batches }) {
    const run = makeRun(settings, 0);
    const [d, g, losses] = [[], [], []];
    load(run, weights);
    watch(run.optimizers.discriminator, d);
    if (run.g) {
      watch(run.optimizers.generator, g);
    }
    for (const { real, noise, noise_g: noiseG, mix } of batches) {
      run.steps += 1;
      run.noise.uniform = () => mix.shift();
      run.dStep(Float64Array.from(real), Float64Array.from(noise));
      if (run.g) {
        run.gStep(Float64Array.from(noiseG));
      }
      losses.push([run.d_loss, run.g_loss]);
    }
    return { d, g, losses, weights: plain(run) };
  },
  contrast({ settings, weights, set, steps }) {
    const run = makeRun(settings, 0);
    const [encoder, head, losses] = [[], [], []];
    load(run, weights);
    run.data.train = { ...set, points: Float64Array.from(set.points) };
    watch(run.optimizers.encoder, encoder);
    watch(run.optimizers.head, head);
    for (let k = 0; k < steps; k++) {
      step(run);
      losses.push(run.d_loss);
    }
    return { encoder, head, losses, weights: plain(run) };
  },
  // Runs of several seeds; `turns` are [how many, who] in turn, with a look at each end.
  findings({ settings, seeds, turns }) {
    return seeds.map((seed) => {
      const run = makeRun(settings, seed);
      const looks = turns.map(([count, who]) => {
        const losses = [];
        for (let k = 0; k < count; k++) {
          step(run, who);
          losses.push(run.d_loss);
        }
        const points = settings.view === "contrast" ? [] : Array.from(samples(run, 400));
        return { ...metrics(run), points, losses, steps: run.steps, error: run.error };
      });
      return looks;
    });
  },
  refused(settings) {
    try {
      return [check(settings), makeRun(settings, settings.seed ?? 0)][0];
    } catch (error) {
      return error.message;
    }
  },
};
