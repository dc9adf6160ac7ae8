// Contrast: pictures are points of the plane, and an encoder places them on a circle.

import { Mlp } from "./network.js";
import { sigmoid, softplus, unit } from "./losses.js";
import { Run } from "./run.js";

const CLASSES = 4; // each has two opposite blobs of a ring, so that nearness says nothing

// n anchors, then a positive and a negative for each, as rows of one array. A pair is an anchor
// and its positive if a coin says "same", else the anchor and its negative. If all labels are
// coins, positives and negatives lie anywhere, and classes mean nothing.
function draw(n, { labels, spread }, rng) {
  const coins = labels === "coins";
  const blobs = new Float64Array(3 * n).map(() => rng.integer(2 * CLASSES));
  for (let k = 0; k < n && !coins; k++) {
    blobs[n + k] = (blobs[k] + CLASSES) % 8;
    blobs[2 * n + k] = (blobs[k] + 1 + rng.integer(3) + CLASSES * rng.integer(2)) % 8;
  }
  const points = new Float64Array(6 * n).map((_, k) => {
    const angle = (blobs[k >> 1] * Math.PI) / CLASSES;
    return (k % 2 ? Math.sin(angle) : Math.cos(angle)) + spread * rng.normal();
  });
  const same = Array.from({ length: n }, () => rng.integer(2));
  const classes = Array.from(same, (_, k) => (coins ? rng.integer(CLASSES) : blobs[k] % CLASSES));
  return { n, points, same, classes };
}

// The losses below see embeddings through the cosine of two rows, and say with `pull` what a
// change of that cosine would change. On the circle a distance is √(2 − 2 cosine).
const partner = ({ n, same }, k) => n * (same[k] ? 1 : 2) + k;
const mean = ({ n, same }, loss) => same.reduce((sum, label, k) => sum + loss(k, label) / n, 0);
const distance = (cosine) => Math.sqrt(Math.max(2 - 2 * cosine, 0));
const dDistance = (cosine) => -1 / (distance(cosine) || Infinity);

// Binary cross-entropy of "same", the logit being scale · cosine + bias.
function cosineBce(set, cosine, pull, { head }) {
  const [scale, bias] = [Math.exp(head.weights[0]), head.weights[1]];
  return mean(set, (k, same) => {
    const near = cosine(k, partner(set, k));
    const logit = scale * near + bias;
    const slope = (sigmoid(logit) - same) / set.n;
    pull(k, partner(set, k), slope * scale);
    head.grads[0] += slope * scale * near; // the weight is the scale's logarithm
    head.grads[1] += slope;
    return softplus(logit) - same * logit;
  });
}

function pairMarginLoss(set, cosine, pull, { margin }) {
  return mean(set, (k, same) => {
    const near = cosine(k, partner(set, k));
    const gap = same ? distance(near) : Math.min(distance(near) - margin, 0);
    pull(k, partner(set, k), (2 * gap * dDistance(near)) / set.n);
    return gap ** 2;
  });
}

function tripletLoss(set, cosine, pull, { margin }) {
  return mean(set, (k) => {
    const [positive, negative] = [cosine(k, set.n + k), cosine(k, 2 * set.n + k)];
    const short = distance(positive) - distance(negative) + margin;
    if (short > 0) {
      pull(k, set.n + k, dDistance(positive) / set.n);
      pull(k, 2 * set.n + k, -dDistance(negative) / set.n);
    }
    return Math.max(short, 0);
  });
}

// Each of the 2n anchors and positives looks for those of its class among all the others.
function supCon({ n, classes }, cosine, pull, { temperature }) {
  const rows = Array.from({ length: 2 * n }, (_, k) => k);
  return rows.reduce((loss, i) => {
    const others = rows.filter((j) => j !== i);
    const shares = others.map((j) => Math.exp((cosine(i, j) - 1) / temperature));
    const total = shares.reduce((sum, share) => sum + share);
    const right = others.map((j) => (classes[j % n] === classes[i % n] ? 1 : 0));
    const count = right.reduce((sum, one) => sum + one);
    return others.reduce((sum, j, k) => {
      pull(i, j, (shares[k] / total - right[k] / count) / (2 * n * temperature));
      return sum - ((right[k] / count) * Math.log(shares[k] / total)) / (2 * n);
    }, loss);
  }, 0);
}

// The same with a class for each picture: only its other view is a positive.
const ntXent = (set, ...rest) => supCon({ n: set.n, classes: set.same.map((_, k) => k) }, ...rest);

// Of each method its loss, and levels: what it reads if all embeddings are equal, and a floor.
const ones = (set) => mean(set, (_, same) => same);
export const METHODS = {
  bare_cosine: [cosineBce, (set) => [softplus(1) - ones(set), softplus(-1)]],
  scale_bias: [cosineBce, () => []],
  pair_margin: [pairMarginLoss, (set, { margin }) => [(1 - ones(set)) * margin ** 2, 0]],
  triplet: [tripletLoss, (_, { margin }) => [margin, 0]],
  nt_xent: [
    ntXent,
    ({ n }, { temperature }) => [
      Math.log(2 * n - 1),
      Math.log1p((2 * n - 2) * Math.exp(-n / (n - 1) / temperature)),
    ],
  ],
  sup_con: [supCon, ({ n }) => [Math.log(2 * n - 1)]],
};

export class ContrastRun extends Run {
  constructor(settings, seed) {
    super(settings, seed);
    const { units, pairs, test } = settings;
    this.encoder = this.add("encoder", new Mlp([2, units, units, 2], this.stream("encoder")), 0.9);
    this.learned = settings.method === "scale_bias"; // else scale 1 and bias 0
    const start = this.learned ? [Math.log(10), -5] : [0, 0];
    const head = { weights: Float64Array.from(start), grads: new Float64Array(2) };
    this.head = this.add("head", head, 0.9);
    this.train = draw(pairs, settings, this.stream("training pairs"));
    this.test = draw(test, settings, this.stream("test pairs"));
  }

  // One update on all training pairs. There is one network, whoever's turn it is.
  update() {
    const { points, n } = this.train;
    const [rows, back] = unit(this.encoder.forward(points, 3 * n), 2);
    const gradient = new Float64Array(6 * n);
    const pull = (i, j, slope) => {
      for (const k of [0, 1]) {
        gradient[2 * i + k] += slope * rows[2 * j + k];
        gradient[2 * j + k] += slope * rows[2 * i + k];
      }
    };
    const [loss] = METHODS[this.settings.method];
    const details = { ...this.settings, head: this.head };
    this.d_loss = loss(this.train, this.cosine(rows), pull, details);
    this.encoder.backward(back(gradient), 3 * n, true);
    this.move("encoder");
    this.move("head", this.learned ? 1 : 0);
  }

  cosine(rows) {
    return (i, j) => rows[2 * i] * rows[2 * j] + rows[2 * i + 1] * rows[2 * j + 1];
  }

  // Where the training pictures lie on the circle, and their classes.
  embeddings() {
    const { n, points, classes } = this.train;
    const rows = this.encoder.forward(points, 3 * n);
    const angle = (_, k) => Math.atan2(rows[2 * k + 1], rows[2 * k]);
    return { train: Array.from({ length: 2 * n }, angle), labels: [...classes, ...classes] };
  }

  // The cosine and the label of each pair.
  scores(set) {
    const cosine = this.cosine(unit(this.encoder.forward(set.points, 3 * set.n), 2)[0]);
    return set.same.map((same, k) => [cosine(k, partner(set, k)), same]);
  }

  // A pair is called "same" if its cosine is above a threshold: that of the logit 0, or where the
  // loss has no logit, the one that is best on the training pairs. `constant`: one answer to all.
  metrics() {
    const [train, test] = [this.scores(this.train), this.scores(this.test)];
    const right = (pairs, cut) => pairs.filter(([near, same]) => same === Number(near > cut));
    const share = (pairs, cut) => right(pairs, cut).length / pairs.length;
    const better = (a, b) => (share(train, b[0]) > share(train, a[0]) ? b : a);
    const [scale, bias] = this.head.weights;
    const hasLogit = METHODS[this.settings.method][0] === cosineBce;
    const cut = hasLogit ? -bias / Math.exp(scale) : [[-2], ...train].reduce(better)[0];
    const said = test.filter(([near]) => near > cut).length;
    const constant = said === 0 || said === test.length;
    return { accuracy: share(test, cut), train_accuracy: share(train, cut), constant };
  }

  levels() {
    const values = METHODS[this.settings.method][1](this.train, this.settings);
    return values.map((value, k) => ({ name: ["all embeddings equal", "floor"][k], value }));
  }
}
