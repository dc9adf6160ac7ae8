// Predict boxes take an answer, kept in this browser only; whoever asks to be asked first finds the answers below folded.
import { button, choice, field, h } from "./dom.js";
import { mind, pageOf, remember, trouble } from "./mind.js";
import { tell } from "./strings.js";

const page = pageOf(location.pathname), shared = document.getElementById("predictions");
const choices = shared ? JSON.parse(shared.textContent) : {};
const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));  // whoever comes to see this sees it
const SURE = [50, 60, 70, 80, 90, 99];

// ------------------------------------------------------------------------------------------------- predictions
function keyed(boxes) {
  const met = {};
  return boxes.map(box => {
    const place = box.closest("section")?.id ?? "", n = met[place] = (met[place] ?? 0) + 1;
    return { box, key: `${page}#${place}${n > 1 ? `/${n}` : ""}` };
  });
}

// What a prediction's answer could be read off: from the first output below it to its section's end, or the next box.
function answersBelow(box) {
  const found = [];
  for (let next = box.nextElementSibling; next; next = next.nextElementSibling) {
    if (next.matches("section, .callout-predict, h2, h3")) break;
    if (found.length || next.querySelector(".cell_output") || next.matches("details")) found.push(next);
  }
  return found;
}

// Folded things are found by the browser's own search and by addresses, which open them.
function fold({ box, key }, answered) {
  const below = answersBelow(box), note = box.parentNode.querySelector(`.guess-folded[data-key="${CSS.escape(key)}"]`);
  const closed = mind().ask && !answered && !below.some(part => part.opened || part.contains(target));
  for (const part of below) {
    if (closed) part.setAttribute("hidden", "until-found");
    else part.removeAttribute("hidden");
    part.onbeforematch = () => { part.opened = true; setTimeout(() => fold({ box, key }, answered)); };
  }
  note?.remove();
  if (closed && below.length) below[0].before(h("p", { class: "guess-folded", "data-key": key }, tell("folded")));
}

function askBox(one) {
  const { key } = one, options = choices[key] ?? [], old = mind().answers[key] ?? {};
  const now = { text: old.text ?? "", sure: old.sure ?? "" };
  const input = options.length ?
    choice(tell("guess"), now.text, [["", tell("pick")], ...options.map(word => [word, word])], value => { now.text = value; }) :
    field(tell("guess"), () => now.text, value => { now.text = value; }, { autocomplete: "off" });
  const sure = choice(tell("sure"), now.sure, [["", "–"], ...SURE.map(percent => [percent, `${percent} %`])], value => { now.sure = value; });
  const fault = h("span", { role: "status" });
  const keep = answer => { remember(memory => { memory.answers[key] = answer; }); dress(one, true); };
  const have = () => {
    if (!now.text.trim()) { fault.textContent = tell("empty"); return; }
    keep({ ...old, text: now.text.trim(), sure: now.sure === "" ? null : Number(now.sure), skipped: false, at: new Date().toISOString().slice(0, 10) });
  };
  const form = h("form", { class: "guess-box", onsubmit: event => { event.preventDefault(); have(); } }, input, sure,
    h("p", {}, h("button", { type: "submit", class: "meet-main" }, tell("have")), " ", button(tell("skip"), () => keep({ skipped: true })), " ", fault));
  return form;
}

function told(one, answer) {
  const text = answer.skipped ? tell("skipped") : `${tell("yours")}: ${answer.text}${answer.sure ? ` (${answer.sure} %)` : ""}`;
  const again = () => dress({ ...one, again: true }, true);
  return h("div", { class: "guess-box" }, h("p", { role: "status" }, text, " ", button(tell("change"), again)),
    trouble.forgets ? h("p", {}, tell("forgets")) : null);
}

function dress(one, focus = false) {
  const answer = mind().answers[one.key], content = answer && !one.again ? told(one, answer) : askBox(one);
  one.box.querySelector(".guess-box")?.remove();
  one.box.append(content);
  if (focus) content.querySelector("input, select, button").focus({ preventScroll: true });
  fold(one, Boolean(answer));
}

function askFirst(boxes) {
  const box = h("input", { type: "checkbox", role: "switch" });
  box.checked = mind().ask;
  box.addEventListener("change", () => {
    remember(memory => { memory.ask = box.checked; });
    boxes.forEach(one => fold(one, Boolean(mind().answers[one.key])));
  });
  const label = h("label", { class: "show-code ask-first" }, box, ` ${tell("askFirst")}`);
  const switches = document.querySelector(".show-code");
  if (switches) switches.after(label);
  else boxes[0].box.before(label);
}

// ------------------------------------------------------------------------------- what else "My course" shows
function watchReading() {
  const end = document.querySelector(".prev-next-footer, .bd-footer-article, footer");
  if (!end || !/^\d\d-/.test(page)) return;
  new IntersectionObserver(([seen], watcher) => {
    if (!seen.isIntersecting || scrollY < 200) return;
    remember(memory => { memory.read[page] ??= new Date().toISOString().slice(0, 10); });
    watcher.disconnect();
  }).observe(end);
}
function watchExercises() {
  document.querySelectorAll('section[id^="exercise-"]').forEach(exercise => exercise.addEventListener("toggle", ({ target }) => {
    if (target.open) remember(memory => { memory.exercises[`${page}#${exercise.id}`] ??= true; });
  }, true));
}
function watchQuiz() {
  document.querySelectorAll('section[id^="question-"]').forEach(question => question.addEventListener("toggle", ({ target }) => {
    const right = target.dataset.verdict === "right";
    if (target.open && target.dataset.verdict) remember(memory => { (memory.quizzes[page] ??= {})[question.id] ??= right; });
  }, true));
}

const boxes = keyed([...document.querySelectorAll(".callout-predict")]).filter(({ box }) => !box.closest("details"));
if (boxes.length && /^\d\d-/.test(page)) {
  boxes.forEach(one => dress(one));
  askFirst(boxes);
  target?.scrollIntoView();  // boxes that have grown have moved it
}
watchReading();
watchExercises();
watchQuiz();
