// What runs of both views share: steps, learning rates, and weights that go in and out.

import { Adam, Rng } from "./network.js";

const DIVERGED = 1e6; // no loss of a training that works comes near

export class Run {
  // `update(who)` of a subclass moves its networks once, and sets `d_loss` and `g_loss`.
  constructor(settings, seed) {
    Object.assign(this, { settings, seed, steps: 0, d_loss: null, g_loss: null, error: null });
    this.networks = {};
    this.optimizers = {};
  }

  stream(purpose) {
    return new Rng(this.seed, purpose);
  }

  add(name, network, beta1) {
    this.networks[name] = network;
    this.optimizers[name] = new Adam(network, beta1);
    return network;
  }

  step(who = "both") {
    if (this.error === null) {
      this.steps += 1;
      this.update(who);
      const said = { "discriminator's loss": this.d_loss, "generator's loss": this.g_loss };
      const bad = Object.keys(said).find((name) => !(Math.abs(said[name] ?? 0) < DIVERGED));
      const how = Number.isFinite(said[bad]) ? "beyond a million" : "not finite";
      this.error = bad ? `step ${this.steps}: the ${bad} is ${how}` : null;
    }
  }

  // Move a network against its gradients.
  move(name, factor = 1) {
    const { lr, anneal, break: fault } = this.settings;
    const left = anneal ? 1 - 0.99 * Math.min((this.steps - 1) / anneal, 1) : 1;
    const times = { lr_tenth: 0.1, lr_ten: 10 }[fault] ?? 1;
    this.optimizers[name].step(lr * left * times * factor);
  }

  weights() {
    const all = Object.entries(this.networks);
    return Object.fromEntries(all.map(([name, { weights }]) => [name, weights.slice()]));
  }

  load(weights) {
    Object.entries(weights).forEach(([name, values]) => this.networks[name].weights.set(values));
  }
}
