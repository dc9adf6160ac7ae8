// The plane: data, methods, and a run in which two networks train against each other.

import * as losses from "./losses.js";
import { Mlp } from "./network.js";
import { Run } from "./run.js";

const JUDGED = 800; // generated samples that are shown and judged
const WALKERS = 256; // Langevin chains that show what a learned energy's density looks like
const STEP_SIZE = 0.005; // of Langevin chains

const many = (count, point) => Array.from({ length: count }, (_, k) => point(k));
const circle = (turn, radius, x = 0, y = 0) => [
  x + radius * Math.cos(2 * Math.PI * turn),
  y + radius * Math.sin(2 * Math.PI * turn),
];
const moon = (k, side) => circle(k / 126 + (side > 0 ? 0.5 : 0), 0.8, 0.4 * side, 0.2 * side);

// All data are Gaussians of one width around centres. In the ring and the grid each is a mode.
const CENTERS = {
  ring: () => many(8, (k) => circle(k / 8, 1)),
  grid: () => many(25, (k) => [Math.floor(k / 5) / 2 - 1, (k % 5) / 2 - 1]),
  moons: () => many(64, (k) => moon(k, k % 2 ? 1 : -1)),
  spiral: () => many(64, (k) => circle((1.5 * k) / 63, 0.15 + k / 63)),
  blob: () => [[0, 0]],
  drawn: ({ points }) => points,
};

function sample(centers, spread, out, rng) {
  for (let k = 0; k < out.length; k += 2) {
    const center = centers[rng.integer(centers.length)];
    out[k] = center[0] + spread * rng.normal();
    out[k + 1] = center[1] + spread * rng.normal();
  }
  return out;
}

// An EBGAN's discriminator: the energy of a point is how far it is from its reconstruction.
class AutoEncoder extends Mlp {
  constructor({ units, code, break: fault }, rng) {
    super([2, units, code, units, 2], rng, ["leaky", "none", "leaky", "none"]);
    this.detached = fault === "detached";
  }

  forward(x, n) {
    this.error = super.forward(x, n).map((back, k) => back - x[k]);
    this.energies = many(n, (r) => Math.hypot(this.error[2 * r], this.error[2 * r + 1]));
    return Float64Array.from(this.energies);
  }

  // A point stands in two places, the network's input and the target; a fault forgets the second.
  backward(gradient, n, learn) {
    const slopes = this.error.map((e, k) => (e * gradient[k >> 1]) / (this.energies[k >> 1] || 1));
    return super.backward(slopes, n, learn).map((d, k) => (this.detached ? d : d - slopes[k]));
  }

  // The pull-away term's value at the codes of the last forward pass, and its gradient at x.
  pull(term, n) {
    const [units, back] = losses.unit(this.values[2].subarray(0, n * this.sizes[2]), this.sizes[2]);
    const gradient = new Float64Array(units.length);
    const value = term(units, this.sizes[2], gradient);
    return [value, super.backward(back(gradient), n, false, 2)];
  }
}

// Chapter 04's energy: waves, which draw separate modes, in a bowl that keeps chains together.
class WavyEnergy extends Mlp {
  constructor({ units }, rng) {
    super([2, units, units, 1], rng, ["sine", "sine", "none"]);
  }

  forward(x, n) {
    this.x = x;
    const waves = super.forward(x.map((value) => 6 * value), n);
    return waves.map((wave, r) => wave + x[2 * r] ** 2 + x[2 * r + 1] ** 2);
  }

  backward(gradient, n, learn) {
    const slopes = super.backward(gradient, n, learn);
    return slopes.map((slope, k) => 6 * slope + 2 * this.x[k] * gradient[k >> 1]);
  }
}

class Critic extends Mlp {
  constructor({ units }, rng) {
    super([2, units, units, 1], rng);
  }
}

// Of each method the discriminator, the losses, and levels of theirs: D undecided, or all equal.
const level = (name, value) => ({ name, value });
const undecided = level("discriminator undecided, ln 4", Math.log(4));
const gan = {
  D: Critic,
  dLoss: losses.ganDLoss,
  gLoss: losses.ganGLoss,
  height: losses.sigmoid,
  levels: () => [undecided, level("generator then, ln 2", Math.log(2))],
};
const ebgan = {
  D: AutoEncoder,
  dLoss: losses.ebganDLoss,
  gLoss: losses.ebganGLoss,
  levels: ({ margin }) => [level("equal energies, the margin", margin)],
};
const saturatingLevels = () => [undecided, level("generator then, −ln 2", -Math.log(2))];
export const METHODS = {
  gan,
  gan_saturating: { ...gan, gLoss: losses.saturatingGLoss, levels: saturatingLevels },
  wgan_gp: { D: Critic, dLoss: losses.criticDLoss, gLoss: losses.criticGLoss, penalised: true },
  ebgan,
  ebgan_pt: { ...ebgan, term: losses.pullAway },
  ebgan_pt_unsquared: { ...ebgan, term: losses.pullAwayUnsquared },
  cd: { D: WavyEnergy, dLoss: losses.contrastiveDivergence },
};

export class PlaneRun extends Run {
  constructor(settings, seed) {
    super(settings, seed);
    const { units, batch, chain, data, spread } = settings;
    this.method = METHODS[settings.method];
    [this.centers, this.spread] = [CENTERS[data](settings), data === "blob" ? 0.3 : spread];
    const beta1 = this.method.gLoss ? 0.5 : 0.9; // 0.5: Radford, Metz and Chintala (2016)
    const d = new this.method.D(settings, this.stream("discriminator"));
    this.d = this.add("discriminator", d, beta1);
    this.g = this.add("generator", new Mlp([2, units, units, 2], this.stream("generator")), beta1);
    [this.drawData, this.drawNoise] = [this.stream("data"), this.stream("noise")];
    const room = [2, 2, 1, 2 * chain, 4, 2].map((size) => new Float64Array(size * batch));
    [this.x, this.z, this.mix, this.kicks, this.both, this.dValues] = room;
    this.shown = this.stream("shown noise").normals(new Float64Array(2 * JUDGED));
    this.walkers = this.shown.slice(0, 2 * WALKERS);
  }

  // One step of the game moves first the discriminator, then the generator.
  update(who) {
    const { d_steps: turns, break: fault } = this.settings;
    for (let turn = 0; turn < turns && who !== "g"; turn++) {
      sample(this.centers, this.spread, this.x, this.drawData);
      this.drawNoise.normals(this.method.gLoss ? this.z : this.kicks);
      this.mix.forEach((_, r) => (this.mix[r] = this.drawNoise.uniform()));
      this.dStep(this.x, this.z, this.mix, this.kicks);
    }
    if (this.method.gLoss && who !== "d" && fault !== "one_optimizer") {
      this.gStep(this.drawNoise.normals(this.z));
    }
    if (!this.method.gLoss) {
      const kicks = this.drawNoise.normals(new Float64Array(2 * WALKERS));
      this.walkers = this.langevin(this.walkers, kicks, 1);
    }
  }

  // Move the discriminator once: push down, pull up. `mix` says where between real and generated
  // points the penalty looks; `kicks` are the noise of the Langevin chains.
  dStep(real, z, mix, kicks) {
    const { batch: n, chain, margin, break: fault, freeze, d_lr_factor: factor } = this.settings;
    const frozen = fault === "frozen_d" && this.steps > freeze;
    const fake = this.method.gLoss ? this.g.forward(z, n) : this.langevin(real, kicks, chain);
    this.both.set(real);
    this.both.set(fake, 2 * n);
    const values = this.d.forward(this.both, 2 * n);
    const halves = [values, this.dValues].flatMap((all) => [all.subarray(0, n), all.subarray(n)]);
    const dLoss = fault === "mean_hinge" ? losses.meanHingeDLoss : this.method.dLoss;
    this.d_loss = dLoss(...halves, margin);
    const slopes = this.d.backward(this.dValues, 2 * n, !frozen);
    if (fault === "one_optimizer") {
      this.g_loss = this.d_loss; // the generator helps the discriminator
      this.g.backward(slopes.subarray(2 * n), n, true);
      this.move("generator");
    }
    if (this.method.penalised) {
      this.d_loss += this.gradientPenalty(real, fake, mix, !frozen);
    }
    if (!frozen) {
      this.move("discriminator", factor);
    }
  }

  // The penalty times mean (‖∇f‖ − 1)², between real and generated points. Gulrajani et al. (2017).
  gradientPenalty(real, fake, mix, learn) {
    const [n, weight] = [mix.length, this.settings.penalty];
    this.d.forward(real.map((x, k) => fake[k] + mix[k >> 1] * (x - fake[k])), n);
    const slopes = this.d.backward(new Float64Array(n).fill(1), n, false);
    const steep = many(n, (r) => Math.hypot(slopes[2 * r], slopes[2 * r + 1]));
    const slope = (s, k) => (2 * weight * s * (1 - 1 / (steep[k >> 1] || 1))) / n;
    if (learn) {
      this.d.addSlopeGradient(slopes.map(slope), n);
    }
    return (weight * steep.reduce((sum, s) => sum + (s - 1) ** 2, 0)) / n;
  }

  // x ← x − h·∇E(x) + √(2h)·noise, so many times. Welling and Teh (2011), eq. 3.
  langevin(start, kicks, count) {
    const x = start.slice();
    for (let step = 0; step < count; step++) {
      const slopes = this.energySlope(x);
      for (let k = 0; k < x.length; k++) {
        x[k] += Math.sqrt(2 * STEP_SIZE) * kicks[step * x.length + k] - STEP_SIZE * slopes[k];
      }
    }
    return x;
  }

  energySlope(x) {
    const ones = new Float64Array(x.length / 2).fill(1);
    this.d.forward(x, ones.length);
    return this.d.backward(ones, ones.length, false);
  }

  // Move the generator once. The gradient flows through the discriminator, which keeps none of it.
  gStep(z) {
    const { batch: n } = this.settings;
    const [loss, slopes] = this.pull(this.g.forward(z, n), n);
    this.g_loss = loss;
    this.g.backward(slopes, n, true);
    this.move("generator");
  }

  // The generator's loss at its samples, and its gradient there.
  pull(fake, n) {
    const { weight } = this.settings;
    const dValues = new Float64Array(n);
    const loss = this.method.gLoss(this.d.forward(fake, n), dValues);
    const slopes = this.d.backward(dValues, n, false).slice();
    if (!this.method.term) {
      return [loss, slopes];
    }
    const [value, more] = this.d.pull(this.method.term, n);
    return [loss + weight * value, slopes.map((slope, k) => slope + weight * more[k])];
  }

  // Always from the same noise, so that pictures move and do not flicker. Of `cd`: its walkers.
  samples(n) {
    const [from, room] = [this.method.gLoss ? this.shown : this.walkers, new Float64Array(2 * n)];
    const rows = room.map((_, k) => from[k % from.length]);
    return this.method.gLoss ? this.g.forward(rows, n).slice() : rows;
  }

  real(n) {
    const points = new Float64Array(2 * n);
    return sample(this.centers, this.spread, points, this.stream("shown data"));
  }

  // What the discriminator says of a square of the plane, row by row from the top: a probability,
  // a critic's value or an energy.
  landscape(size, reach) {
    const at = (k) => reach * ((2 * k) / (size - 1) - 1);
    const points = many(size * size, (k) => [at(k % size), -at(Math.floor(k / size))]);
    const values = this.d.forward(Float64Array.from(points.flat()), size * size);
    return values.map(this.method.height ?? ((value) => value));
  }

  // x, y, dx, dy of n samples: where its loss, or for a chain the energy, pushes each of them.
  arrows(n) {
    const at = this.samples(n);
    const ofLoss = () => this.pull(at, n)[1].map((slope) => n * slope); // its loss is a mean
    const slopes = this.method.gLoss ? ofLoss() : this.energySlope(at);
    const row = (r) => [at[2 * r], at[2 * r + 1], -slopes[2 * r], -slopes[2 * r + 1]];
    return Float64Array.from(many(n, row).flat());
  }

  // As helpers/metrics.py: a sample is at a mode within three standard deviations of it; a mode is
  // covered by a quarter of its fair part of the samples. Precision: the share that is at a mode.
  metrics() {
    const [points, hits] = [this.samples(JUDGED), this.centers.map(() => 0)];
    for (let k = 0; k < points.length; k += 2) {
      const far = this.centers.map(([x, y]) => Math.hypot(points[k] - x, points[k + 1] - y));
      const nearest = far.indexOf(Math.min(...far));
      hits[nearest] += far[nearest] <= 3 * this.spread ? 1 : 0;
    }
    const covered = hits.filter((count) => count >= JUDGED / hits.length / 4).length;
    const hasModes = ["ring", "grid"].includes(this.settings.data);
    const precision = hits.reduce((sum, count) => sum + count, 0) / JUDGED;
    return { covered: hasModes ? covered : null, precision };
  }

  levels() {
    return this.method.levels?.(this.settings) ?? [];
  }
}
