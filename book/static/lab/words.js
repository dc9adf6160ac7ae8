// Every word that the lab shows, in one place: an edition in another language brings a table of its own.
import { short } from "./draw.js";

const METHODS = {
  gan: "GAN", gan_saturating: "GAN, saturating loss", wgan_gp: "Wasserstein critic, gradient penalty", ebgan: "EBGAN",
  ebgan_pt: "EBGAN with the pulling-away term", ebgan_pt_unsquared: "EBGAN with the term, cosine not squared",
  cd: "Energy model, contrastive divergence", bare_cosine: "Cross-entropy on a bare cosine (the group’s)",
  scale_bias: "Cross-entropy with scale and bias", pair_margin: "Pairs with a margin", triplet: "Triplets",
  nt_xent: "NT-Xent", sup_con: "SupCon",
};

// A mean over runs, with its interval where there is more than one run.
const interval = ({ mean, low, high }, unit = "", times = 1) => {
  const said = value => short(times * value);
  return said(mean) + unit + (low === null ? "" : ` (95 % interval ${said(low)} to ${said(high)})`);
};
const percent = sum => sum ? interval(sum, " %", 100) : "unknown";

export const WORDS = {
  interval,
  plane: "Plane", contrast: "Contrast", play: "Play", pause: "Pause", reset: "Reset, same seeds", others: "Other seeds",
  d: "Step D", g: "Step G", both: "One step", copy: "Copy link", copied: "Link copied.", python: "The same in Python",
  not_copied: "The browser did not allow copying; the link is this page’s address.",
  settings: "Settings", speed: "Speed", stop: "Stop at step (0: never)", landscape: "Landscape", arrows: "The generator’s gradient", seeds: "Seeds",
  numbers: "Numbers of each run", guess: "Predict first.",
  clear: "Remove all points", start_from: "Start from a preset of points", none: "choose",
  preset: "Preset", free: "none: my own settings",
  points: { blobs: "two blobs", line: "a line", cross: "a cross" },
  speeds: { slow: "slow, 5 steps a second", normal: "normal, 50 a second", fast: "as fast as it can" },
  method: METHODS,
  data: {
    ring: "ring of 8", grid: "grid of 25", moons: "two moons", spiral: "spiral", blob: "one blob", drawn: "drawn by you",
  },
  break: {
    none: "nothing", detached: "detach what G is trained on", mean_hinge: "hinge on the batch’s mean energy",
    one_optimizer: "one optimiser for both networks", frozen_d: "freeze the discriminator",
    lr_tenth: "a tenth of the learning rate", lr_ten: "ten times the learning rate",
  },
  labels: { signal: "labels with a signal", coins: "labels drawn like coins" },
  name: {
    method: "Method", data: "Data", spread: "Width of a mode", code: "Numbers in the code",
    penalty: "Weight of the gradient penalty", freeze: "Last step before D is frozen", chain: "Steps of a chain", anneal: "Steps until the rate is small", units: "Units in a layer", batch: "Batch", lr: "Learning rate",
    d_lr_factor: "D’s rate, in multiples of G’s", margin: "Margin", weight: "Weight of the term", d_steps: "Steps of D for one of G",
    break: "Break it", labels: "Labels", pairs: "Pairs to learn from", test: "Pairs in the test",
    temperature: "Temperature", runs: "Runs at once",
  },
  d_loss: "loss of D", g_loss: "loss of G", loss: "loss", covered: "modes covered", precision: "precision",
  accuracy: "accuracy on the test", train_accuracy: "accuracy in training", losses: "Losses",
  Covered: "Modes covered", Precision: "Precision", Accuracy: "Accuracy",
  chosen: (method, data) => `What runs: ${method}, ${data}`,
  run: "Run", step: "Step", stopped: "Stopped", seed: seed => `seed ${seed}`,
  rate: rate => `${Math.round(rate)} steps a second in each run`,
  legend_chains: "Blue rings: real samples. Orange discs: Langevin chains. Green: where the learned energy is low.",
  legend: low => `Blue rings: real samples. Orange discs: generated ones. Green: where the discriminator takes a point for real (${low ? "low energy" : "high output"}).`,
  legend_circle: "Each number is an embedding on the circle, written as the class of its point; equal classes should be close.",
  draw: "Draw in the picture with the mouse or a finger; or choose it with the Tab key: arrow keys move the stamp, Enter puts ten points there, Backspace removes the last ten.",
  canvas_drawn: "Your points. Arrow keys move the stamp, Enter puts ten points there, Backspace removes the last ten.",
  no_points: "No points yet: draw in the picture.",
  large: (seed, line) => `Run with seed ${seed}. ${line}`,
  failed: message => `The lab could not start: ${message}`,
  bad_address: message => `This address asks for something that the lab does not have: ${message}. It shows its defaults.`,
  one_run: ({ covered, precision, accuracy, modes, error }) => error ?? [
    covered !== null && covered !== undefined ? `${covered} of ${modes} modes` : null,
    precision !== null && precision !== undefined ? `precision ${short(precision)}` : null,
    accuracy !== null && accuracy !== undefined ? `accuracy ${short(100 * accuracy)} %` : null,
  ].filter(Boolean).join(", "),
  // The line of words under the pictures; `s` holds summaries over runs, null where there is nothing to sum up.
  sentence({ step, target, first, runs, modes, full, stopped, covered, precision, accuracy, train_accuracy, constant }) {
    const parts = [], before = (name, unit = "", times = 1) => first?.[name] ? `, ${short(times * first[name].mean)}${unit} at step 0` : "";
    if (covered) parts.push(`${full} of ${runs} runs cover all ${modes} modes; mean ${interval(covered)}${before("covered")}.`);
    if (precision) parts.push(`Precision: mean ${interval(precision)}${before("precision")}.`);
    if (accuracy) parts.push(`Accuracy on the test: mean ${percent(accuracy)}${before("accuracy", " %", 100)}; in training ${percent(train_accuracy)}.`);
    if (constant) parts.push(`${constant} of ${runs} runs give every pair of the test the same answer.`);
    if (stopped.length) parts.push(`Stopped: ${stopped.join("; ")}.`);
    return `${step ? `Step ${step}${target ? ` of ${target}` : ""}.` : "New runs, not trained yet."} ${parts.join(" ")}`;
  },
  asked: steps => `The runs answer at step ${steps}.`,
  answered: (guess, measured, right) => `${guess ? `You said: ${guess}. ` : ""}Measured: ${measured}, so the answer here is: ${right}.`,
  measured: {
    full: value => `${value} runs cover all modes`, covered: value => `on average ${short(value)} modes are covered`,
    precision: value => `a mean precision of ${short(value)}`, accuracy: value => `a mean accuracy of ${short(100 * value)} %`,
    d_loss: value => `a mean loss of ${short(value)}`, constant: value => `${value} runs give every pair the same answer`,
  },
  view: "View", kept: "Kept: see the table below.",
  kept_here: "Kept in the table below, until you leave this page: the browser does not allow more.",
  kept_title: "Kept results, means over runs", forget: "Remove all",
  kept_column: {
    what: "Runs", seeds: "Seeds", step: "Step", covered: "Modes covered", precision: "Precision", accuracy: "Accuracy on the test",
  },
  kept_step: (step, stopped) => stopped ? `${step} (stopped: ${stopped})` : String(step),
  keep: "Keep this result", soon: "The large picture of one run, which comes in a moment.",
  no_preset: id => `preset: got “${id}”, and there is none of that name`,
  need_speed: (given, names) => `speed: got “${given}”, wanted one of ${names.join(", ")}`,
  need_stop: given => `stop: got “${given}”, wanted a whole number from 0 (never) to 1000000`,
  need_seeds: text => `Seeds: got “${text}”, wanted one to eight different whole numbers such as 0-7 or 3,5,9`,
};
