// The page "My run fails": a search over its branches, and what the value means at which a loss stands. The formulas are those of helpers/figures/levels.py; a test compares
// both. The page has one row for each, with words and links; without scripts it is a table of formulas.
const CLOSE = 0.005;  // of the level
const softplus = t => Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t)));
const LEVELS = {
  gan_d_loss: () => Math.log(4),
  gan_g_loss: () => Math.log(2),
  hinge_d_loss: () => 2,
  ebgan_d_loss: ({ margin }) => margin,
  cross_entropy: ({ classes }) => Math.log(classes),
  nt_xent: ({ batch }) => Math.log(2 * batch - 1),
  scaled_sup_con: ({ batch, temperature }) => temperature / 0.07 * Math.log(2 * batch - 1),
  info_nce: ({ batch }) => Math.log(batch),
  queue: ({ queue }) => Math.log(queue + 1),
  triplet_loss: ({ margin }) => margin,
  soft_margin_triplet_loss: () => Math.log(2),
  pair_margin_loss: ({ margin, same }) => (1 - same) * margin ** 2,
  equal_distances: ({ margin, same }) => same * (1 - same) * margin ** 2,
  squared_error: ({ same }) => same * (1 - same),
  cosine_bce: ({ same }) => softplus(1) - same,
  cosine_bce_floor: () => softplus(-1),
  clamp: () => 100,
  clamp_half: () => 50,
  clamp_1e12: () => -Math.log(1e-12),
  clamp_1e7: () => -Math.log(1e-7),
};
const isClose = (loss, level) => Math.abs(loss - level) <= CLOSE * Math.abs(level);

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

// A branch is an entry of a list that belongs to no other entry; it is found by all of its words, those of its tests too.
function searchSymptoms(form) {
  const says = form.querySelector("output");
  const branches = [...document.querySelectorAll("article section section li")].filter(item => !item.parentElement.closest("li"));
  form.addEventListener("input", () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of branches) item.hidden = !words.every(word => item.textContent.toLowerCase().includes(word));
    const found = branches.filter(item => !item.hidden).length;
    says.textContent = words.length ? `${found} of ${branches.length} branches` : "";
  });
}

if (typeof document !== "undefined") {
  for (const [id, start] of [["levels-form", showLevels], ["symptoms", searchSymptoms]]) {
    const form = document.getElementById(id);
    form.hidden = false;
    form.addEventListener("submit", event => event.preventDefault());
    start(form);
  }
} else {
  module.exports = { LEVELS, isClose };
}
