// The lab's frame and its controls, as HTML.
import { BLOBS, METHODS, OFFERED, SPEEDS, used } from "./facts.js";
import { breaks, RANGES } from "./settings.js";
import { writeSeeds } from "./address.js";
import { MANY } from "./tally.js";
import { ofPreset, short, WORDS } from "./words.js";

const MAIN = new Set(["method", "data", "labels", "margin", "weight", "pairs"]);  // beside the buttons; the others are one fold below
const NAMED = new Set(["method", "data", "break", "labels"]);  // their values are words

// Points to start a drawing from.
export const STARTS = {
  blobs: () => BLOBS,
  line: () => Array.from({ length: 80 }, (_, i) => [i / 40 - 1, i / 40 - 1]),
  cross: () => Array.from({ length: 80 }, (_, i) => i % 2 ? [i / 40 - 1, 0] : [0, i / 40 - 1]),
};

const option = (value, text, chosen) => `<option value="${value}"${chosen ? " selected" : ""}>${text}</option>`;
const button = (name, text = WORDS[name]) => `<button type="button" data-do="${name}">${text}</button>`;
const region = (name, text) => `<div class="${name}" tabindex="0" role="region" aria-label="${text}"></div>`;

export function frame(compact) {
  const steps = compact ? "" : `<span class="lab-steps">${["both", "d", "g"].map(name => button(name)).join("")}</span>`;
  const choose = compact ? "" : `<details class="lab-fold lab-choose"><summary>${WORDS.name.method}</summary><div class="lab-fields lab-main"></div></details>`;
  return `
    <div class="lab-ask" hidden></div>${choose}
    <div class="lab-problem" role="alert"></div>
    <p class="lab-buttons">${button("play")}${steps}${button("reset")}${button("others")}</p>
    <div class="lab-pictures">
      <canvas class="lab-large" role="img" aria-label="${WORDS.soon}"></canvas>
      <div class="lab-side"><div class="lab-drawing" hidden></div><div class="lab-runs"></div></div>
      <div class="lab-words"><p class="lab-answer" role="status"></p>
      <p class="lab-says" aria-hidden="true"></p><p class="visually-hidden lab-announces" role="status"></p>
      ${compact ? "" : results()}<p class="lab-legend"></p></div>
      <div class="lab-curves"></div>
    </div>${compact ? "" : below()}`;
}

// What can be done with what the runs found: above the curves, or it would be far from the picture on a phone.
function results() {
  return `
    <p class="lab-links">${button("keep")} ${button("tally", WORDS.tally(MANY))} ${button("copy")} ${button("python")} <span role="status" class="lab-copied"></span></p>
    <div class="lab-tally"></div>
    <div class="lab-kept" hidden></div>
    <div class="lab-code" hidden>${region("lab-python", WORDS.python)}
    <p>${button("copy_code")} <span role="status" class="lab-code-copied"></span></p></div>`;
}

function below() {
  const speeds = Object.keys(SPEEDS).map(name => option(name, WORDS.speeds[name])).join("");
  const box = (name, on) => `<label><input type="checkbox" data-show="${name}"${on ? " checked" : ""}> ${WORDS[name]}</label>`;
  return `
    <p class="lab-shows">${box("landscape", true)} ${box("arrows", false)}
    <label>${WORDS.speed} <select data-speed>${speeds}</select></label>
    <label>${WORDS.stop} <input data-stop inputmode="numeric" size="6"></label> <span class="lab-rate"></span></p>
    <details class="lab-fold"><summary>${WORDS.settings}</summary><div class="lab-fields lab-more"></div></details>
    <details class="lab-numbers"><summary>${WORDS.numbers}</summary>${region("lab-table", WORDS.numbers)}</details>`;
}

// A control with its name above it, and a sentence about it below, if there is one. `control` takes the attribute that
// leads from one to the other.
function field(text, control, name = "", settings = {}) {
  const about = WORDS.about(name, settings), id = `lab-about-${name}`;
  const says = about && `<p class="lab-about" id="${id}">${about}</p>`;
  return `<div class="lab-field"><label>${text} ${control(about && ` aria-describedby="${id}"`)}</label>${says}</div>`;
}

function setting(name, settings) {
  const lists = { method: METHODS[settings.view], break: breaks(settings.method) }, words = NAMED.has(name) ? WORDS[name] : {};
  const values = NAMED.has(name) ? lists[name] ?? RANGES[name].values : [...new Set([...OFFERED[name], settings[name]])].sort((a, b) => a - b);
  const options = values.map(value => option(value, words[value] ?? short(value), value === settings[name])).join("");
  return field(WORDS.name[name], described => `<select data-set="${name}"${described}>${options}</select>`, name, settings);
}

const fields = settings => used(settings).filter(name => name !== "points");

// What is chosen first: the view, a preset, the method, its data, and what its name speaks of.
export function mainFields(settings, preset, presets) {
  const view = name => `<label><input type="radio" name="lab-view" value="${name}"${name === settings.view ? " checked" : ""}> ${WORDS[name]}</label>`;
  const title = one => `${one.id.slice(0, 2)}: ${ofPreset(one, "title")}`;
  const options = [option("", WORDS.free, !preset), ...presets.map(one => option(one.id, title(one), one.id === preset?.id))].join("");
  return `<fieldset class="lab-view" aria-label="${WORDS.view}">${["plane", "contrast"].map(view).join(" ")}</fieldset>`
    + field(WORDS.preset, () => `<select data-preset>${options}</select>`)
    + fields(settings).filter(name => MAIN.has(name)).map(name => setting(name, settings)).join("");
}

export function moreFields(settings, seeds) {
  const counts = [1, 2, 3, 4, 5, 6, 7, 8].map(n => option(n, n, n === seeds.length)).join("");
  return fields(settings).filter(name => !MAIN.has(name)).map(name => setting(name, settings)).join("")
    + field(WORDS.seeds, described => `<input data-seeds value="${writeSeeds(seeds)}" size="9"${described}>`, "seeds")
    + field(WORDS.name.runs, () => `<select data-runs>${counts}</select>`);
}

export function drawing() {
  const starts = [option("", WORDS.none, true), ...Object.keys(STARTS).map(name => option(name, WORDS.points[name]))].join("");
  return `<p>${WORDS.draw}</p><div class="lab-links">${button("clear")}
    <label>${WORDS.start_from} <select data-start>${starts}</select></label></div>`;
}

// A selector for a control that is written anew with every change; null for anything else.
export function controlOf(element) {
  if (!element?.closest(".lab-fields, .lab-drawing")) return null;
  if (element.name === "lab-view") return "[name=lab-view]:checked";
  const [name, value] = Object.entries({ ...element.dataset })[0] ?? [];
  return name ? `[data-${name}="${value}"]` : null;
}
