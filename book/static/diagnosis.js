// The page "My run fails": a search over its branches, and what the value means at which a loss stands. The page has
// one row for each level, with words and links; without scripts it is a table of formulas.
import { isClose, LEVELS } from "./lab/levels.js";

function read(form) {
  const settings = {};
  for (const { name, value } of form.querySelectorAll("input")) settings[name] = value.trim() === "" ? NaN : Number(value);
  return settings;
}

function answer(form, rows, says) {
  const settings = read(form), found = [];
  for (const row of rows) {
    const place = row.querySelector("data"), level = LEVELS[place.value](settings);
    const close = isClose(settings.loss, level);
    place.textContent = Number.isFinite(level) ? level.toFixed(4) : "";
    row.classList.toggle("is-close", close);
    if (close) found.push(row.cells[0].textContent.trim());
  }
  says.textContent = Number.isNaN(settings.loss) ? "Type the value at which your loss stands."
    : found.length ? `Within 0.5 %: ${found.join("; ")}. The marked rows say what each means.`
    : "None of these levels is within 0.5 %. Are batch, classes, temperature and margin yours?";
}

function showLevels(form) {
  const says = form.querySelector("output"), rows = [...document.querySelectorAll("tr")].filter(row => row.querySelector("data"));
  form.addEventListener("input", () => answer(form, rows, says));
  answer(form, rows, says);
}

// A branch is an entry of a list that belongs to no other entry; it is found by all of its words, those of its tests and
// of its section's heading too.
function searchSymptoms(form) {
  const says = form.querySelector("output");
  const branches = [...document.querySelectorAll("article section section li")].filter(item => !item.parentElement.closest("li"));
  const said = item => `${item.closest("section").querySelector("h2").textContent} ${item.textContent}`.toLowerCase();
  form.addEventListener("input", () => {
    const words = form.elements.words.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    for (const item of branches) item.hidden = !words.every(word => said(item).includes(word));
    const found = branches.filter(item => !item.hidden).length;
    says.textContent = words.length ? `${found} of ${branches.length} branches` : "";
  });
}

for (const [id, start] of [["levels-form", showLevels], ["symptoms", searchSymptoms]]) {
  const form = document.getElementById(id);
  form.hidden = false;
  form.addEventListener("submit", event => event.preventDefault());
  start(form);
}
