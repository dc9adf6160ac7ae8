// The lab's engine: settings, and runs made of them. It needs no page: Node, a worker or a browser.

import { METHODS, PlaneRun } from "./plane.js";

const KINDS = { plane: Object.keys(METHODS) };

export const DEFAULTS = Object.freeze({
  view: "plane",
  method: "gan",
  data: "ring",
  points: Object.freeze([]),
  spread: 0.05,
  units: 32,
  batch: 64,
  lr: 0.002,
  d_lr_factor: 1,
  d_steps: 1,
  anneal: 0,
  margin: 1,
  weight: 0.1,
  code: 8,
  penalty: 0.1,
  chain: 8,
  break: "none",
  freeze: 400,
});

// What differs for one method, as in the chapters.
export const METHOD_DEFAULTS = Object.freeze({
  cd: { spread: 0.15, units: 64, lr: 0.005, anneal: 240 },
});

const BREAKS = ["none", "lr_tenth", "lr_ten", "frozen_d", "one_optimizer", "detached", "mean_hinge"];
export const RANGES = Object.freeze({
  view: { values: ["plane"] },
  method: { values: KINDS.plane },
  data: { values: ["ring", "grid", "moons", "spiral", "blob", "drawn"] },
  spread: { min: 0.005, max: 0.5 },
  units: { min: 2, max: 128, whole: true },
  batch: { min: 2, max: 256, whole: true },
  lr: { min: 1e-6, max: 1 },
  d_lr_factor: { min: 0.01, max: 100 },
  d_steps: { min: 1, max: 10, whole: true },
  anneal: { min: 0, max: 100000, whole: true },
  margin: { min: 0.001, max: 100 },
  weight: { min: 0, max: 100 },
  code: { min: 1, max: 64, whole: true },
  penalty: { min: 0, max: 100 },
  chain: { min: 1, max: 64, whole: true },
  break: { values: BREAKS },
  freeze: { min: 0, max: 100000, whole: true },
});

function refuse(name, given, expected) {
  throw new Error(`${name}: expected ${expected}, given ${JSON.stringify(given)}`);
}

// All settings, with defaults for those that are left out; an Error names what does not fit.
export function check(given) {
  const unknown = Object.keys(given).find((name) => !(name in DEFAULTS));
  if (unknown) {
    refuse(unknown, given[unknown], `no such setting, but one of ${Object.keys(DEFAULTS).join(", ")}`);
  }
  const settings = { ...DEFAULTS, ...METHOD_DEFAULTS[given.method], ...given };
  for (const [name, { values, min, max, whole }] of Object.entries(RANGES)) {
    const value = settings[name];
    if (values && !values.includes(value)) {
      refuse(name, value, `one of ${values.join(", ")}`);
    }
    const number = Number.isFinite(value) && (!whole || Number.isInteger(value));
    if (!values && !(number && value >= min && value <= max)) {
      refuse(name, value, `a ${whole ? "whole " : ""}number from ${min} to ${max}`);
    }
  }
  return settings;
}

export function makeRun(settings, seed) {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    refuse("seed", seed, "a whole number of at least 0");
  }
  return new PlaneRun(check(settings), seed);
}
