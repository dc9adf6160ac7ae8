// How many steps a second does the lab's engine make, on one core? See README.md.

import { makeRun, step } from "../book/static/lab/experiment.js";

const TARGET = 100; // eight runs at 25 steps a second each, on two cores
const ROUNDS = 5;
const METHODS = {
  plane: ["gan", "gan_saturating", "wgan_gp", "ebgan", "ebgan_pt", "ebgan_pt_unsquared", "cd"],
  contrast: ["bare_cosine", "scale_bias", "pair_margin", "triplet", "nt_xent", "sup_con"],
};

// Seconds of this process on a core: what else runs on the machine does not count.
const seconds = () => process.cpuUsage().user / 1e6;

function stepsPerSecond(settings) {
  const run = makeRun(settings, 0);
  const rates = Array.from({ length: ROUNDS + 1 }, () => {
    const [start, before] = [seconds(), run.steps];
    while (seconds() < start + 0.2) {
      step(run);
    }
    return (run.steps - before) / (seconds() - start);
  });
  return rates.slice(1).sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]; // the first warms up
}

let slow = false;
for (const [view, methods] of Object.entries(METHODS)) {
  for (const method of methods) {
    const rate = stepsPerSecond({ view, method });
    slow ||= rate < TARGET;
    console.log(`${view.padEnd(9)}${method.padEnd(19)}${rate.toFixed(0).padStart(6)} steps a second`);
  }
}
console.log(`Target: ${TARGET} for each. ${slow ? "Missed." : "Reached."}`);
process.exitCode = slow && process.argv.includes("--check") ? 1 : 0;
