// The lab: controls, pictures and words around runs that train in workers. Without scripts the page shows a still.
import { checkPace, isEmpty, readAddress, readSeeds, writeAddress, writeSeeds } from "./address.js";
import { controlOf, drawing, frame, mainFields, moreFields, STARTS } from "./controls.js";
import { bars, curves, drawCircle, drawPlane, palette } from "./draw.js";
import { check } from "./settings.js";
import { BLOBS, cluster, LOW_IS_REAL, METHODS, MODES, PACE, SPEEDS } from "./facts.js";
import { differs, Kept } from "./kept.js";
import { Pool } from "./pool.js";
import { python } from "./python.js";
import { summary, verdict } from "./statistics.js";
import { binomial, eighthOf, likely, MANY, tally } from "./tally.js";
import { interval, ofPreset, percent, short, WORDS, WRITTEN } from "./words.js";

const PRESETS = await (await fetch(new URL("presets.json", import.meta.url))).json();
const FRAME = 100;  // milliseconds from one picture to the next, or more:
const SLOWEST = 300;  // but no longer than this where steps are slow, and
const SHARE = 0.2;  // pictures take at most so much of the time, or little would be left to train
const CALM = matchMedia("(prefers-reduced-motion: reduce)").matches ? 10 : 1;  // fewer pictures for those who ask
const CHARTS = 250;  // and from one picture of the curves to the next, while it plays
const KEPT = 300;  // points of a curve; beyond, every other one goes
const POINTS = 300;  // most points that can be drawn by hand
const NUMBERS = ["d_loss", "g_loss", "covered", "precision", "accuracy", "train_accuracy"];
const NEED_POINTS = ["play", "both", "d", "g", "reset", "others", "keep", "python"];  // buttons that are idle without them
const NARROW = matchMedia("(max-width: 760px)");  // a phone: folds are closed, or the picture would be far down

const stepOf = runs => Math.max(...runs.map(run => run.steps));
const mix = (old, now) => old ? 0.7 * old + 0.3 * now : now;  // a running mean; 0: none yet

// Words that have not changed cost nothing.
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

export class Lab {
  constructor(place, { compact = false, address = "" } = {}) {
    this.place = place;
    this.compact = compact;
    this.place.innerHTML = frame(compact);
    this.$ = name => this.place.querySelector(name);
    this.show = { landscape: true, arrows: false, stamp: null };
    this.pace = PACE;
    this.problem = this.$(".lab-problem");
    if (!compact) this.kept = new Kept(this.$(".lab-kept"));
    this.#fold();
    this.playing = this.counting = null;
    this.#listen();
    this.ready = this.open(address);
  }

  // Start from an address; one that the lab does not understand is said in words.
  async open(address) {
    let wanted, problem = null;
    try {
      wanted = readAddress(address, PRESETS);
    } catch (error) {
      [wanted, problem] = [readAddress("", PRESETS), WORDS.bad_address(error.message)];
    }
    this.pace = wanted.pace;
    this.task = taskOf(wanted);
    await this.#begin(wanted.settings, wanted.seeds, wanted.preset);
    if (problem) this.#complain(problem);
  }

  // Without points there are no runs, but the page shows how those of the usual ones would start.
  async #begin(settings, seeds, preset) {
    const empty = isEmpty(settings), some = empty ? check({ ...settings, points: BLOBS }) : settings;
    await this.start(some, seeds, preset, empty);
    if (empty && this.settings === some) this.#empty();
  }

  // New runs with complete settings, at step 0. Until they are there, all stays as it was.
  async start(settings, seeds, preset = null, hidden = false) {
    this.pause();
    this.pool?.end();
    this.counting = null;
    const pool = this.pool = new Pool(settings, seeds, this.show.arrows), runs = await pool.advance(0);
    if (pool !== this.pool) return;  // replaced meanwhile
    Object.assign(this, { settings, seeds, preset, runs, history: [], large: seeds[0], rate: 0, pacing: 0, cost: 0, answered: false, drawing: null });
    this.first = this.#sums();
    this.#complain("");
    this.#ask();
    if (!this.compact && !hidden) this.#show();
    this.#remember(0);
    this.#draw();
  }

  // The controls and the address say what runs.
  #show() {
    const address = this.#address();
    this.#fields();
    for (const name of [".lab-copied", ".lab-rate", ".lab-tally"]) this.$(name).textContent = "";
    if (address !== location.search) history[location.search ? "pushState" : "replaceState"](null, "", address);
  }

  #address() {
    return writeAddress(this.settings, this.seeds, this.preset?.id, this.pace);
  }

  // Change settings by their names; `seeds`, `speed` and `stop` may be among them. What is not named stays as it is.
  async set(changes) {
    const { seeds, speed = this.pace.speed, stop = this.pace.stop, ...rest } = changes;
    const pace = checkPace({ speed, stop });
    if (seeds !== undefined || Object.keys(rest).length) {
      const next = changed(this.settings, rest), chosen = readSeeds(seeds ?? this.seeds);
      if (isEmpty(next)) throw new Error(WORDS.no_points);
      const settings = check(next);
      this.pace = pace;
      return this.start(settings, chosen);
    }
    this.pace = pace;
    if (this.compact) return;
    history.replaceState(null, "", this.#address());  // the runs go on
    this.#complain("");
    this.#fields();
  }

  // Let all runs take steps; a promise for the moment at which the page shows them.
  async run(steps) {
    if (!Number.isInteger(steps) || steps < 0) throw new Error(`steps: got ${steps}, wanted a whole number, 0 or more`);
    for (let left = steps; left > 0;) {
      if (isEmpty(this.settings)) throw new Error(WORDS.no_points);
      const now = Math.min(left, this.#left(), this.#chunk(3 * FRAME));
      await this.advance(now);
      left -= now;
    }
  }

  // All runs take steps, and the page shows them.
  async advance(steps, who) {
    const made = await this.#train(steps, who);
    if (made) this.#take(made);
  }

  // What the workers make of some steps; nothing if there is nothing to train on, or other runs took their place.
  async #train(steps, who) {
    const { pool } = this, start = performance.now();
    if (!pool) return null;
    pool.large = this.large;
    pool.arrows = this.show.arrows;
    const runs = await pool.advance(steps, who);
    return pool === this.pool ? { runs, steps, milliseconds: performance.now() - start, looked: pool.looked } : null;
  }

  #take({ runs, steps, milliseconds, looked }) {
    this.runs = runs;
    if (steps) this.rate = mix(this.rate, 1000 * steps / milliseconds);
    if (steps) this.#remember(steps);
    const drawing = performance.now();
    this.#draw();
    const cost = looked + 2 * (performance.now() - drawing);  // twice, as the browser paints what was drawn
    this.cost = 0.7 * this.cost + 0.3 * Math.min(cost, FRAME);
    if (this.preset?.ask && !this.answered && this.step >= this.preset.ask.steps) this.#answer();
  }

  get step() {
    return stepOf(this.runs);
  }

  state() {
    const { view, method, data } = this.settings, all = name => this.runs.map(run => run[name] ?? run.metrics[name] ?? null);
    return {
      view, method, data, settings: { ...this.settings }, seeds: [...this.seeds], step: this.step,
      covered: all("covered"), precision: all("precision"), d_loss: all("d_loss"), g_loss: all("g_loss"),
      accuracy: all("accuracy"),
    };
  }

  async play() {
    const turn = this.playing = {};  // whoever pauses and plays on starts another one
    this.$("[data-do=play]").textContent = WORDS.pause;
    let plan, until, seen = null;  // when the page showed the last steps
    const send = step => {
      plan = this.#plan(step);
      until = performance.now() + plan.wait;
      return this.#train(plan.steps);
    };
    let coming = send(this.step);
    while (coming) {
      const made = await coming;
      if (!made) return;  // other runs took their place
      const step = stepOf(made.runs), over = this.playing !== turn || step >= plan.goal || made.runs.every(run => run.error);
      const early = performance.now() < until;
      coming = over || early ? null : send(step);  // before the page draws: workers need not wait for it
      if (seen) this.pacing = mix(this.pacing, 1000 * made.steps / (performance.now() - seen));
      seen = performance.now();
      this.#take(made);
      if (over || !early) continue;
      await new Promise(done => setTimeout(done, until - performance.now()));
      coming = this.playing === turn ? send(step) : null;
    }
    if (this.playing === turn) this.pause();
  }

  // How Play goes on from a step: so many steps at once, the milliseconds that they last at least, and where it ends.
  #plan(step) {
    const { speed, stop } = this.pace, each = this.rate ? 1000 / this.rate : 0;
    const goal = Math.min(step + this.#left(step), stop > step ? stop : Infinity);  // whoever plays on from there wants more
    const picture = Math.max(FRAME * CALM, this.cost / SHARE, Math.min(4 * each, SLOWEST)), most = SPEEDS[speed];
    const wait = Math.max(picture, 1000 / most), fit = Math.max(1, Math.round(most * wait / 1000));
    const steps = Math.min(goal - step, this.#chunk(picture), fit);
    return { steps, goal, wait: 1000 * steps / most };
  }

  pause() {
    if (!this.playing && this.runs) return;
    this.playing = null;
    this.$("[data-do=play]").textContent = WORDS.play;
    if (!this.runs) return;
    this.$(".lab-announces").textContent = this.words;
    this.$(".lab-curves").innerHTML = this.#charts();
  }

  // Steps until the runs answer a question, if there is one.
  #left(step = this.step) {
    const { steps } = this.preset?.ask ?? {};
    return steps && !this.answered ? Math.max(1, steps - step) : Infinity;
  }

  // As many steps as fit into so many milliseconds, by what the last ones took.
  #chunk(milliseconds) {
    const each = this.rate ? 1000 / this.rate : milliseconds;
    return Math.max(1, Math.min(500, Math.floor(milliseconds / each)));
  }

  #remember(steps) {
    const at = run => ({ ...run.metrics, ...(steps ? run.mean : { d_loss: null, g_loss: null }) });
    const runs = this.runs.map(run => run.error ? {} : at(run));
    this.history.push({ step: this.step, ...Object.fromEntries(NUMBERS.map(name => [name, this.#over(name, runs)])) });
    if (this.history.length > KEPT) this.history = this.history.filter((_, i) => i % 2 === 0 || i > KEPT - 20);
  }

  // A number over all runs that go on.
  #over(name, runs = this.runs.filter(run => !run.error).map(run => run.metrics)) {
    const ends = name.endsWith("loss") ? [] : [0, name === "covered" ? MODES[this.settings.data] : 1];
    return summary(runs.map(run => run[name] ?? null), ...ends);
  }

  #sums() {
    return Object.fromEntries(NUMBERS.slice(2).map(name => [name, this.#over(name)]));
  }

  get words() {
    if (isEmpty(this.settings)) return WORDS.no_points;
    const { runs, settings, first } = this, stop = this.preset?.ask?.steps ?? this.pace.stop, modes = MODES[settings.data] ?? null, going = runs.filter(run => !run.error);
    const full = going.filter(run => run.metrics.covered === modes).length;
    const constant = going.filter(run => run.metrics.constant).length;
    return WORDS.sentence({
      step: this.step, runs: runs.length, modes, full, constant, target: this.step <= stop ? stop : 0,
      stopped: runs.filter(run => run.error), eighth: this.#eighth(), first: this.step ? first : null, ...this.#sums(),
    });
  }

  // How many tests gave exactly 12.5 %, and how many would if coins answered.
  #eighth() {
    const { settings, runs } = this, count = eighthOf(settings);
    if (settings.view === "plane" || !count) return null;
    const seen = runs.filter(run => Math.round(run.metrics.accuracy * settings.test) === count).length;
    return { seen, expected: runs.length * binomial(settings.test)[count] };
  }

  #say(text) {
    write(this.$(".lab-says"), text);
    const now = performance.now();
    if (this.playing && now - (this.said ?? -Infinity) < 10000) return;  // a screen reader has to finish a sentence
    this.said = now;
    this.$(".lab-announces").textContent = text;
  }

  #draw() {
    const { settings, runs } = this, empty = isEmpty(settings), show = empty ? {} : this.show, contrast = settings.view === "contrast", lowIsReal = LOW_IS_REAL.has(settings.method);
    const chosen = runs.find(run => run.seed === this.large), line = run => empty ? WORDS.no_points : WORDS.one_run({ ...run.metrics, modes: MODES[settings.data], error: run.error });
    const large = this.$(".lab-large"), stamp = large.matches(":focus") ? this.show.stamp : null;  // the pointer needs none
    // All pictures first: each asks how wide it is, and that is slow where words have changed before.
    const colours = palette(), paint = (canvas, run, shown) => contrast ? drawCircle(canvas, run, colours) : drawPlane(canvas, empty ? { ...run, real: [], fake: [] } : run, { lowIsReal, ...shown }, colours);
    const small = this.#buttons();
    paint(large, chosen, { ...show, stamp });
    for (const [canvas, , run] of small) paint(canvas, run, { landscape: !empty });
    large.setAttribute("aria-label", settings.data === "drawn" && !contrast ? WORDS.canvas_drawn : WORDS.large(chosen.seed, line(chosen)));
    this.#label(small, line);
    write(this.$(".lab-legend"), this.#legend(contrast, lowIsReal));
    this.#enable(contrast, empty);
    const now = performance.now();
    if (!this.playing || now - this.charted > CHARTS) {
      this.charted = now;
      this.$(".lab-curves").innerHTML = this.#charts();
    }
    this.#say(this.words);
    if (!this.compact) this.#tell(empty);
  }

  // Only what makes sense for these runs can be pressed.
  #enable(contrast, empty) {
    this.$("[data-do=tally]")?.toggleAttribute("hidden", !contrast || !eighthOf(this.settings));
    for (const name of ["d", "g"]) this.$(`[data-do=${name}]`)?.toggleAttribute("hidden", contrast);
    for (const name of NEED_POINTS) this.$(`[data-do=${name}]`)?.toggleAttribute("disabled", empty);
    for (const box of this.place.querySelectorAll("[data-show]")) box.closest("label").hidden = contrast;
  }

  // What is open shows these runs: their Python, their numbers, and how fast they go, beside the speed that was chosen.
  #tell(empty) {
    const most = SPEEDS[this.pace.speed];
    if (this.playing && this.pacing) write(this.$(".lab-rate"), WORDS.rate(this.pacing, most < Infinity && this.pacing < 0.9 * most && this.rate < most));
    if (empty) this.$(".lab-code").hidden = true;
    if (!this.$(".lab-code").hidden) this.#write();
    if (this.$(".lab-numbers").open) this.$(".lab-numbers div").innerHTML = empty ? "" : this.#table();
  }

  #legend(contrast, lowIsReal) {
    if (contrast) return WORDS.legend_circle;
    return this.settings.method === "cd" ? WORDS.legend_chains : WORDS.legend(lowIsReal);
  }

  // Of each run its small picture, the button around that, and the run.
  #buttons() {
    const place = this.$(".lab-runs");
    if (place.dataset.seeds !== this.seeds.join()) {
      const one = seed => `<button type="button" data-seed="${seed}"><canvas></canvas><span></span></button>`;
      place.innerHTML = this.seeds.length > 1 ? this.seeds.map(one).join("") : "";
      place.dataset.seeds = this.seeds.join();
    }
    return [...place.children].map((button, i) => [button.querySelector("canvas"), button, this.runs[i]]);
  }

  #label(small, line) {
    const { settings } = this;
    for (const [, button, run] of small) {
      button.setAttribute("aria-pressed", run.seed === this.large);
      const { covered, accuracy } = run.metrics, marks = run.error ? "✗" : accuracy === undefined ? (covered === null ? "" : `${covered} / ${MODES[settings.data]}`) : percent(accuracy);
      write(button.querySelector("span"), marks);
      button.setAttribute("aria-label", `${marks} ${WORDS.seed(run.seed)}: ${line(run)}`.trim());
    }
  }

  #charts() {
    const { history, settings } = this, contrast = settings.view === "contrast";
    const points = name => history.map(at => [at.step, at[name]]).filter(([, over]) => over);
    const line = (name, kind, text = WORDS[name]) => ({ name: text, kind, points: points(name) });
    const levels = this.runs[0].levels.map(({ name, value }) => ({ name: WORDS.level[name], value })), modes = MODES[settings.data];
    const charts = contrast ? [
      [WORDS.losses, [line("d_loss", "fake", WORDS.loss)], levels],
      [WORDS.Accuracy, [line("accuracy", "real"), line("train_accuracy", "energy")], [], [0, 1.05, 1]],
    ] : [
      [WORDS.losses, [line("d_loss", "real"), line("g_loss", "fake")], levels],
      ...(modes ? [[WORDS.Covered, [line("covered", "energy")], [], [0, modes * 1.05, modes]]] : []),
      [WORDS.Precision, [line("precision", "energy")], [], [0, 1.05, 1]],
    ];
    const key = lines => lines.map(({ name, kind }) => `<span class="${kind}">${name}</span>`).join(" ");
    return charts.map(([title, lines, ...more]) => `<figure><figcaption>${key(lines)}</figcaption>${curves(title, lines, ...more)}</figure>`).join("");
  }

  #table() {
    const names = NUMBERS.filter(name => this.runs.some(run => (run[name] ?? run.metrics[name] ?? null) !== null));
    const head = [WORDS.run, WORDS.step, ...names.map(name => WORDS[name])].map(name => `<th scope="col">${name}</th>`).join("");
    const row = run => `<tr><th scope="row">${WORDS.seed(run.seed)}</th><td>${run.steps}</td>${names.map(name => `<td>${short(run[name] ?? run.metrics[name] ?? null)}</td>`).join("")}</tr>`;
    return `<table><thead><tr>${head}</tr></thead><tbody>${this.runs.map(row).join("")}</tbody></table>`;
  }

  // ------------------------------------------------------------------------------------------ questions
  #ask() {
    const place = this.$(".lab-ask"), { preset } = this, ask = preset?.ask;
    this.$(".lab-answer").textContent = "";
    place.hidden = !preset && !this.task;
    if (!preset) return place.innerHTML = this.task;
    const answers = ask?.answers.map((answer, i) => `<label><input type="radio" name="lab-guess" value="${i}"> ${ofPreset(answer, "text")}</label>`).join("") ?? "";
    const question = ask ? `<fieldset><legend><b>${WORDS.guess}</b> ${ofPreset(ask, "question")} ${WORDS.asked(ask.steps)}</legend>${answers}</fieldset>` : "";
    place.innerHTML = `<p><b>${ofPreset(preset, "title")}</b></p>${question}`;
  }

  #answer() {
    this.answered = true;
    this.pause();
    const { measure, answers } = this.preset.ask, value = this.#measure(measure), text = answer => ofPreset(answer, "text");
    const { right, others } = verdict(answers, typeof value === "number" ? { mean: value } : value);
    const guess = this.place.querySelector("[name=lab-guess]:checked");
    this.$(".lab-answer").textContent = WORDS.answered({ guess: guess && text(answers[guess.value]), right: text(right), measure, value, others: others.map(text) });
  }

  // What a question asks for: a number of runs, or a mean with its interval.
  #measure(name) {
    if (name === "full") return this.runs.filter(run => !run.error && run.metrics.covered === MODES[this.settings.data]).length;
    if (name === "constant") return this.runs.filter(run => run.metrics.constant).length;
    const sum = name === "d_loss" ? summary(this.runs.map(run => run.d_loss)) : this.#over(name);
    return sum ?? { mean: NaN, low: null, high: null };
  }

  // ------------------------------------------------------------------------------------------- controls
  #fields() {
    if (this.problem.closest(".lab-fields")) this.#complain("");  // what stands there is written anew
    const { settings, seeds, preset } = this, held = controlOf(document.activeElement);
    this.$(".lab-choose summary").textContent = WORDS.chosen(WORDS.method[settings.method], settings.view === "plane" ? WORDS.data[settings.data] : WORDS.labels[settings.labels]);
    this.$("[data-speed]").value = this.pace.speed;
    this.$("[data-stop]").value = this.pace.stop || (preset?.ask?.steps ?? 0);
    this.$(".lab-main").innerHTML = mainFields(settings, preset, PRESETS);
    this.$(".lab-more").innerHTML = moreFields(settings, seeds);
    const large = this.$(".lab-large"), drawn = settings.data === "drawn" && settings.view === "plane";
    this.$(".lab-drawing").hidden = !drawn;
    this.$(".lab-drawing").innerHTML = drawn ? drawing() : "";
    large.tabIndex = drawn ? 0 : -1;
    large.setAttribute("role", drawn ? "application" : "img");
    this.show.stamp = drawn ? this.show.stamp ?? [0, 0] : null;
    if (held) this.$(held)?.focus();  // or whoever works with the keyboard would start from the top
  }

  #fold() {
    for (const fold of this.place.querySelectorAll(".lab-fold")) fold.open = !NARROW.matches;
  }

  #listen() {
    const on = (kind, handler) => this.place.addEventListener(kind, event => handler(event).catch(error => this.#refuse(error, event.target)));
    on("click", async ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.do) await this.#do(button.dataset.do);
      if (button?.dataset.seed) await this.#enlarge(+button.dataset.seed);
    });
    on("change", ({ target }) => this.#change(target));
    on("keydown", event => this.#key(event));
    on("pointerdown", event => this.#pointer(event));
    for (const kind of ["focus", "blur"]) this.$(".lab-large").addEventListener(kind, () => this.runs && this.#draw());  // its stamp
    document.addEventListener("visibilitychange", () => document.hidden && this.pause());
    new MutationObserver(() => this.runs && this.#draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    NARROW.addEventListener("change", () => this.#fold());
    window.addEventListener("resize", () => this.runs && this.#draw());
    this.$(".lab-numbers")?.addEventListener("toggle", () => this.runs && this.#draw());
  }

  // What was asked for cannot be. What was typed stays, to be mended; other controls show again what runs.
  #refuse(error, target) {
    const typed = target.matches?.("input[data-seeds], input[data-stop]") ? target : null;
    if (!this.compact && !typed) this.#fields();
    this.#complain(error.message, typed);
  }

  // Say a problem beside the field that has it, or above the buttons; "" takes it back.
  #complain(message, field = null) {
    for (const wrong of this.place.querySelectorAll("[aria-invalid]")) wrong.removeAttribute("aria-invalid");
    field?.setAttribute("aria-invalid", "true");
    if (field) field.closest("label").after(this.problem);
    else this.$(".lab-buttons").before(this.problem);
    this.problem.textContent = message;
  }

  // ---------------------------------------------------------------------------------------------- tally
  // Train many runs, or stop to, and say how many pairs of their tests were right.
  async #tally() {
    if (this.counting) return this.counting = null;
    const { settings, seeds } = this, steps = this.pace.stop || this.preset?.ask?.steps || this.step || 200;
    const turn = this.counting = {}, place = this.$(".lab-tally"), button = this.$("[data-do=tally]");
    this.pause();
    button.textContent = WORDS.tally_stop;
    place.innerHTML = `<p></p><p role="status"></p>`;  // a screen reader hears the end, not each step
    const all = Array.from({ length: MANY }, (_, i) => seeds[0] + i), counts = await tally(settings, all, steps, step => {
      if (this.counting === turn) place.firstChild.textContent = WORDS.tally_going(step, steps);
      return this.counting === turn;
    });
    if (this.counting && this.counting !== turn) return;  // stopped, and begun anew
    button.textContent = WORDS.tally(MANY);
    if (!this.counting) return place.innerHTML = "";
    this.counting = null;
    place.firstChild.remove();
    tellTally(place, settings, all, steps, counts);
  }

  #write() {
    this.$(".lab-python").textContent = python(this.settings, this.seeds, this.step || this.pace.stop || this.preset?.ask?.steps || 800);
  }

  // The means as they stand now, beside what was kept before.
  #keep() {
    const { covered, precision, accuracy } = this.#sums(), stopped = this.runs.filter(run => run.error).length;
    const said = (sum, name) => sum ? interval(sum, WRITTEN[name], "kept_interval") : "";
    const stored = this.kept.add({
      what: differs(this.settings), seeds: writeSeeds(this.seeds), step: WORDS.kept_step(this.step, stopped), link: location.search,
      covered: said(covered, "covered"), precision: said(precision, "precision"), accuracy: said(accuracy, "accuracy"),
    });
    this.$(".lab-copied").textContent = stored ? WORDS.kept : WORDS.kept_here;
  }

  async #do(name) {
    if (name === "play") return this.playing ? this.pause() : await this.play();
    if (["both", "d", "g"].includes(name)) return this.advance(1, name);
    if (name === "reset") return this.start(this.settings, this.seeds, this.preset);
    if (name === "others") return this.start(this.settings, this.seeds.map(seed => (seed + 8) % 1e9), this.preset);
    if (name === "clear") return this.#points([]);
    if (name === "copy") return this.#copy(location.href, ".lab-copied", WORDS.copied, WORDS.not_copied);
    if (name === "copy_code") return this.#copy(this.$(".lab-python").textContent, ".lab-code-copied", WORDS.code_copied, WORDS.code_not_copied);
    if (name === "tally") return this.#tally();
    if (name === "keep") return this.#keep();
    if (name === "forget") {
      this.kept.clear();
      return this.$("[data-do=keep]").focus();  // the button that was pressed is gone
    }
    const folded = this.$(".lab-code").toggleAttribute("hidden");
    this.$("[data-do=python]").setAttribute("aria-expanded", !folded);
    this.$(".lab-code-copied").textContent = "";
    this.#write();
  }

  async #copy(text, place, done, failed) {
    const said = await navigator.clipboard?.writeText(text).then(() => done, () => failed) ?? failed;  // no clipboard without https
    this.$(place).textContent = said;
  }

  async #enlarge(seed) {
    this.large = seed;
    this.#draw();  // at once, from the small picture; a finer one comes when the workers have time
    await this.advance(0);
  }

  async #change(target) {
    const { dataset, value } = target;
    if (dataset.set) return this.set({ [dataset.set]: Number.isFinite(Number(value)) ? Number(value) : value });
    if (target.name === "lab-view") return this.set({ view: value });
    if (dataset.seeds !== undefined) return this.set({ seeds: value });
    if (dataset.runs !== undefined) return this.set({ seeds: Array.from({ length: +value }, (_, i) => this.seeds[i] ?? this.seeds.at(-1) + i - this.seeds.length + 1) });
    if (dataset.preset !== undefined) return this.#preset(value);
    if (dataset.start !== undefined) return value && this.#points(STARTS[value]());
    if (dataset.speed !== undefined) return this.set({ speed: value });
    if (dataset.stop !== undefined) return this.set({ stop: value.trim() === "" ? 0 : Number(value) });
    if (dataset.show) {
      this.show[dataset.show] = target.checked;
      this.#draw();
      await this.advance(0);
    }
  }

  async #preset(id) {
    const preset = PRESETS.find(one => one.id === id);
    if (preset) await this.start(check(preset.settings), preset.seeds, preset);
    else await this.start(this.settings, this.seeds);
  }

  // -------------------------------------------------------------------------------------------- drawing
  async #points(points) {
    if (!points.length) return this.#empty();
    const few = this.drawing = points.slice(0, POINTS);  // the next stroke may come before the new runs
    await this.start(check(changed(this.settings, { points: few })), this.seeds);
  }

  // Nothing to train on: no runs, and an empty picture, until somebody draws.
  #empty() {
    this.pause();
    this.pool?.end();
    Object.assign(this, { pool: null, settings: { ...this.settings, points: [] }, preset: null, history: [], drawing: null });
    this.#complain("");
    this.#ask();
    this.#show();
    this.#draw();
  }

  async #key(event) {
    const { show, settings } = this, move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!event.target.matches(".lab-large") || !show.stamp) return;
    if (!move && !["Enter", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    const { reach } = this.runs[0], stay = x => Math.max(-reach, Math.min(reach, x));
    if (move) {
      show.stamp = show.stamp.map((x, i) => stay(x + move[i] * reach / 12));
      return this.#draw();
    }
    const points = this.drawing ?? settings.points;
    await this.#points(event.key === "Enter" ? [...points, ...cluster(...show.stamp, 10)] : points.slice(0, -10));
    this.$(".lab-large").focus();
  }

  async #pointer(event) {
    const canvas = event.target, { reach } = this.runs?.[0] ?? {};
    if (!canvas.matches?.(".lab-large") || !this.show.stamp) return;
    event.preventDefault();
    const points = [], box = canvas.getBoundingClientRect(), context = canvas.getContext("2d");
    const add = ({ clientX, clientY }) => {
      const [x, y] = [clientX - box.left, clientY - box.top];
      points.push([(x / box.width * 2 - 1) * reach, (1 - y / box.height * 2) * reach].map(value => Number(value.toFixed(2))));
      context.fillRect(x - 2, y - 2, 4, 4);
    };
    add(event);
    canvas.setPointerCapture(event.pointerId);
    canvas.addEventListener("pointermove", add);
    await new Promise(done => ["pointerup", "pointercancel"].forEach(kind => canvas.addEventListener(kind, done, { once: true })));
    canvas.removeEventListener("pointermove", add);
    await this.#points([...(this.drawing ?? this.settings.points), ...points]);
  }
}

// What the page asks to do where it links to these runs, far below: it goes with whoever followed the link.
function taskOf({ preset, ...wanted }) {
  const runs = ({ settings, seeds, pace }) => JSON.stringify([settings, seeds, pace]);
  const links = preset ? [] : [...document.querySelectorAll("#three-questions li a[href^='?']")];
  const link = links.find(link => runs(readAddress(link.getAttribute("href"), PRESETS)) === runs(wanted));
  return link?.closest("li").innerHTML ?? "";
}

// What was counted, beside the binomial law: a sentence, and bars where there is room for one of each number.
function tellTally(place, { test: pairs }, seeds, steps, counts) {
  const count = eighthOf({ test: pairs }), chances = binomial(pairs), [low, high] = likely(MANY, chances[count]);
  place.firstChild.textContent = WORDS.tally_says([MANY, seeds[0], seeds.at(-1), steps, count, pairs, counts[count], short(MANY * chances[count]), low, high]);
  if (pairs > 32) return;
  const picture = bars(WORDS.tally_title, counts, chances.map(chance => MANY * chance), WORDS.tally_bar);
  place.insertAdjacentHTML("beforeend", `<figure><figcaption>${WORDS.tally_title}. ${WORDS.tally_key}</figcaption>${picture}</figure>`);
}

// Old settings with changes. A new method brings its own defaults; what both methods use stays as it was.
function changed(settings, changes) {
  const { method = settings.method } = changes;
  const view = changes.view ?? (METHODS.contrast.includes(method) ? "contrast" : "plane");
  if (view !== settings.view) return { view, method: METHODS[view].includes(method) ? method : METHODS[view][0], ...changes };
  const drawn = changes.data === "drawn" && !settings.points?.length ? { points: BLOBS } : {};
  if (method === settings.method) return { ...settings, ...drawn, ...changes };
  const stay = ["view", "data", "points", "batch", "labels", "pairs", "test"].filter(name => name in settings);
  return { ...Object.fromEntries(stay.map(name => [name, settings[name]])), ...drawn, ...changes };
}

// Where the lab is a guest on another page, its look comes with it.
function dress() {
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("lab.css", import.meta.url) });
  return new Promise(done => { sheet.onload = sheet.onerror = done; document.head.append(sheet); });
}

// The lab on its own page, and for those who teach or test with it.
export async function mount(place, options) {
  if (options.compact) await dress();
  const lab = new Lab(place, options);
  try {
    await lab.ready;
  } catch (error) {
    place.textContent = WORDS.failed(error.message);
    throw error;
  }
  window.lab = { state: () => lab.state(), set: async changes => lab.set(changes), run: async steps => lab.run(steps) };
  return lab;
}

const page = document.querySelector("#lab-here");
if (page) {
  const lab = await mount(page, { address: location.search });
  window.addEventListener("popstate", () => lab.open(location.search));
}
