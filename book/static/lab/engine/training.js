// Adam, and what all runs share: networks, each with an optimiser.

import { Rng } from "./random.js";

// Kingma and Ba (2015): move weights against their gradients, then set those back to zero.
export class Adam {
  constructor({ weights, grads }, beta1, beta2 = 0.999) {
    Object.assign(this, { weights, grads, beta1, beta2, steps: 0 });
    this.mean = new Float64Array(grads.length);
    this.square = new Float64Array(grads.length);
  }

  step(rate) {
    const { weights, grads, mean, square, beta1, beta2 } = this;
    this.steps += 1;
    const [first, second] = [1 - beta1 ** this.steps, 1 - beta2 ** this.steps];
    for (let k = 0; k < grads.length; k++) {
      mean[k] = beta1 * mean[k] + (1 - beta1) * grads[k];
      square[k] = beta2 * square[k] + (1 - beta2) * grads[k] ** 2;
      weights[k] -= (rate * mean[k]) / first / (Math.sqrt(square[k] / second) + 1e-8);
      grads[k] = 0;
    }
  }
}

export class Run {
  // `update(who)` of a subclass moves its networks once, and sets `d_loss` and `g_loss`.
  constructor(settings, seed, data) {
    Object.assign(this, { settings, seed, data, networks: {}, optimizers: {} });
    Object.assign(this, { steps: 0, d_loss: null, g_loss: null });
    this.noise = new Rng(seed, "noise");
  }

  add(name, network, beta1) {
    this.networks[name] = network;
    this.optimizers[name] = new Adam(network, beta1);
    return network;
  }

  // Move a network against its gradients. If `anneal` says so, the rate falls to a hundredth.
  move(name, factor = 1) {
    const { lr, anneal } = this.settings;
    const left = anneal ? 1 - 0.99 * Math.min((this.steps - 1) / anneal, 1) : 1;
    this.optimizers[name].step(lr * left * factor);
  }
}
