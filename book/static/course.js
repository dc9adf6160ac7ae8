// What the pages need beyond the theme. No framework, nothing from elsewhere.
"use strict";

// The start page's landscape: a recorded training, shown from its start (tools/landscape.py, which draws the last frame in the same way).
function playLandscape(figure) {
  const { steps, heights, real, fake, overlap } = JSON.parse(figure.querySelector("script").textContent);
  const $ = name => figure.querySelector(name), range = $("input"), play = $("button"), last = heights.length - 1;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, rest = calm ? "Next" : "Play";
  const step = 720 / (heights[0].length - 1);
  const dots = (line, places, kind, away) => places.map(x => {
    const i = Math.min(Math.floor(x / step), line.length - 2), slope = (line[i + 1] - line[i]) / step;
    const off = away / Math.hypot(1, slope), cx = x - off * slope, cy = line[i] + (x - i * step) * slope + off;
    return `<circle class="${kind}" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="8"/>`;
  }).join("");
  let timer = 0;
  const show = frame => {
    const line = heights[frame], curve = "M" + line.map((y, i) => `${i * step},${y}`).join(" L");
    const says = `step ${steps[frame]}: ${overlap[frame]} % overlap`;
    $(".landscape-curve").setAttribute("d", curve);
    $(".landscape-fill").setAttribute("d", `${curve} L720,300 L0,300 Z`);
    $(".landscape-dots").innerHTML = dots(line, real, "is-data", -9) + dots(line, fake[frame], "is-other", 9);
    range.value = frame;
    range.setAttribute("aria-valuetext", says);
    $(".landscape-says").textContent = says;
  };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = rest; };
  const next = () => { const i = +range.value; show(i < last ? i + 1 : 0); if (i + 1 >= last) stop(); };
  range.addEventListener("input", () => { stop(); show(+range.value); });
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (calm) return next();
    if (+range.value === last) show(0);
    play.textContent = "Pause";
    timer = setInterval(next, 125);
  });
  $(".landscape-bar").hidden = $(".landscape-ask").hidden = false;
  stop();
  show(0);
}

document.querySelectorAll(".landscape").forEach(playLandscape);

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

// The switch of a chapter opens and folds all its code, here and on the pages that follow (tools/openings.py opens it
// there). Solutions stay folded: whoever wants to read code does not want the exercises given away.
function switchCode(box) {
  box.checked = document.documentElement.dataset.code === "open";
  box.addEventListener("change", () => {
    document.querySelectorAll(".cell:not(.tag_solution) > details").forEach(fold => fold.open = box.checked);
    try { localStorage.setItem("code", box.checked ? "open" : "folded"); } catch { /* for this page only */ }
  });
}

document.querySelectorAll(".show-code input").forEach(switchCode);

// The start page's figure is a still of the lab: on a click the lab takes its place, and its scripts come only then.
function openLab(door) {
  const button = door.querySelector("button"), still = document.querySelector(".landscape");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const { mount } = await import("./lab/lab.js"), place = document.createElement("div");
      place.className = "lab";
      still.replaceWith(place);
      button.remove();
      (await mount(place, { compact: true, address: "?seeds=0-7" })).play();
    } catch {  // a copy opened from a disk: there the lab's page says what to do
      location.href = door.querySelector("a").href;
    }
  });
}

document.querySelectorAll(".lab-door").forEach(openLab);

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

// Let the list beside the page show where the page is in it.
idle(() => {
  const here = document.querySelector(".bd-sidebar-primary .current > a.current"), list = here?.closest(".bd-sidebar-primary");
  if (!here || !here.checkVisibility()) return;
  const below = here.getBoundingClientRect().bottom - list.getBoundingClientRect().bottom;
  if (below > 0) list.scrollTop += below + list.clientHeight / 2;
});

// The switch leads to the same place in the other language: to the section that is being read.
document.querySelectorAll(".language-switch").forEach(link => link.addEventListener("click", () => {
  const above = [...document.querySelectorAll("article section[id]")].filter(part => part.getBoundingClientRect().top < 150);
  const named = document.getElementById(location.hash.slice(1))?.getBoundingClientRect();
  const seen = named && named.top < innerHeight && named.bottom > 0;
  const here = !seen && scrollY > 300 && above.length ? `#${above.at(-1).id}` : location.hash;
  link.href = new URL(location.search + here, link.href.split(/[?#]/)[0]).href;
}));
