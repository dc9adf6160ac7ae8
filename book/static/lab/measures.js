// What is to be seen of a run: samples, the discriminator's opinion, and the chapters' measures.

import { slopeAt } from "./engine/game.js";
import { sigmoid } from "./engine/losses.js";
import { pairsOf } from "./engine/pairs.js";

export const JUDGED = 800; // generated samples that are judged

// Always from the same noise, so that pictures move and do not flicker. Of `cd`: its walkers.
export function samples(run, n) {
  const from = run.walkers ?? run.shown;
  const points = new Float64Array(2 * n).map((_, k) => from[k % from.length]);
  return run.walkers ? points : run.g.forward(points);
}

// What the discriminator says of a square of the plane, row by row from the top: a probability, a
// critic's value or an energy.
export function landscape(run, size, reach) {
  const at = (k) => reach * ((2 * k) / (size - 1) - 1);
  const points = new Float64Array(2 * size * size);
  for (let k = 0; k < size * size; k++) {
    points[2 * k] = at(k % size);
    points[2 * k + 1] = -at(Math.floor(k / size));
  }
  const values = run.d.forward(points);
  return run.settings.method.startsWith("gan") ? values.map(sigmoid) : values;
}

// x, y, dx, dy of n samples: where its loss, or for a chain the energy, pushes each of them.
export function arrows(run, n) {
  const points = samples(run, n);
  const slopes = run.walkers ? slopeAt(run.d, points) : run.push(points)[1];
  const parts = [points, slopes.map((slope) => -n * slope)]; // a loss is a mean
  return new Float64Array(4 * n).map((_, k) => parts[(k >> 1) % 2][2 * (k >> 2) + (k % 2)]);
}

// Where the training pictures lie on the circle, and their classes.
export function embeddings(run) {
  const { n, classes } = run.data.train;
  const { units } = run.embed(run.data.train);
  const angle = (_, k) => Math.atan2(units[2 * k + 1], units[2 * k]);
  return { train: Array.from({ length: 2 * n }, angle), labels: [...classes, ...classes] };
}

export function metrics(run) {
  return run.settings.view === "plane" ? ofSamples(run, samples(run, JUDGED)) : ofPairs(run);
}

// As helpers/metrics.py: a sample is at a mode within three standard deviations of it; a mode is
// covered by a quarter of its fair part of the samples. Precision: the share that is at a mode.
export function ofSamples(run, points) {
  const { centers, spread } = run.data;
  const hits = centers.map(() => 0);
  for (let k = 0; k < points.length; k += 2) {
    let [nearest, least] = [0, Infinity];
    for (let c = 0; c < centers.length; c++) {
      const far = (points[k] - centers[c][0]) ** 2 + (points[k + 1] - centers[c][1]) ** 2;
      if (far < least) {
        least = far;
        nearest = c;
      }
    }
    hits[nearest] += least <= (3 * spread) ** 2 ? 1 : 0;
  }
  const count = points.length / 2;
  const hasModes = ["ring", "grid"].includes(run.settings.data);
  const covered = hits.filter((hit) => hit >= count / hits.length / 4).length;
  const precision = hits.reduce((sum, hit) => sum + hit, 0) / count;
  return { covered: hasModes ? covered : null, precision };
}

// A pair is called "same" if its cosine is above a threshold: that of the logit 0, or where the loss
// has no logit, the one that is best on the training pairs. `constant`: one answer to all.
function ofPairs(run) {
  const [train, test] = [scores(run, run.data.train), scores(run, run.data.test)];
  const right = (pairs, cut) => pairs.filter(([near, same]) => same === Number(near > cut));
  const share = (pairs, cut) => right(pairs, cut).length / pairs.length;
  const better = (a, b) => (share(train, b[0]) > share(train, a[0]) ? b : a);
  const [scale, bias] = run.head.weights;
  const hasLogit = ["bare_cosine", "scale_bias"].includes(run.settings.method);
  const cut = hasLogit ? -bias / Math.exp(scale) : [[-2], ...train].reduce(better)[0];
  const said = test.filter(([near]) => near > cut).length;
  const constant = said === 0 || said === test.length;
  return { accuracy: share(test, cut), train_accuracy: share(train, cut), constant };
}

// The cosine and the label of each pair.
function scores(run, set) {
  const rows = run.embed(set);
  return pairsOf(set).map(([i, j, same]) => [rows.cosine(i, j), same]);
}
