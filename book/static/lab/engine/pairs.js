// Contrast: an encoder places points on a circle, and a loss says which of them belong together.

import { overPairs, sigmoid, softplus, UnitRows } from "./losses.js";
import { Mlp } from "./network.js";
import { Rng } from "./random.js";
import { Run } from "./training.js";

// A set has n anchors, then a positive for each, then a negative for each, as rows. A pair is an
// anchor and its positive if its label says "same", else the anchor and its negative.
export const pairsOf = ({ n, same }) => same.map((label, k) => [k, n * (label ? 1 : 2) + k, label]);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const distance = (cosine) => Math.sqrt(Math.max(2 - 2 * cosine, 0)); // on the circle
const dDistance = (cosine) => -1 / (distance(cosine) || Infinity);

// Binary cross-entropy of "same", the logit being scale · cosine + bias.
function cosineBce(set, rows, { head }) {
  const [scale, bias] = [Math.exp(head.weights[0]), head.weights[1]];
  return overPairs(rows, pairsOf(set), (cosine, same) => {
    const logit = scale * cosine + bias;
    const slope = sigmoid(logit) - same;
    head.grads[0] += (slope * scale * cosine) / set.n; // the weight is the scale's logarithm
    head.grads[1] += slope / set.n;
    return [softplus(logit) - same * logit, slope * scale];
  });
}

function pairMarginLoss(set, rows, { margin }) {
  return overPairs(rows, pairsOf(set), (cosine, same) => {
    const gap = same ? distance(cosine) : Math.min(distance(cosine) - margin, 0);
    return [gap ** 2, 2 * gap * dDistance(cosine)];
  });
}

// An anchor has to be nearer to its positive than to its negative, by a margin.
function tripletLoss({ n }, rows, { margin }) {
  let loss = 0;
  for (let k = 0; k < n; k++) {
    const [positive, negative] = [rows.cosine(k, n + k), rows.cosine(k, 2 * n + k)];
    const short = distance(positive) - distance(negative) + margin;
    if (short > 0) {
      loss += short / n;
      rows.pull(k, n + k, dDistance(positive) / n);
      rows.pull(k, 2 * n + k, -dDistance(negative) / n);
    }
  }
  return loss;
}

// Each of the 2n anchors and positives looks for those of its class among all the others.
function supCon({ n, classes }, rows, { temperature }) {
  const views = Array.from({ length: 2 * n }, (_, k) => k);
  const losses = views.map((i) => {
    const others = views.filter((j) => j !== i);
    const right = others.map((j) => Number(classes[j % n] === classes[i % n]));
    const shares = others.map((j) => Math.exp((rows.cosine(i, j) - 1) / temperature));
    const [count, total] = [sum(right), sum(shares)];
    others.forEach((j, k) => {
      rows.pull(i, j, (shares[k] / total - right[k] / count) / temperature / views.length);
    });
    return sum(right.map((one, k) => (-one / count) * Math.log(shares[k] / total)));
  });
  return sum(losses) / views.length;
}

// The same with a class for each picture: only its other view is a positive.
const ntXent = (set, ...rest) => supCon({ n: set.n, classes: set.same.map((_, k) => k) }, ...rest);

const losses = { bare_cosine: cosineBce, scale_bias: cosineBce, pair_margin: pairMarginLoss };
export const LOSSES = { ...losses, triplet: tripletLoss, nt_xent: ntXent, sup_con: supCon };

export class PairsRun extends Run {
  constructor(settings, seed, data) {
    super(settings, seed, data);
    const { units, method } = settings;
    const encoder = new Mlp([2, units, units, 2], new Rng(seed, "encoder"));
    this.encoder = this.add("encoder", encoder, 0.9);
    this.learned = method === "scale_bias"; // else scale 1 and bias 0
    const start = this.learned ? [Math.log(10), -5] : [0, 0];
    const head = { weights: Float64Array.from(start), grads: new Float64Array(2) };
    this.head = this.add("head", head, 0.9);
  }

  embed({ points }) {
    return new UnitRows(this.encoder.forward(points), 2);
  }

  // One update on all training pairs. There is one network, whoever's turn it is.
  update() {
    const { data: { train }, settings, head } = this;
    const rows = this.embed(train);
    this.d_loss = LOSSES[settings.method](train, rows, { ...settings, head });
    this.encoder.backward(rows.back(), true);
    this.move("encoder");
    this.move("head", this.learned ? 1 : 0);
  }
}
