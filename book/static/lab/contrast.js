// Contrast: pictures are points of the plane, and an encoder places them on a circle.

import { Adam, Mlp, Rng } from "./network.js";
import * as losses from "./losses.js";

const CLASSES = 4; // two opposite blobs of the ring each, so that nearness says nothing

// n anchors, then a positive and a negative for each, as rows of one array. A pair joins an anchor
// with its positive if a coin says "same", else with its negative. With labels that are coins,
// positives and negatives lie anywhere, and classes mean nothing.
function draw(n, { labels, spread }, rng) {
  const coins = labels === "coins";
  const blobs = new Float64Array(3 * n).map(() => rng.integer(2 * CLASSES));
  if (!coins) {
    for (let k = 0; k < n; k++) {
      blobs[n + k] = (blobs[k] + CLASSES) % 8;
      blobs[2 * n + k] = (blobs[k] + 1 + rng.integer(3) + CLASSES * rng.integer(2)) % 8;
    }
  }
  const points = new Float64Array(6 * n).map((_, k) => {
    const angle = (blobs[k >> 1] * Math.PI) / CLASSES;
    return (k % 2 ? Math.sin(angle) : Math.cos(angle)) + spread * rng.normal();
  });
  const same = Array.from({ length: n }, () => rng.integer(2));
  const classes = Array.from(same, (_, k) => (coins ? rng.integer(CLASSES) : blobs[k] % CLASSES));
  return { n, points, same, classes };
}

// Visit the pairs: the row of the anchor, the row of its partner, and whether they are "same".
const eachPair = ({ n, same }, visit) =>
  same.forEach((label, k) => visit(k, n * (label ? 1 : 2) + k, label));

const cosine = (u, i, j) => u[2 * i] * u[2 * j] + u[2 * i + 1] * u[2 * j + 1];
const distance = (u, i, j) => Math.hypot(u[2 * i] - u[2 * j], u[2 * i + 1] - u[2 * j + 1]);

// Add `slope` times the gradient of a cosine, or of a distance, of rows i and j.
function addCosine(du, u, i, j, slope) {
  for (const k of [0, 1]) {
    du[2 * i + k] += slope * u[2 * j + k];
    du[2 * j + k] += slope * u[2 * i + k];
  }
}

function addDistance(du, u, i, j, slope) {
  const size = distance(u, i, j) || 1;
  for (const k of [0, 1]) {
    du[2 * i + k] += (slope * (u[2 * i + k] - u[2 * j + k])) / size;
    du[2 * j + k] -= (slope * (u[2 * i + k] - u[2 * j + k])) / size;
  }
}

// Binary cross-entropy of "same", the logit being scale · cosine + bias. `head` holds the
// logarithm of the scale, and the bias.
function cosineBce(set, u, du, { head }) {
  const scale = Math.exp(head.weights[0]);
  let sum = 0;
  eachPair(set, (i, j, same) => {
    const logit = scale * cosine(u, i, j) + head.weights[1];
    const slope = (losses.sigmoid(logit) - same) / set.n;
    sum += losses.softplus(logit) - same * logit;
    addCosine(du, u, i, j, slope * scale);
    head.grads[0] += slope * scale * cosine(u, i, j);
    head.grads[1] += slope;
  });
  return sum / set.n;
}

function pairMarginLoss(set, u, du, { margin }) {
  let sum = 0;
  eachPair(set, (i, j, same) => {
    const d = distance(u, i, j);
    const gap = same ? d : -Math.max(margin - d, 0);
    sum += gap ** 2;
    addDistance(du, u, i, j, (2 * gap) / set.n);
  });
  return sum / set.n;
}

function tripletLoss({ n, same }, u, du, { margin }) {
  return same.reduce((sum, _, k) => {
    const short = distance(u, k, n + k) - distance(u, k, 2 * n + k) + margin;
    if (short > 0) {
      addDistance(du, u, k, n + k, 1 / n);
      addDistance(du, u, k, 2 * n + k, -1 / n);
    }
    return sum + Math.max(short, 0) / n;
  }, 0);
}

// Each of the 2n anchors and positives looks for those of its class among all the others.
function supCon({ n, classes }, u, du, { temperature }) {
  let loss = 0;
  for (let i = 0; i < 2 * n; i++) {
    const others = Array.from({ length: 2 * n }, (_, j) => j).filter((j) => j !== i);
    const shares = others.map((j) => Math.exp((cosine(u, i, j) - 1) / temperature));
    const total = shares.reduce((sum, share) => sum + share, 0);
    const right = others.map((j) => (classes[j % n] === classes[i % n] ? 1 : 0));
    const count = right.reduce((sum, one) => sum + one, 0);
    others.forEach((j, k) => {
      const near = cosine(u, i, j) / temperature;
      loss += (right[k] / count) * (Math.log(total) + 1 / temperature - near) / (2 * n);
      const slope = (shares[k] / total - right[k] / count) / (2 * n * temperature);
      addCosine(du, u, i, j, slope);
    });
  }
  return loss;
}

// The same with a class for each picture: only its other view is a positive.
const ntXent = (set, ...rest) => supCon({ n: set.n, classes: set.same.map((_, k) => k) }, ...rest);

const share = (set) => set.same.reduce((sum, label) => sum + label, 0) / set.n;
const { softplus } = losses;
export const METHODS = {
  bare_cosine: {
    loss: cosineBce,
    levels: (set) => ({
      "all embeddings equal": softplus(1) - share(set),
      "floor, −ln σ(1)": softplus(-1),
    }),
  },
  scale_bias: {
    loss: cosineBce,
    levels: (set) => {
      const p = share(set);
      const entropy = [p, 1 - p].reduce((sum, q) => sum - (q > 0 ? q * Math.log(q) : 0), 0);
      return { "best constant answer": entropy };
    },
  },
  pair_margin: {
    loss: pairMarginLoss,
    levels: (set, { margin }) => ({ "all embeddings equal": (1 - share(set)) * margin ** 2 }),
  },
  triplet: {
    loss: tripletLoss,
    levels: (_, { margin }) => ({ "all embeddings equal, the margin": margin }),
  },
  nt_xent: {
    loss: ntXent,
    levels: ({ n }, { temperature }) => ({
      "all embeddings equal, ln(2N − 1)": Math.log(2 * n - 1),
      floor: Math.log1p((2 * n - 2) * Math.exp(-n / (n - 1) / temperature)),
    }),
  },
  sup_con: {
    loss: supCon,
    levels: ({ n }) => ({ "all embeddings equal, ln(2N − 1)": Math.log(2 * n - 1) }),
  },
};

export class ContrastRun {
  constructor(settings, seed) {
    const stream = (purpose) => new Rng(seed, purpose);
    Object.assign(this, { settings, seed, steps: 0, d_loss: null, g_loss: null, error: null });
    this.method = METHODS[settings.method];
    this.encoder = new Mlp([2, settings.units, settings.units, 2], stream("encoder"));
    const learned = settings.method === "scale_bias";
    const start = learned ? [Math.log(10), -5] : [0, 0];
    this.head = { weights: Float64Array.from(start), grads: new Float64Array(2) };
    this.optimizers = [this.encoder, ...(learned ? [this.head] : [])].map((n) => new Adam(n, 0.9));
    this.train = draw(settings.pairs, settings, stream("training pairs"));
    this.test = draw(settings.test, settings, stream("test pairs"));
  }

  // One update on all training pairs; there is one network, so `who` does not matter.
  step() {
    if (this.error === null) {
      this.steps += 1;
      this.d_loss = this.gradients();
      const bad = !Number.isFinite(this.d_loss);
      this.error = bad ? `step ${this.steps}: the loss is not finite` : null;
      const times = { lr_tenth: 0.1, lr_ten: 10 }[this.settings.break] ?? 1;
      this.optimizers.forEach((optimizer) => optimizer.step(times * this.settings.lr));
    }
  }

  gradients() {
    const { n, points } = this.train;
    const [units, back] = losses.unit(this.encoder.forward(points, 3 * n), 2);
    const gradient = new Float64Array(6 * n);
    const { margin, temperature } = this.settings;
    const loss = this.method.loss(this.train, units, gradient, { margin, temperature, head: this.head });
    this.encoder.backward(back(gradient), 3 * n, true);
    return loss;
  }

  // Where training pictures lie on the circle, and their classes.
  embeddings() {
    const { n, points, classes } = this.train;
    const rows = this.encoder.forward(points, 3 * n);
    const angle = (_, k) => Math.atan2(rows[2 * k + 1], rows[2 * k]);
    return { train: Array.from({ length: 2 * n }, angle), labels: [...classes, ...classes] };
  }

  // The score of each pair, a cosine, and its label.
  scores(set) {
    const units = losses.unit(this.encoder.forward(set.points, 3 * set.n), 2)[0];
    const all = [];
    eachPair(set, (i, j, same) => all.push([cosine(units, i, j), same]));
    return all;
  }

  // A pair is called "same" if its cosine is above a threshold: where the loss has none of its own,
  // the one that is best on the training pairs.
  metrics() {
    const [train, test] = [this.scores(this.train), this.scores(this.test)];
    const right = (pairs, cut) =>
      pairs.reduce((sum, [score, same]) => sum + ((score > cut ? 1 : 0) === same), 0) / pairs.length;
    const cuts = [-2, ...train.map(([score]) => score)];
    const best = () => cuts.reduce((a, b) => (right(train, b) > right(train, a) ? b : a));
    const own = -this.head.weights[1] / Math.exp(this.head.weights[0]);
    const cut = this.method.loss === cosineBce ? own : best();
    const said = new Set(test.map(([score]) => score > cut));
    return { accuracy: right(test, cut), train_accuracy: right(train, cut), constant: said.size === 1 };
  }

  levels() {
    const found = this.method.levels(this.train, this.settings);
    return Object.entries(found).map(([name, value]) => ({ name, value }));
  }

  weights() {
    return { encoder: this.encoder.weights.slice(), head: this.head.weights.slice() };
  }

  load({ encoder, head }) {
    this.encoder.weights.set(encoder);
    this.head.weights.set(head);
  }
}
