// What the pages need beyond the theme. No framework, nothing from elsewhere.
"use strict";

// The start page's landscape: an energy with valleys where the data is.
function drawLandscape(figure) {
  const data = [0.16, 0.21, 0.27, 0.62, 0.67, 0.71, 0.77], other = [0.43, 0.48, 0.92];
  const bump = (x, at, width) => Math.exp(-(((x - at) / width) ** 2));
  const energy = (x, t) => 130 + t * (95 * (bump(x, 0.215, 0.1) + bump(x, 0.695, 0.11))
    - 75 * (bump(x, 0.455, 0.09) + bump(x, 0.95, 0.09)) - 20 * bump(x, 0, 0.08));
  const at = (x, t) => `${(x * 720).toFixed(1)},${energy(x, t).toFixed(1)}`;
  const range = figure.querySelector("input"), dots = figure.querySelector(".landscape-dots");
  const draw = () => {
    const t = range.value / 100, points = Array.from({ length: 121 }, (_, i) => at(i / 120, t)).join(" L");
    figure.querySelector(".landscape-curve").setAttribute("d", "M" + points);
    figure.querySelector(".landscape-fill").setAttribute("d", `M${points} L720,260 L0,260 Z`);
    dots.innerHTML = [...data.map(x => [x, "is-data"]), ...other.map(x => [x, "is-other"])]
      .map(([x, kind]) => `<circle class="${kind}" cx="${x * 720}" cy="${energy(x, t) - 10}" r="8"/>`).join("");
  };
  figure.querySelector(".landscape-bar").hidden = false;
  range.addEventListener("input", draw);
  draw();
}

document.querySelectorAll(".landscape").forEach(drawLandscape);

// Quizzes: every answer is a <details> whose text begins with "Right." or "No.". The first one opened of a question counts.
function keepScore(questions) {
  const score = document.createElement("p"), first = new Map();
  score.className = "quiz-score";
  score.setAttribute("role", "status");
  questions[questions.length - 1].after(score);
  questions.forEach(question => question.querySelectorAll(":scope > details").forEach(answer => {
    const right = answer.querySelector("strong").textContent.startsWith("Right");
    answer.dataset.verdict = right ? "right" : "wrong";
    answer.addEventListener("toggle", () => {
      if (!answer.open || first.has(question)) return;
      first.set(question, right);
      const hits = [...first.values()].filter(Boolean).length;
      score.textContent = `Right at the first try: ${hits} of ${first.size}. Questions left: ${questions.length - first.size}.`;
    });
  }));
}

const questions = [...document.querySelectorAll('section[id^="question-"]')];
if (questions.length) keepScore(questions);

// Boxes that scroll sideways can be reached with the keyboard. Measuring lays a box out, so it is done a few at a time.
const idle = window.requestIdleCallback ?? setTimeout;
function reachable() {
  const names = "pre, .table-scroll, .pst-scrollable-table-container, .katex-display, .output";
  const boxes = [...document.querySelectorAll(names)];
  const some = () => {
    for (const end = performance.now() + 6; boxes.length && performance.now() < end;) {
      const box = boxes.shift();
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
    if (boxes.length) idle(some);
  };
  idle(some);
}
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
