// The plane: a discriminator learns against a generator, or against chains that sample from it.

import * as losses from "./losses.js";
import { Mlp } from "./network.js";
import { Rng } from "./random.js";
import { Run } from "./training.js";

const { askHigh, askLow, hinge, pullUp, pushDown } = losses;

const critic = ({ units }, rng) => new Mlp([2, units, units, 1], rng);

// An EBGAN's discriminator: the energy of a point is how far it is from its reconstruction.
class AutoEncoder extends Mlp {
  constructor({ units, code }, rng) {
    super([2, units, code, units, 2], rng, ["leaky", "none", "leaky", "none"]);
    this.code = code;
  }

  forward(points) {
    this.error = super.forward(points).map((back, k) => back - points[k]);
    this.energies = rowLengths(this.error);
    return this.energies;
  }

  // A point stands in two places, the network's input and its target; a fault forgets the second.
  backward(gradient, learn) {
    const slopes = this.error.map((e, k) => (e * gradient[k >> 1]) / (this.energies[k >> 1] || 1));
    const through = super.backward(slopes, learn);
    return this.detached ? through : through.map((slope, k) => slope - slopes[k]);
  }

  // A term of the unit codes of the last forward pass: its value, and its gradient at the points.
  ofCodes(term) {
    const codes = new losses.UnitRows(this.values[2], this.code);
    const value = term(codes);
    return [value, super.backward(codes.back(), false, 2)];
  }
}

// Chapter 04's energy: waves, which draw separate modes, in a bowl that keeps chains together.
class WavyEnergy extends Mlp {
  constructor({ units }, rng) {
    super([2, units, units, 1], rng, ["sine", "sine", "none"]);
  }

  forward(points) {
    this.points = points;
    const waves = super.forward(points.map((x) => 6 * x));
    return waves.map((wave, r) => wave + points[2 * r] ** 2 + points[2 * r + 1] ** 2);
  }

  backward(gradient, learn) {
    const slopes = super.backward(gradient, learn);
    return slopes.map((slope, k) => 6 * slope + 2 * this.points[k] * gradient[k >> 1]);
  }
}

// The discriminator, what it loses at real and at generated points, and what the generator loses.
const gan = { network: critic, ofReal: askHigh, ofFake: askLow, gLoss: askHigh };
const autoencoder = (...all) => new AutoEncoder(...all);
const ebgan = { network: autoencoder, ofReal: pushDown, ofFake: hinge, gLoss: pushDown };
export const METHODS = {
  gan,
  gan_saturating: { ...gan, gLoss: losses.saturating },
  wgan_gp: { network: critic, ofReal: pullUp, ofFake: pushDown, gLoss: pullUp, penalised: true },
  ebgan,
  ebgan_pt: { ...ebgan, term: losses.pullAway },
  ebgan_pt_unsquared: { ...ebgan, term: losses.pullAwayUnsquared },
  cd: { network: (...all) => new WavyEnergy(...all), ofReal: pushDown, ofFake: pullUp },
};

const rowLengths = (rows) =>
  new Float64Array(rows.length / 2).map((_, r) => Math.hypot(rows[2 * r], rows[2 * r + 1]));

// A network's loss at points, and its gradient there; with `learn`, in the weights too.
function lossAt(network, points, loss, learn, margin) {
  const slopes = new Float64Array(points.length / 2);
  const value = loss(network.forward(points), slopes, margin);
  return [value, network.backward(slopes, learn)];
}

export const slopeAt = (network, points) =>
  lossAt(network, points, (_, slopes) => slopes.fill(1), false)[1];

// x ← x − h·∇E(x) + √(2h)·noise, as often as there is noise. Welling and Teh (2011), eq. 3.
export function langevin(energy, start, kicks, h = 0.005) {
  const points = start.slice();
  for (let used = 0; used < kicks.length; used += points.length) {
    const slopes = slopeAt(energy, points);
    for (let k = 0; k < points.length; k++) {
      points[k] += Math.sqrt(2 * h) * kicks[used + k] - h * slopes[k];
    }
  }
  return points;
}

export class PlaneRun extends Run {
  constructor(settings, seed, data) {
    super(settings, seed, data);
    this.method = METHODS[settings.method];
    const beta1 = this.method.gLoss ? 0.5 : 0.9; // 0.5: Radford, Metz and Chintala (2016)
    const d = this.method.network(settings, new Rng(seed, "discriminator"));
    this.d = this.add("discriminator", d, beta1);
    if (this.method.gLoss) {
      const g = new Mlp([2, settings.units, settings.units, 2], new Rng(seed, "generator"));
      this.g = this.add("generator", g, beta1);
    }
  }

  // One step of the game moves first the discriminator, then the generator.
  update(who) {
    const { batch, d_steps: turns, chain } = this.settings;
    for (let turn = 0; turn < turns && who !== "g"; turn++) {
      const count = this.g ? batch : batch * chain;
      this.dStep(this.data.sample(batch), this.noise.normals(2 * count));
    }
    if (this.g && who !== "d") {
      this.gStep(this.noise.normals(2 * batch));
    }
  }

  // Move the discriminator once: push down, pull up. Returns its gradient at generated points.
  dStep(real, noise) {
    const { d, g, method, settings: { margin, d_lr_factor: factor } } = this;
    const fake = g ? g.forward(noise) : langevin(d, real, noise);
    const [ofReal] = lossAt(d, real, method.ofReal, true);
    const [ofFake, slopes] = lossAt(d, fake, method.ofFake, true, margin);
    this.d_loss = ofReal + ofFake + (method.penalised ? this.penalise(real, fake) : 0);
    this.move("discriminator", factor);
    return slopes;
  }

  // Gradient penalty: a weight times mean (‖∇f‖ − 1)², anywhere between real and generated points.
  // Gulrajani et al. (2017).
  penalise(real, fake) {
    const mix = new Float64Array(real.length / 2).map(() => this.noise.uniform());
    const slopes = slopeAt(this.d, real.map((x, k) => fake[k] + mix[k >> 1] * (x - fake[k])));
    const steep = rowLengths(slopes);
    const [n, weight] = [steep.length, this.settings.penalty];
    const slope = (s, k) => (2 * weight * s * (1 - 1 / (steep[k >> 1] || 1))) / n;
    this.d.addSlopeGradient(slopes.map(slope));
    return (weight * steep.reduce((sum, s) => sum + (s - 1) ** 2, 0)) / n;
  }

  // Move the generator once.
  gStep(noise) {
    const [loss, slopes] = this.push(this.g.forward(noise));
    this.g_loss = loss;
    this.g.backward(slopes, true);
    this.move("generator");
  }

  // The generator's loss at its samples, and its gradient there, through a D that keeps none of it.
  push(fake) {
    const { d, method, settings: { weight } } = this;
    const [loss, slopes] = lossAt(d, fake, method.gLoss, false);
    if (!method.term) {
      return [loss, slopes];
    }
    const [value, more] = d.ofCodes(method.term);
    return [loss + weight * value, slopes.map((slope, k) => slope + weight * more[k])];
  }
}
