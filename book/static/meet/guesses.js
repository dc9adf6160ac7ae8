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
const same = (a, b) => a.trim().toLowerCase() === b.trim().toLowerCase();

function faultOf(values, { fields, counts }) {
  if (values.length !== fields.length) return say("parts", values.length, fields.length);
  for (const [i, value] of values.entries()) {
    const { options } = fields[i];
    if (options.length && !options.some(one => same(one, value))) return say("noWord", value || "–", options.join(", "));
    if (!options.length && counts[i] && Number.isNaN(numberOf(value))) return say("noNumber", value || "–");
  }
  return "";
}

// Read pasted lines: those that are whole, and the others with what is wrong with them.
export function readLines(text, prompts, names, revealed = []) {
  const good = [], broken = [];
  for (const line of text.replaceAll("；", ";").split(/\r?\n/).map(one => one.trim()).filter(Boolean)) {
    // A chat puts names and times in front of a line.
    const [, id, rest] = /(?:^|[\s:>])(M\d+P\d+)\s*;(.*)$/i.exec(line) ?? [];
    const prompt = prompts.find(one => id && same(one.id, id));
    const [name, ...values] = (rest ?? "").split(";").map(part => part.trim());
    const why = !prompt ? say("noPrompt", prompts[0].id) : !name ? say("noName") :
      revealed.includes(prompt.id) ? say("already", prompt.id) : faultOf(values, prompt);
    if (why) broken.push({ line, why });
    else good.push({ id: prompt.id, name: names.find(one => same(one, name)) ?? name, values });
  }
  return { good, broken };
}

export function fits(value, count) {
  if (count.word) return same(value, count.word);
  const within = number => number >= (count.low ?? -Infinity) - 1e-9 && number <= (count.high ?? Infinity) + 1e-9;
  const number = numberOf(value);
  return within(number) || (value.includes("%") && within(number / 100));  // 3 % is 0.03
}
// Points of a guess: one for each part that fits, and what the group gave for those where the guide has a dash.
export const open = counts => counts.some(count => !count);
export function score(values, counts, given = null) {
  if (given === null && counts.every(count => !count)) return null;
  return counts.filter((count, i) => count && fits(values[i] ?? "", count)).length + (given ?? 0);
}

export const written = count => !count ? "–" : count.word ?? (count.high == null ? say("lowest", count.low) :
  count.low == null ? say("highest", count.high) : count.low === count.high ? String(count.low) : say("upTo", count.low, count.high));
export const rule = counts => [counts.some(Boolean) && say("counts"), open(counts) && say("decide")].filter(Boolean).join(" ");
