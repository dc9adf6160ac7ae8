// A run as the lab has it: settings that were checked, data, the engine, a fault if one was asked
// for, and the end of a run that diverges. It needs no page: Node, a worker or a browser.

import { pairData, PlaneData } from "./data.js";
import { langevin, PlaneRun } from "./engine/game.js";
import { PairsRun } from "./engine/pairs.js";
import { Rng } from "./engine/random.js";
import { FAULTS } from "./faults.js";
import { JUDGED } from "./measures.js";
import { check, refuse } from "./settings.js";

const DIVERGED = 1e6; // no loss of a training that works comes near
const WALKERS = 256; // Langevin chains that show what a learned energy's density looks like

export function makeRun(given, seed) {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    refuse("seed", seed, "a whole number of at least 0");
  }
  const settings = check(given);
  const plane = settings.view === "plane";
  const run = plane
    ? new PlaneRun(settings, seed, new PlaneData(settings, seed))
    : new PairsRun(settings, seed, pairData(settings, seed));
  FAULTS[settings.break](run);
  run.shown = new Rng(seed, "shown noise").normals(2 * JUDGED);
  run.walkers = settings.method === "cd" ? run.shown.slice(0, 2 * WALKERS) : null;
  run.kicks = new Rng(seed, "walkers");
  run.error = null;
  return run;
}

// One step of a run: of "both" networks, of "d" or of "g". A run that has diverged stands still.
export function step(run, who = "both") {
  if (run.error !== null) {
    return;
  }
  run.steps += 1;
  run.update(who);
  if (run.walkers) {
    run.walkers = langevin(run.d, run.walkers, run.kicks.normals(2 * WALKERS));
  }
  const whose = ["d", "g"].find((name) => !(Math.abs(run[`${name}_loss`] ?? 0) < DIVERGED));
  if (whose) {
    const how = Number.isFinite(run[`${whose}_loss`]) ? "far" : "infinite";
    run.error = { step: run.steps, whose, how }; // words.js says it
  }
}
