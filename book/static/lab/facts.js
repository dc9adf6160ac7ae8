// What the page has to know of the engine's settings: which of them a method uses, and what to offer for each.

export const MODES = { ring: 8, grid: 25 };
export const LOW_IS_REAL = new Set(["ebgan", "ebgan_pt", "ebgan_pt_unsquared", "cd"]);

export { METHODS } from "./settings.js";

// How Play goes on: at most so many steps a second, and up to a step at which it stops (0: none).
export const SPEEDS = { slow: 5, normal: 50, fast: Infinity };
export const PACE = { speed: "normal", stop: 0 };

const GAN = ["d_lr_factor", "d_steps", "break"], EBGAN = [...GAN, "margin", "code"];
const OWN = {
  gan: GAN, gan_saturating: GAN, wgan_gp: [...GAN, "penalty"], ebgan: EBGAN, ebgan_pt: [...EBGAN, "weight"],
  ebgan_pt_unsquared: [...EBGAN, "weight"], cd: ["chain", "anneal", "break"],
  pair_margin: ["margin"], triplet: ["margin"], nt_xent: ["temperature"], sup_con: ["temperature"],
};
const SHARED = { plane: ["data", "spread", "units", "batch", "lr"], contrast: ["labels", "spread", "pairs", "test", "units", "lr", "break"] };

// The names of the settings that make a difference, in the order in which they are shown.
export function used({ view, method, data, break: fault }) {
  const shared = SHARED[view].filter(name => !(name === "spread" && data === "blob" && view === "plane"));  // its width is fixed
  return ["method", ...shared, ...(OWN[method] ?? []), ...(fault === "frozen_d" ? ["freeze"] : []), ...(data === "drawn" && view === "plane" ? ["points"] : [])];
}

export const OFFERED = {
  spread: [0.02, 0.05, 0.1, 0.15, 0.3], units: [8, 16, 32, 64], batch: [16, 32, 64, 128],
  lr: [1e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2], d_lr_factor: [0.1, 0.3, 1, 3, 10], d_steps: [1, 2, 3, 5],
  margin: [0.01, 0.1, 0.3, 0.5, 1, 2, 10], code: [1, 2, 4, 8, 16], weight: [0, 0.01, 0.1, 0.3, 1, 3], penalty: [0, 0.1, 1, 10],
  chain: [1, 4, 8, 20], anneal: [0, 240, 1000], freeze: [0, 100, 400, 800], pairs: [8, 16, 32, 64, 128], test: [8, 32, 128, 512],
  temperature: [0.05, 0.1, 0.2, 0.5, 1],
};

// Points on a sunflower's spiral around a place: even, and the same each time.
export function cluster(x, y, count) {
  const at = i => [0.25 * Math.sqrt(i / count) * Math.cos(2.4 * i), 0.25 * Math.sqrt(i / count) * Math.sin(2.4 * i)];
  return Array.from({ length: count }, (_, i) => [x + at(i)[0], y + at(i)[1]].map(value => Number(value.toFixed(2))));
}

// What data "drawn" starts from.
export const BLOBS = [...cluster(-1.2, 0, 60), ...cluster(1.2, 0, 60)];
