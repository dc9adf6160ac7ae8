// The settings of the lab: what they are called, what they can be, and what they are by default.

import { METHODS as PLANE } from "./engine/game.js";
import { LOSSES } from "./engine/pairs.js";

export const METHODS = { plane: Object.keys(PLANE), contrast: Object.keys(LOSSES) };
const COMMON = ["none", "lr_tenth", "lr_ten"];
const GAME = ["frozen_d", "one_optimizer"];
const ENERGY = ["detached", "mean_hinge"];
const number = (min, max) => ({ min, max });
const whole = (min, max) => ({ min, max, whole: true });

// Every setting: its default, and what it can be.
const SETTINGS = {
  view: ["plane", { values: Object.keys(METHODS) }],
  method: ["gan", { values: Object.values(METHODS).flat() }],
  break: ["none", { values: [...COMMON, ...GAME, ...ENERGY] }],
  units: [32, whole(2, 128)], // of each hidden layer
  lr: [0.002, number(1e-6, 1)],
  spread: [0.05, number(0.005, 0.5)], // standard deviation of the data around their centres
  margin: [1, number(0.001, 100)], // of EBGAN's hinge, of pairs and of triplets
  // The plane:
  data: ["ring", { values: ["ring", "grid", "moons", "spiral", "blob", "drawn"] }],
  points: [[], {}], // [[x, y], ...], of data "drawn"
  batch: [64, whole(2, 256)],
  d_lr_factor: [1, number(0.01, 100)], // the discriminator's learning rate, relative to `lr`
  d_steps: [1, whole(1, 10)], // the discriminator's turns in each step
  anneal: [0, whole(0, 1e6)], // in so many steps the rate falls to a hundredth; 0: it stays
  freeze: [400, whole(0, 1e6)], // the last step of a discriminator that is then frozen
  code: [8, whole(1, 64)], // numbers in an autoencoder's code
  weight: [0.1, number(0, 100)], // of the pull-away term
  penalty: [0.1, number(0, 100)], // weight of the gradient penalty
  chain: [8, whole(1, 64)], // steps of each Langevin chain
  // Contrast:
  pairs: [16, whole(2, 128)], // for training
  test: [8, whole(1, 512)], // pairs
  labels: ["signal", { values: ["signal", "coins"] }],
  temperature: [0.5, number(0.01, 100)],
};
const part = (k) => Object.entries(SETTINGS).map(([name, setting]) => [name, setting[k]]);
export const DEFAULTS = Object.freeze(Object.fromEntries(part(0)));
export const RANGES = Object.freeze(Object.fromEntries(part(1)));

// Defaults of single methods that differ from these: five turns of the critic as Gulrajani et al.
// (2017) have them, the others from chapters 04 and 11.
export const METHOD_DEFAULTS = Object.freeze({
  wgan_gp: { d_steps: 5 },
  cd: { spread: 0.15, lr: 0.005, anneal: 240 },
  ...Object.fromEntries(METHODS.contrast.map((name) => [name, { lr: 0.005 }])),
});

export function refuse(name, given, expected) {
  throw new Error(`${name}: given ${JSON.stringify(given)}, expected ${expected}`);
}

// Which faults a method can have.
export function breaks(method) {
  const game = METHODS.plane.includes(method) && method !== "cd";
  return [...COMMON, ...(game ? GAME : []), ...(method.startsWith("ebgan") ? ENERGY : [])];
}

const fits = (value, { values, min, max, whole: isWhole }) =>
  values?.includes(value) ??
  (min === undefined ||
    (Number.isFinite(value) && value >= min && value <= max && (!isWhole || value % 1 === 0)));

// All settings, with the defaults of those left out; what does not fit is refused by name.
export function check(given) {
  const settings = { ...DEFAULTS, ...METHOD_DEFAULTS[given.method], ...given };
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(RANGES, name)) {
      refuse(name, value, `one of the settings ${Object.keys(RANGES).join(", ")}`);
    } else if (!fits(value, RANGES[name])) {
      const { values, min, max, whole: isWhole } = RANGES[name];
      const numbers = `a ${isWhole ? "whole " : ""}number from ${min} to ${max}`;
      refuse(name, value, values ? `one of ${values.join(", ")}` : numbers);
    }
  }
  const { view, method, data, points, break: fault } = settings;
  if (!METHODS[view].includes(method)) {
    refuse("method", method, `one of ${METHODS[view].join(", ")} in the view ${view}`);
  }
  if (!breaks(method).includes(fault)) {
    refuse("break", fault, `one of ${breaks(method).join(", ")} with the method ${method}`);
  }
  const isPoint = (p) => Array.isArray(p) && p.length === 2 && p.every(Number.isFinite);
  const good = Array.isArray(points) && points.every(isPoint);
  if (!good || (data === "drawn" && points.length === 0)) {
    refuse("points", points, 'a list of [x, y], with data "drawn" at least one');
  }
  return settings;
}
