// Losses of a discriminator's outputs, and losses of codes. Each returns its value; the first kind
// writes its gradient into an array, the second keeps it in the codes.

export const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// A loss that is the mean of `loss` over the outputs.
const mean = (loss, derivative) => (outputs, gradient, margin) => {
  let sum = 0;
  for (let k = 0; k < outputs.length; k++) {
    sum += loss(outputs[k], margin);
    gradient[k] = derivative(outputs[k], margin) / outputs.length;
  }
  return sum / outputs.length;
};

// GANs: −log σ(f) asks for a high f, −log(1 − σ(f)) for a low one.
export const askHigh = mean((f) => softplus(-f), (f) => -sigmoid(-f));
export const askLow = mean(softplus, sigmoid);
export const saturating = mean((f) => -softplus(f), (f) => -sigmoid(f));

// Energies and critics: the plain mean, and one that stops to pull where the margin is reached.
export const pushDown = mean((e) => e, () => 1);
export const pullUp = mean((e) => -e, () => -1);
export const hinge = mean((e, m) => Math.max(m - e, 0), (e, m) => (e < m ? -1 : 0));

// Rows of `d` numbers, divided by their lengths. Losses see them through the cosine of two, and say
// with `pull` what a change of that cosine would change.
export class UnitRows {
  constructor(rows, d) {
    Object.assign(this, { d, n: rows.length / d, units: rows });
    this.lengths = new Float64Array(this.n).map((_, i) => Math.sqrt(this.cosine(i, i)) || 1);
    this.units = rows.map((value, k) => value / this.lengths[Math.floor(k / d)]);
    this.gradient = new Float64Array(rows.length);
  }

  cosine(i, j, rows = this.units) {
    let sum = 0;
    for (let k = 0; k < this.d; k++) {
      sum += rows[i * this.d + k] * this.units[j * this.d + k];
    }
    return sum;
  }

  pull(i, j, slope) {
    for (let k = 0; k < this.d; k++) {
      this.gradient[i * this.d + k] += slope * this.units[j * this.d + k];
      this.gradient[j * this.d + k] += slope * this.units[i * this.d + k];
    }
  }

  // From the gradient at the unit rows to the one at the rows as they came: only what turns a row
  // changes its unit row, so what points along the row goes.
  back() {
    const along = this.lengths.map((_, i) => this.cosine(i, i, this.gradient));
    return this.gradient.map((slope, k) => {
      const row = Math.floor(k / this.d);
      return (slope - along[row] * this.units[k]) / this.lengths[row];
    });
  }
}

// The mean over pairs [i, j, label] of rows; `loss` gives its value and its slope at a cosine.
export function overPairs(rows, pairs, loss) {
  return pairs.reduce((sum, [i, j, label]) => {
    const [value, slope] = loss(rows.cosine(i, j), label);
    rows.pull(i, j, slope / pairs.length);
    return sum + value / pairs.length;
  }, 0);
}

// The pull-away term of unit codes: the mean squared cosine of different codes; and the same
// without the square, which asks only that the codes add up to 0.
const different = ({ n }) =>
  Array.from({ length: n * n }, (_, k) => [Math.floor(k / n), k % n]).filter(([i, j]) => j < i);
export const pullAway = (codes) => overPairs(codes, different(codes), (c) => [c ** 2, 2 * c]);
export const pullAwayUnsquared = (codes) => overPairs(codes, different(codes), (c) => [c, 1]);
