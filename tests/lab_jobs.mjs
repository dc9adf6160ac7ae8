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

function repeat(count, act) {
  for (let k = 0; k < count; k++) {
    act();
  }
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

// Median distance of points from their middle, whose coordinates are medians.
function spread(points) {
  const [x, y] = [0, 1].map((axis) => points.filter((_, k) => k % 2 === axis));
  const middle = [median(x.slice()), median(y.slice())];
  return median(x.map((value, k) => Math.hypot(value - middle[0], y[k] - middle[1])));
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
  // Runs of several seeds; `turns` are [how many, who] in turn, with a look at each end. A poisoned
  // run starts with a weight that is no number.
  findings({ settings, seeds, turns, poisoned = [] }) {
    return seeds.map((seed) => {
      const run = makeRun(settings, seed);
      if (poisoned.includes(seed)) {
        Object.values(run.networks).forEach(({ weights }) => (weights[0] = NaN));
      }
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
  // Chapter 05: fresh generators against trained energies that stand still, at several weights of
  // the pull-away term. How widely each one's samples are spread, and those of the game.
  frozen({ settings, seeds, weights }) {
    const games = seeds.map((seed) => makeRun({ ...settings, method: "ebgan" }, seed));
    games.forEach((run) => repeat(800, () => step(run)));
    const fresh = (weight) => games.map((game) => {
      const run = makeRun({ ...settings, weight }, game.seed + 700);
      run.d.weights.set(game.d.weights);
      repeat(300, () => step(run, "g"));
      return spread(samples(run, 400));
    });
    const found = weights.map((weight) => [weight, fresh(weight)]);
    return { game: games.map((run) => spread(samples(run, 400))), ...Object.fromEntries(found) };
  },
  refused(settings) {
    try {
      return [check(settings), makeRun(settings, settings.seed ?? 0)][0];
    } catch (error) {
      return error.message;
    }
  },
};
