// Sealed guesses: a line such as M8P1;Ann;19;spread for the call's chat, read back, and scored by what counts.
import { say } from "./strings.js";

export const plain = text => String(text).replace(/[;|\r\n]+/g, " ").trim();
export const lineOf = (prompt, name, values) => [prompt.id, plain(name), ...values.map(plain)].join(";");

// "32", "12.5 %", "0,4" and "8/256" are numbers.
export function numberOf(text) {
  const clean = text.replace(/[%\s]/g, "").replace("−", "-").replace(/^(-?\d*),(\d+)$/, "$1.$2");
  const [above, below] = clean.split("/");
  if (!/^-?(\d+\.?\d*|\.\d+)(\/(\d+\.?\d*|\.\d+))?$/.test(clean)) return NaN;
  return Number(above) / Number(below ?? 1);
}
export const same = (a, b) => a.trim().toLowerCase() === b.trim().toLowerCase();

// What the guide says of a part's numbers; what counts for it is a number, too.
export const limitsOf = ({ options, limits }, count) => limits ?? (count && !options.length ? {} : null);
// What is wrong with a number: a kind, and what is told of it.
function oddityOf(text, limits) {
  if (!limits) return null;
  const number = numberOf(text), { low, high, whole } = limits, within = one => one >= (low ?? -Infinity) && one <= (high ?? Infinity);
  if (Number.isNaN(number)) return ["Number"];
  if (!within(number) && !(text.includes("%") && within(number / 100))) return ["Range", low, high];
  return whole && !Number.isInteger(number) ? ["Whole"] : null;
}
export function unlikely(text, limits, label) {
  const [kind, ...told] = oddityOf(text, limits) ?? [];
  return kind ? say(`wants${kind}`, label, ...told) : "";
}

function faultOf(values, { fields, counts }) {
  if (values.length !== fields.length) return [values.length < fields.length ? "few" : "many", values.length, fields.length];
  for (const [i, value] of values.entries()) {
    const { options } = fields[i], [kind, ...told] = value || counts[i] ? oddityOf(value, limitsOf(fields[i], counts[i])) ?? [] : [];
    if (options.length && !options.some(one => same(one, value))) return ["noWord", value || "–", i + 1, options.join(", ")];
    if (kind) return [`no${kind}`, value || "–", i + 1, ...told];
  }
  return null;
}

// Read lines pasted at a prompt: those that are whole, and the others with what is wrong and where they belong. Late lines
// are taken only at a prompt that is revealed, and only there.
export function readLines(text, prompts, names, { revealed, guesses }, at) {
  const good = [], broken = [];
  for (const line of text.replaceAll("；", ";").split(/\r?\n/).map(one => one.trim()).filter(Boolean)) {
    // A chat puts names and times in front of a line.
    const [, id, rest] = /(?:^|[\s:>])(M\d+P\d+)\s*;(.*)$/i.exec(line) ?? [];
    const prompt = prompts.find(one => id && same(one.id, id));
    const [name, ...values] = (rest ?? "").split(";").map(part => part.trim());
    const known = names.find(one => same(one, name)), late = at !== prompt?.id && revealed.includes(prompt?.id);
    if (late && String(guesses[prompt.id]?.[known]) === String(values)) continue;  // the chat as a whole was pasted again
    const place = late ? at : prompt?.id ?? at;
    const why = !prompt ? ["noPrompt", prompts[0].id] : !name ? ["noName"] : late ? ["already", prompt.id] : faultOf(values, prompt);
    if (why) broken.push({ line, why, id: place, name: known ?? name });
    else if (!known) broken.push({ line, why: ["stranger", name], id: place, name, values });
    else good.push({ id: prompt.id, name: known, values });
  }
  return { good, broken };
}

// Whether a part of a guess fits what counts; `own` is what its member counted after the reveal, where that decides.
export function fits(value, count, own = null) {
  if (count.word) return same(value, count.word);
  if (count.own !== undefined) return own !== null && Math.abs(numberOf(value) - own) <= count.own + 1e-9;
  const within = number => number >= (count.low ?? -Infinity) - 1e-9 && number <= (count.high ?? Infinity) + 1e-9;
  const number = numberOf(value);
  return within(number) || (value.includes("%") && within(number / 100));  // 3 % is 0.03
}
// Points of a guess: one for each part that fits, and what the group gave for those where the guide has a dash.
export const open = counts => counts.some(count => !count);
export const byOwn = counts => counts.some(count => count?.own !== undefined);
export function score(values, counts, given = null, own = null) {
  if (given === null && counts.every(count => !count || (count.own !== undefined && own === null))) return null;
  return counts.filter((count, i) => count && fits(values[i] ?? "", count, own)).length + (given ?? 0);
}

export const written = count => !count ? "–" : count.own !== undefined ? say("nearOwn", count.own) : count.word ?? (count.high == null ? say("lowest", count.low) :
  count.low == null ? say("highest", count.high) : count.low === count.high ? String(count.low) : say("upTo", count.low, count.high));
export const rule = counts => [counts.some(Boolean) && say("counts"), byOwn(counts) && say("ownFirst"), open(counts) && say("decide")].filter(Boolean).join(" ");
