// Data sets. A run draws from its own stream, so the same seed gives the same data.

import { Rng } from "./engine/random.js";

const many = (count, point) => Array.from({ length: count }, (_, k) => point(k));
const integer = (rng, below) => Math.floor(rng.uniform() * below);
const circle = (turn, radius, x = 0, y = 0) => [
  x + radius * Math.cos(2 * Math.PI * turn),
  y + radius * Math.sin(2 * Math.PI * turn),
];
const moon = (k, side) => circle(k / 126 + (side > 0 ? 0.5 : 0), 0.8, 0.4 * side, 0.2 * side);

// The plane: Gaussians of one width around centres. In the ring and the grid each is a mode.
const CENTERS = {
  ring: () => many(8, (k) => circle(k / 8, 1)),
  grid: () => many(25, (k) => [Math.floor(k / 5) / 2 - 1, (k % 5) / 2 - 1]),
  moons: () => many(64, (k) => moon(k, k % 2 ? 1 : -1)),
  spiral: () => many(64, (k) => circle((1.5 * k) / 63, 0.15 + k / 63)),
  blob: () => [[0, 0]],
  drawn: ({ points }) => points,
};

export class PlaneData {
  constructor(settings, seed) {
    const { data, spread } = settings;
    this.centers = CENTERS[data](settings);
    this.spread = data === "blob" ? 0.3 : spread;
    this.seed = seed;
    this.rng = new Rng(seed, "data");
  }

  sample(n, rng = this.rng) {
    const points = new Float64Array(2 * n);
    for (let k = 0; k < points.length; k += 2) {
      const center = this.centers[integer(rng, this.centers.length)];
      points[k] = center[0] + this.spread * rng.normal();
      points[k + 1] = center[1] + this.spread * rng.normal();
    }
    return points;
  }

  // Always the same points, for pictures.
  shown(n) {
    return this.sample(n, new Rng(this.seed, "shown data"));
  }
}

const CLASSES = 4; // of pictures; each has two opposite blobs of a ring, so that nearness says nothing

// n anchors, then a positive for each, then a negative for each. If all labels are coins, positives
// and negatives lie anywhere, and classes mean nothing.
function drawPairs(n, { labels, spread }, rng) {
  const coins = labels === "coins";
  const blobs = new Float64Array(3 * n).map(() => integer(rng, 2 * CLASSES));
  for (let k = 0; k < n && !coins; k++) {
    blobs[n + k] = (blobs[k] + CLASSES) % 8;
    blobs[2 * n + k] = (blobs[k] + 1 + integer(rng, 3) + CLASSES * integer(rng, 2)) % 8;
  }
  const points = new Float64Array(6 * n).map((_, k) => {
    const angle = (blobs[k >> 1] * Math.PI) / CLASSES;
    return (k % 2 ? Math.sin(angle) : Math.cos(angle)) + spread * rng.normal();
  });
  const same = many(n, () => integer(rng, 2));
  const classes = many(n, (k) => (coins ? integer(rng, CLASSES) : blobs[k] % CLASSES));
  return { n, points, same, classes };
}

export function pairData(settings, seed) {
  return {
    train: drawPairs(settings.pairs, settings, new Rng(seed, "training pairs")),
    test: drawPairs(settings.test, settings, new Rng(seed, "test pairs")),
  };
}
