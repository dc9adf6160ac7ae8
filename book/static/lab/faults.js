// "Break it": each fault changes one thing of a run that works.

import { pullUp } from "./engine/losses.js";

function slower(run, times) {
  run.settings = { ...run.settings, lr: run.settings.lr * times };
}

export const FAULTS = {
  none() {},

  lr_tenth(run) {
    slower(run, 0.1);
  },

  lr_ten(run) {
    slower(run, 10);
  },

  // What the generator is trained on counts as a constant where it is the autoencoder's target.
  detached(run) {
    run.d.detached = true;
  },

  // A hinge on the batch's mean energy, in place of the mean of the hinges.
  mean_hinge(run) {
    const ofFake = (energies, slopes, margin) => {
      const short = margin + pullUp(energies, slopes);
      if (short <= 0) {
        slopes.fill(0);
      }
      return Math.max(short, 0);
    };
    run.method = { ...run.method, ofFake };
  },

  frozen_d(run) {
    const move = run.move.bind(run);
    run.move = (name, factor) => {
      const frozen = name === "discriminator" && run.steps > run.settings.freeze;
      move(name, frozen ? 0 : factor);
    };
  },

  // The generator moves with the discriminator, and helps it.
  one_optimizer(run) {
    const dStep = run.dStep.bind(run);
    run.dStep = (real, noise) => {
      const slopes = dStep(real, noise);
      run.g_loss = run.d_loss;
      run.g.backward(slopes, true);
      run.move("generator");
    };
    run.gStep = () => {};
  },
};
