// The page "My course": chapters, exercises, quizzes, and predictions against what was measured.
import { button, choice, download, h, html, labelled } from "./dom.js";
import { forgetAll, mind, remember, trouble, wholeOf } from "./mind.js";
import { tell } from "./strings.js";

const root = document.getElementById("my-course-parts"), { chapters, quizzes } = window.courseParts;
const VERDICTS = { right: 1, partly: 0.5, wrong: 0 };
const verdictOf = (prediction, answer) =>
  prediction.right ? (answer.text === prediction.right ? "right" : "wrong") : answer.verdict ?? "";

function table(heads, rows) {
  return h("div", { class: "table-scroll" }, h("table", { class: "table" },
    h("thead", {}, h("tr", {}, heads.map(head => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map(cells => h("tr", {}, cells.map(cell => h("td", {}, cell)))))));
}
const link = (address, text) => h("a", { href: address }, text);

function chapterRow({ page, title, exercises, predictions }, { read, exercises: opened, answers }) {
  const tried = Object.keys(opened).filter(key => key.startsWith(`${page}#`)).length;
  const guessed = predictions.filter(({ key }) => answers[key] && !answers[key].skipped).length;
  return [link(`${page}.html`, title), read[page] ?? "–", `${guessed} / ${predictions.length}`, `${tried} / ${exercises}`];
}
function quizRow({ page, title, questions }, { quizzes: kept }) {
  const answers = Object.values(kept[page] ?? {});
  return [link(`${page}.html`, title), `${answers.filter(Boolean).length} / ${answers.length}`, String(questions - answers.length)];
}

function predictionPart({ key, ask, claims, right }, answer) {
  const verdict = right ? h("p", {}, `${tell("verdict")}: ${tell(verdictOf({ right }, answer))} (${right})`) :
    choice(tell("verdict"), answer.verdict ?? "", [["", "–"], ...Object.keys(VERDICTS).map(name => [name, tell(name)])],
      value => { remember(memory => { memory.answers[key].verdict = value; }); show(); });
  return h("section", { class: "my-prediction" }, html(ask),
    h("p", {}, h("b", {}, `${tell("yours")}: `), answer.text, answer.sure ? ` (${answer.sure} %)` : ""),
    h("ul", {}, claims.map(claim => h("li", {}, claim))), h("p", {}, link(key.replace("#", ".html#").replace(/\/\d+$/, ""), tell("there"))), verdict);
}

// How often guesses were right, for each degree of being sure: on the line is somebody who knows what they know.
function calibration(found) {
  const groups = Map.groupBy?.(found, ({ sure }) => sure) ?? new Map();
  const points = [...groups].map(([sure, all]) => ({ sure, n: all.length, share: all.reduce((sum, { value }) => sum + value, 0) / all.length })).sort((a, b) => a.sure - b.sure);
  if (!points.length) return h("p", {}, tell("noCalibration"));
  const words = points.map(({ sure, share, n }) => tell("pointOf", sure, Math.round(100 * share), n)).join(" ");
  const x = sure => 40 + (sure - 50) * 4.8, y = share => 210 - share * 190;
  const dots = points.map(({ sure, share, n }) => `<circle cx="${x(sure)}" cy="${y(share)}" r="${4 + 2 * Math.sqrt(n)}"/>`).join("");
  const marks = [50, 60, 70, 80, 90, 100].map(one => `<text x="${x(one)}" y="232" text-anchor="middle">${one}</text>`).join("") +
    [0, 0.5, 1].map(one => `<text x="32" y="${y(one) + 4}" text-anchor="end">${100 * one}</text>`).join("");
  const picture = html(`<svg viewBox="0 0 300 240" role="img"><path d="M${x(50)},${y(0.5)}L${x(100)},${y(1)}"/>${dots}${marks}</svg>`, { class: "my-calibration" });
  picture.firstChild.setAttribute("aria-label", words);
  return h("figure", {}, picture, h("figcaption", {}, tell("calibrationSays"), " ", words));
}

async function take({ target }) {
  const [file] = target.files, text = await file.text();
  try {
    const raw = JSON.parse(text);
    if (raw?.course !== "push-down-pull-up") throw new Error(tell("notOurs"));
    const found = wholeOf(raw);
    remember(memory => {
      for (const part of ["answers", "read", "exercises", "quizzes"]) memory[part] = { ...found[part], ...memory[part] };
    });
    show(tell("taken", file.name));
  } catch (error) {
    show(tell("notTaken", file.name, error.message));
  }
}

function keeping(note) {
  const save = () => download("my-course.json", JSON.stringify({ course: "push-down-pull-up", ...mind() }, null, 1), "application/json");
  const erase = () => { if (confirm(tell("sureDelete"))) { forgetAll(); show(tell("deleted")); } };
  return h("section", {}, h("p", {}, button(tell("save"), save, { class: "meet-main" }), " ", button(tell("erase"), erase)),
    labelled(tell("load"), h("input", { type: "file", accept: ".json,application/json", onchange: take })),
    h("p", { role: "status" }, note ?? ""), trouble.forgets ? h("p", {}, tell("forgets")) : null);
}

function show(note) {
  const memory = mind(), all = chapters.flatMap(chapter => chapter.predictions);
  const answered = all.filter(({ key }) => memory.answers[key] && !memory.answers[key].skipped);
  const judged = answered.map(one => ({ sure: memory.answers[one.key].sure, value: VERDICTS[verdictOf(one, memory.answers[one.key])] }))
    .filter(({ sure, value }) => sure && value !== undefined);
  const head = text => h("h2", {}, text);
  root.replaceChildren(
    head(tell("chapters")), table([tell("chapter"), tell("readOn"), tell("predictions"), tell("exercises")], chapters.map(one => chapterRow(one, memory))),
    head(tell("quizzes")), table([tell("quiz"), tell("firstTry"), tell("leftOver")], quizzes.map(one => quizRow(one, memory))),
    head(tell("predictions")), ...(answered.length ? answered.map(one => predictionPart(one, memory.answers[one.key])) : [h("p", {}, tell("noneYet"))]),
    head(tell("calibration")), calibration(judged), head(tell("keep")), keeping(note));
}
show();
