// Losses, named as in helpers/losses.py. Each returns its value and writes its gradient.

export const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// The mean of `loss` over `values`; its derivative goes to `gradient`.
function mean(values, gradient, loss, derivative) {
  let sum = 0;
  for (let k = 0; k < values.length; k++) {
    sum += loss(values[k]);
    gradient[k] = derivative(values[k]) / values.length;
  }
  return sum / values.length;
}

// −log σ(f) asks for a high f, −log(1 − σ(f)) for a low one; the other two are the plain mean.
const askHigh = (f, df) => mean(f, df, (x) => softplus(-x), (x) => -sigmoid(-x));
const askLow = (f, df) => mean(f, df, softplus, sigmoid);
const pushDown = (e, de) => mean(e, de, (x) => x, () => 1);
const pullUp = (e, de) => mean(e, de, (x) => -x, () => -1);

// Discriminators: outputs at real and at generated points, and where the gradients go.
export const ganDLoss = (real, fake, dReal, dFake) => askHigh(real, dReal) + askLow(fake, dFake);
export const criticDLoss = (real, fake, dReal, dFake) =>
  pullUp(real, dReal) + pushDown(fake, dFake);
export const contrastiveDivergence = (data, model, dData, dModel) =>
  pushDown(data, dData) + pullUp(model, dModel);
export const ebganDLoss = (real, fake, dReal, dFake, margin) =>
  pushDown(real, dReal) +
  mean(fake, dFake, (e) => Math.max(margin - e, 0), (e) => (e < margin ? -1 : 0));

// A fault: a hinge on the mean energy, in place of the mean of the hinges.
export function meanHingeDLoss(real, fake, dReal, dFake, margin) {
  const short = margin + pullUp(fake, dFake);
  if (short <= 0) {
    dFake.fill(0);
  }
  return pushDown(real, dReal) + Math.max(short, 0);
}

// Generators: the discriminator's outputs at generated points.
export const ganGLoss = askHigh;
export const saturatingGLoss = (fake, dFake) =>
  mean(fake, dFake, (f) => -softplus(f), (f) => -sigmoid(f));
export const criticGLoss = pullUp;
export const ebganGLoss = pushDown;

// Divide rows of `d` numbers by their lengths. Returns the unit rows, and the way back: from the
// gradient at them to the gradient at the rows. Only what turns a row changes its unit row.
export function unit(rows, d) {
  const dot = (a, b, k) => {
    let sum = 0;
    for (let at = k - (k % d), end = at + d; at < end; at++) {
      sum += a[at] * b[at];
    }
    return sum;
  };
  const lengths = rows.map((_, k) => Math.sqrt(dot(rows, rows, k)) || 1);
  const units = rows.map((value, k) => value / lengths[k]);
  const back = (gradient) =>
    gradient.map((slope, k) => (slope - dot(units, gradient, k) * units[k]) / lengths[k]);
  return [units, back];
}

// The pull-away term of unit codes of `d` numbers: the mean squared cosine of different codes. The
// sum of all (uᵢ·uⱼ)² is the sum of squares in the d × d table Σ u uᵀ, which is cheaper.
export function pullAway(units, d, gradient) {
  const [n, table] = [units.length / d, new Float64Array(d * d)];
  const each = (visit) => {
    for (let start = 0; start < n * d; start += d) {
      for (let row = 0; row < d; row++) {
        for (let column = 0; column < d; column++) {
          visit(start + row, start + column, row * d + column);
        }
      }
    }
  };
  each((i, j, at) => (table[at] += units[i] * units[j]));
  gradient.fill(0);
  each((i, j, at) => (gradient[i] += (4 * table[at] * units[j]) / (n * (n - 1))));
  return (table.reduce((sum, value) => sum + value * value, 0) - n) / (n * (n - 1));
}

// The same without the square: all it asks is that the unit codes add up to 0.
export function pullAwayUnsquared(units, d, gradient) {
  const [n, total] = [units.length / d, new Float64Array(d)];
  units.forEach((value, k) => (total[k % d] += value));
  gradient.forEach((_, k) => (gradient[k] = (2 * total[k % d]) / (n * (n - 1))));
  return (total.reduce((sum, value) => sum + value * value, 0) - n) / (n * (n - 1));
}
