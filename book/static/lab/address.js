// Settings and seeds as text: what stands behind ? in the page's address.
import { check } from "./settings.js";
import { BLOBS, METHODS, PACE, SPEEDS, used } from "./facts.js";
import { WORDS } from "./words.js";

const USUAL = [0, 1, 2, 3, 4, 5, 6, 7];

// "0-3" and "0,2,5" are seeds; so is a list of numbers.
export function readSeeds(given) {
  const parts = Array.isArray(given) ? given.map(String) : String(given).split(",");
  const seeds = parts.flatMap(part => {
    const [, first, last] = /^\s*(\d{1,9})\s*(?:[-–]\s*(\d{1,9}))?\s*$/.exec(part) ?? [];
    if (first === undefined || (last !== undefined && (+last < +first || +last - +first > 7))) return [NaN];
    return Array.from({ length: last === undefined ? 1 : last - first + 1 }, (_, i) => +first + i);
  });
  const good = seeds.length >= 1 && seeds.length <= 8 && !seeds.some(Number.isNaN) && new Set(seeds).size === seeds.length;
  if (!good) throw new Error(WORDS.need_seeds(parts.join(",")));
  return seeds;
}

// The shortest text for seeds: neighbours become a range.
export function writeSeeds(seeds) {
  const row = seeds.every((seed, i) => seed === seeds[0] + i);
  return row && seeds.length > 1 ? `${seeds[0]}-${seeds.at(-1)}` : seeds.join(",");
}

// Data that nobody has drawn yet: there is nothing to train on.
export const isEmpty = ({ view, data, points }) => view === "plane" && data === "drawn" && !points.length;

const writePoints = points => points.map(([x, y]) => `${x},${y}`).join(";");
const readPoints = text => text.split(";").filter(Boolean).map(pair => pair.split(",").map(Number));

export function checkPace({ speed, stop }) {
  if (!Object.hasOwn(SPEEDS, speed)) throw new Error(WORDS.need_speed(speed, Object.keys(SPEEDS)));
  if (!Number.isInteger(stop) || stop < 0 || stop > 1e6) throw new Error(WORDS.need_stop(stop));
  return { speed, stop };
}

// Return {settings, seeds, pace, preset} of an address; what it leaves out comes from the preset that it names, or is usual.
// Unknown names are refused by `check`.
export function readAddress(query, presets) {
  const { seeds, preset: id, speed = PACE.speed, stop = PACE.stop, ...given } = Object.fromEntries(new URLSearchParams(query.replace(/^\?/, "")));
  const preset = presets.find(one => one.id === id) ?? null;
  if (id && !preset) throw new Error(WORDS.no_preset(id));
  const typed = Object.entries(given).map(([name, text]) => {
    if (name === "points") return [name, readPoints(text)];
    return [name, text !== "" && Number.isFinite(Number(text)) ? Number(text) : text];
  });
  const view = METHODS.contrast.includes(given.method) ? { view: "contrast" } : {};
  const drawn = given.data === "drawn" ? { points: BLOBS } : {};
  const asked = { ...preset?.settings, ...drawn, ...view, ...Object.fromEntries(typed) };
  const settings = isEmpty({ view: "plane", ...asked }) ? { ...check({ ...asked, points: BLOBS }), points: [] } : check(asked);
  const pace = checkPace({ speed, stop: stop === "" ? NaN : Number(stop) });
  return { settings, seeds: seeds === undefined ? preset?.seeds ?? USUAL : readSeeds(seeds), pace, preset };
}

export function writeAddress(settings, seeds, preset, pace = PACE) {
  const { view, method, data } = settings, points = isEmpty(settings) ? BLOBS : settings.points, usual = check({ view, method, data, points });
  const other = Object.keys(settings).filter(name => settings[name] !== usual[name]);  // unused, but set by a script
  const shown = [...new Set(["view", ...used(settings), ...other])].map(name => [name, settings[name]]);
  const words = shown.map(([name, value]) => [name, name === "points" ? writePoints(value) : String(value)]);
  const paced = Object.entries(pace).filter(([name, value]) => value !== PACE[name]);
  const all = [...(preset ? [["preset", preset]] : []), ...words, ["seeds", writeSeeds(seeds)], ...paced];
  return "?" + all.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%3B", ";")}`).join("&");
}
