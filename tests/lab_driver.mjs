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
          run.step(who);
          losses.push(run.d_loss);
        }
        const points = settings.view === "contrast" ? [] : Array.from(run.samples(400));
        return { ...run.metrics(), points, losses, steps: run.steps, error: run.error };
      });
      return looks;
    });
  },
  // Chapter 05: fresh generators against trained energies that stand still, at several weights of
  // the pull-away term. How widely each one's samples are spread, and those of the game.
  frozen({ settings, seeds, weights }) {
    const games = seeds.map((seed) => makeRun({ ...settings, method: "ebgan" }, seed));
    games.forEach((run) => repeat(800, () => run.step()));
    const fresh = (weight) => games.map((game) => {
      const run = makeRun({ ...settings, weight }, game.seed + 700);
      run.load({ discriminator: game.weights().discriminator });
      repeat(300, () => run.step("g"));
      return spread(run.samples(400));
    });
    const found = weights.map((weight) => [weight, fresh(weight)]);
    return { game: games.map((run) => spread(run.samples(400))), ...Object.fromEntries(found) };
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
