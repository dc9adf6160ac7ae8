// Trains some of the lab's runs away from the page, which only draws. One message in, one message out.
import { makeRun, step } from "./experiment.js";
import { levelsOf } from "./levels.js";
import { arrows, embeddings, JUDGED, landscape, metrics, ofSamples, samples } from "./measures.js";

const SHOWN = 300;  // samples that a picture shows
let runs = [], reach = 1;

// Take steps with one run, or until it stops; return its mean losses on the way.
function advance(run, steps, who) {
  const sums = { d_loss: 0, g_loss: 0 };
  let done = 0;
  for (; done < steps && !run.error; done++) {
    step(run, who);
    sums.d_loss += run.d_loss;
    sums.g_loss += run.g_loss;
  }
  const mean = name => run[name] === null || !done ? null : sums[name] / done;
  return { d_loss: mean("d_loss"), g_loss: mean("g_loss") };
}

// What the page needs of a run: numbers, and a picture of it.
function look(run, mean, large, withArrows) {
  const seen = {
    seed: run.seed, steps: run.steps, error: run.error, d_loss: run.d_loss, g_loss: run.g_loss, mean,
    levels: levelsOf(run),
  };
  if (run.settings.view === "contrast") return { ...seen, metrics: metrics(run), embeddings: embeddings(run) };
  const size = large ? 48 : 20, judged = samples(run, JUDGED);
  return {
    ...seen, metrics: ofSamples(run, judged), reach, size, real: run.data.shown(SHOWN), fake: judged.slice(0, 2 * SHOWN),
    landscape: landscape(run, size, reach), arrows: large && withArrows ? arrows(run, 60) : null,
  };
}

// The square that shows all real samples with some room, the same for all runs.
function roomFor(run) {
  if (run.settings.view === "contrast") return 1;
  return Math.ceil(run.data.shown(SHOWN).reduce((most, x) => Math.max(most, Math.abs(x)), 0) * 1.3 * 4) / 4;
}

onmessage = ({ data }) => {
  const { make, steps, who, large, arrows } = data;
  if (make) {
    runs = make.seeds.map(seed => makeRun(make.settings, seed));
    reach = roomFor(makeRun(make.settings, 0));
  }
  const means = runs.map(run => advance(run, steps, who));
  const start = performance.now(), seen = runs.map((run, i) => look(run, means[i], run.seed === large, arrows));
  postMessage({ runs: seen, looked: performance.now() - start });
};
