// What the lab says, in the language of its page: the texts of strings.js, and the sentences that are made of them.
import { STRINGS } from "./strings.js";

const COLUMN = globalThis.document?.documentElement.lang.startsWith("ko") ? 1 : 0;
const pick = table => Array.isArray(table) ? table[COLUMN]
  : Object.fromEntries(Object.entries(table).map(([name, inside]) => [name, pick(inside)]));
const fill = (text, ...parts) => text.replace(/\{(\d)\}/g, (_, i) => parts[i]);
const TEXT = pick(STRINGS);
const say = (name, ...parts) => fill(TEXT[name], ...parts);

// A text of a preset: its Korean one stands beside it.
export const ofPreset = (table, name) => COLUMN ? table[`${name}_ko`] : table[name];

// A number for a reader: three digits that matter.
export function short(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(0).replace("-", "−");
  return String(Number(value.toPrecision(3))).replace("-", "−");
}
// Numbers of modes and shares, as exactly as eight runs can know them.
const modesOf = value => String(Number(value.toFixed(1)));
const shareOf = value => value.toFixed(2);
export const percent = share => say("percent", short(100 * share));

// A mean over runs, with its interval where there is more than one run. Equal runs give it no width, which says only
// that they are equal.
export function interval(sum, written = short, how = "interval") {
  if (!sum) return TEXT.unknown;
  const { mean, low, high } = sum;
  if (low === null) return written(mean);
  return written(mean) + (low === high ? TEXT.alike : say(how, written(low), written(high)));
}

export const WRITTEN = { covered: modesOf, precision: shareOf, accuracy: percent, train_accuracy: percent };

// What was measured for a preset's question: a number of runs is plain, a mean has its interval.
function measured(measure, value) {
  const said = typeof value === "number" ? value : interval(value, WRITTEN[measure]);
  return fill(TEXT.measured[measure], said);
}

export const WORDS = {
  ...TEXT,
  seed: seed => say("seed", seed), chosen: (method, data) => say("chosen", method, data),
  chart: (title, step, says) => say("chart", title, step, says), chart_step: step => say("chart_step", step),
  rate: (rate, most) => say(most ? "rate_less" : "rate", rate < 10 ? short(rate) : Math.round(rate)),
  legend: low => TEXT[low ? "legend_low" : "legend_high"],
  large: (seed, line) => say("large", seed, line), failed: message => say("failed", message),
  bad_address: message => say("bad_address", message),
  error: ({ step, whose, how }) => fill(TEXT.error[whose][how], step),
  one_run: ({ covered, precision, accuracy, modes, error }) => error ? WORDS.error(error) : [
    covered !== null && covered !== undefined ? say("of_modes", covered, modes) : null,
    precision !== null && precision !== undefined ? say("of_precision", shareOf(precision)) : null,
    accuracy !== null && accuracy !== undefined ? say("of_accuracy", percent(accuracy)) : null,
  ].filter(Boolean).join(", "),
  // The sentence about a setting; a value or a method may have one of its own.
  about(name, { [name]: value, method }) {
    const found = TEXT.about[name] ?? "";
    return typeof found === "string" ? found : found[value] ?? found[method] ?? found.all ?? "";
  },
  // The line of words under the pictures; sums over runs are null where there is nothing to sum up.
  sentence({ step, target, first, runs, modes, full, stopped, covered, precision, accuracy, train_accuracy, constant, eighth }) {
    const parts = [], before = name => first?.[name] ? say("before", WRITTEN[name](first[name].mean)) : "";
    if (covered) parts.push(say("says_covered", full, runs, modes, interval(covered, modesOf), before("covered")));
    if (precision) parts.push(say("says_precision", interval(precision, shareOf), before("precision")));
    if (accuracy) parts.push(say("says_accuracy", interval(accuracy, percent), before("accuracy"), interval(train_accuracy, percent)));
    if (constant) parts.push(say("says_constant", constant, runs));
    if (eighth) parts.push(say("says_eighth", eighth.seen, runs, short(eighth.expected)));
    const ends = stopped.map(run => `${WORDS.seed(run.seed)}, ${WORDS.error(run.error)}`);
    if (ends.length) parts.push(say("says_stopped", ends.join("; ")));
    const start = target ? say("at_step_of", step, target) : say("at_step", step);
    return [step ? start : TEXT.untrained, ...parts].join(" ");
  },
  asked: steps => say("asked", steps),
  // `others` are the answers that the interval also allows.
  answered({ guess, right, measure, value, others }) {
    const parts = guess ? [say("you_said", guess)] : [];
    parts.push(say("measured_so", measured(measure, value), right));
    if (guess === right) parts.push(TEXT.you_were_right);
    if (others.length) parts.push(say("reaches", others.join(TEXT.or)));
    return parts.join(" ");
  },
  tally: count => say("tally", count), tally_going: (step, steps) => say("tally_going", step, steps),
  tally_says: parts => say("tally_says", ...parts), tally_bar: (...parts) => say("tally_bar", ...parts),
  kept_step: (step, stopped) => stopped ? say("kept_stopped", step, stopped) : String(step),
  no_preset: id => say("no_preset", id), need_speed: (given, names) => say("need_speed", given, names.join(", ")),
  need_stop: given => say("need_stop", given), need_seeds: text => say("need_seeds", text),
};
