// Runs the lab's engine in Node for tests/test_lab_engine.py: jobs as JSON in, results out.

import { readFileSync } from "node:fs";
import { check, makeRun } from "../book/static/lab/engine.js";

// Keep the gradients that an optimiser gets, which it then sets to zero.
function watch(optimizer, kept) {
  const move = optimizer.step.bind(optimizer);
  optimizer.step = (rate) => {
    kept.push(Array.from(optimizer.grads));
    move(rate);
  };
}

const plain = (weights) => Object.fromEntries(Object.entries(weights).map(([k, v]) => [k, Array.from(v)]));

const JOBS = {
  // The plane, from given weights, batches and noise.
  plane({ settings, weights, batches }) {
    const run = makeRun(settings, 0);
    const [d, g, losses] = [[], [], []];
    run.load(weights);
    watch(run.optimizers.discriminator, d);
    watch(run.optimizers.generator, g);
    for (const { real, z, z_g: zG, mix, kicks } of batches) {
      run.steps += 1;
      run.dStep(...[real, z, mix, kicks].map((values) => Float64Array.from(values)));
      if (settings.method !== "cd" && settings.break !== "one_optimizer") {
        run.gStep(Float64Array.from(zG));
      }
      losses.push([run.d_loss, run.g_loss]);
    }
    return { d, g, losses, weights: plain(run.weights()) };
  },
  contrast({ settings, weights, set, steps }) {
    const run = makeRun(settings, 0);
    const [encoder, head, losses] = [[], [], []];
    run.load(weights);
    run.train = { ...set, points: Float64Array.from(set.points) };
    watch(run.optimizers.encoder, encoder);
    watch(run.optimizers.head, head);
    for (let k = 0; k < steps; k++) {
      run.step();
      losses.push(run.d_loss);
    }
    return { encoder, head, losses, weights: plain(run.weights()) };
  },
  // Runs of several seeds; `turns` are [how many, who] in turn, with a look at each end.
  findings({ settings, seeds, turns }) {
    return seeds.map((seed) => {
      const run = makeRun(settings, seed);
      const looks = turns.map(([count, who]) => {
        const losses = [];
        for (let k = 0; k < count; k++) {
          run.step(who);
          losses.push(run.d_loss);
        }
        const points = settings.view === "contrast" ? [] : Array.from(run.samples(400));
        return { ...run.metrics(), points, d_loss: run.d_loss, g_loss: run.g_loss, losses, error: run.error };
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

const jobs = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(jobs.map(([name, job]) => JOBS[name](job))));
