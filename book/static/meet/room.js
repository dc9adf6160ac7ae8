// The meeting room: chooses what is on the screen, and keeps it in step with what is remembered, the clock and other tabs.
import { delay, gone, remaining, shown, tone } from "./clock.js";
import { button, h } from "./dom.js";
import { leaderView } from "./leader.js";
import { guessView, keepDraft, setupView, stepView } from "./steps.js";
import { minutesView } from "./write.js";
import { other, say, speak } from "./strings.js";
import { change, listen, record, state, titles, trouble } from "./store.js";

const root = document.getElementById("meet");
const VIEWS = { room: roomView, guess: guessView, minutes: minutesView, leader: leaderView };
const view = () => VIEWS[location.hash.slice(1)] ? location.hash.slice(1) : "room";
let warned = "", seen = "";

// ------------------------------------------------------------------------------------------ a meeting's script
const coming = new Map();
function bring(number) {
  if (!coming.has(number)) coming.set(number, new Promise(done => {
    const script = h("script", { src: `meet/${String(number).padStart(2, "0")}.js` });
    script.onload = () => done(true);
    script.onerror = () => { coming.delete(number); done(false); };
    document.head.append(script);
  }));
  return coming.get(number);
}
const meeting = () => window.meetings?.[state().meeting];
const rowsOf = () => meeting()?.plans[record().plan];

// ------------------------------------------------------------------------------------------------- what is seen
function roomView(room) {
  return record().step < 0 ? setupView(room) : stepView(room);
}

function frame() {
  const links = Object.keys(VIEWS).filter(name => name !== "leader").map(name =>
    h("a", { href: `#${name}`, "aria-current": view() === name ? "page" : null }, say(name)));
  const leader = ["room", "minutes"].includes(view()) && button(say("leader"), () => open(`${location.pathname}#leader`, "leader", "popup,width=620,height=760"));
  const switcher = button(say("language"), () => change(memory => { memory.language = other(); }), { lang: other() });
  return h("div", { class: "meet-frame" }, view() === "leader" ? null : h("nav", { "aria-label": say("room") }, links), leader, switcher);
}

function warnings() {
  const texts = [trouble.forgets && say("forgets"), trouble.damaged && say("damaged")].filter(Boolean);
  return texts.map(text => h("p", { class: "meet-warning", role: "alert" }, text));
}

// Another step or view begins at its top, for those who look and for those who listen.
function top() {
  const begin = root.querySelector("section") ?? root;
  begin.tabIndex = -1;
  begin.dataset.name = "top";
  return begin;
}
function arrive() {
  top().focus({ preventScroll: true });
  root.scrollIntoView({ behavior: "instant" });
}

export async function show() {
  const memory = state();
  speak(memory.language);
  root.lang = memory.language || document.documentElement.lang;
  if (titles[asked()] && asked() !== memory.meeting) history.replaceState(null, "", `?meeting=${memory.meeting}${location.hash}`);
  const there = await bring(memory.meeting);
  if (memory.meeting !== state().meeting) return undefined;  // changed while it came
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  const parts = there ? [VIEWS[view()]({ meeting: meeting(), rows: rowsOf(), memory: state(), record: record() })] :
    [h("p", { role: "alert" }, say("missing"))];
  root.replaceChildren(frame(), ...warnings(), ...parts);
  const now = `${view()} ${record().step}`, moved = seen !== now && (seen || view() === "leader");
  seen = now;
  if (moved) arrive();
  else if (focused) (root.querySelector(`[data-name="${CSS.escape(focused)}"]`) ?? top()).focus({ preventScroll: true });
  return tick();
}

// Somebody types: their field stays as it is, all others follow what is remembered.
const typing = () => document.activeElement?.matches(".meet-bound") && root.contains(document.activeElement);
listen(from => {
  if (from === "typing") return trouble.forgets && !root.querySelector(".meet-warning") ? root.prepend(...warnings()) : undefined;
  if (from === "other tab" && typing()) return root.querySelectorAll(".meet-bound").forEach(input => input.again());
  return void show();
});
addEventListener("hashchange", () => { keepDraft(); show(); });

// --------------------------------------------------------------------------------------------------- the clock
const name = document.title;
function tick() {
  const now = record(), rows = rowsOf(), left = remaining(now, rows), clock = root.querySelector(".meet-clock");
  document.title = left === null ? name : `${left < 0 ? "−" : ""}${shown(left)} · ${name}`;
  if (!clock || left === null) return;
  const total = rows.reduce((sum, row) => sum + row.minutes, 0);
  clock.dataset.state = left < 0 ? "over" : left <= 60 ? "soon" : "on";
  clock.querySelector("time").textContent = shown(left);
  clock.querySelector("span").textContent = say(left < 0 ? "over" : "left");
  root.querySelector(".meet-total").textContent = say("total", gone(now), total);
  const late = delay(now, rows);
  root.querySelector(".meet-delay").textContent = late ? say(late > 0 ? "behind" : "ahead", Math.abs(late)) : say("onTime");
  const sign = root.querySelector(".meet-sign"), text = left < 0 ? say("up") : left <= 60 ? say("soon") : "";
  if (sign.textContent !== text) sign.textContent = text;
  const moment = `${state().meeting} ${now.step} ${now.extra[now.step] ?? 0}`;
  if (left <= 60 && left > 0 && warned !== moment) { warned = moment; tone(); }
}
setInterval(tick, 500);
document.addEventListener("visibilitychange", tick);

// An address may name its meeting; it goes along when another one is chosen.
const asked = () => Number(new URLSearchParams(location.search).get("meeting"));
if (titles[asked()] && asked() !== state().meeting) change(memory => { memory.meeting = asked(); });

// For tests, and for whoever is curious.
window.meet = {
  state: () => ({
    meeting: state().meeting, step: record().step, remaining_s: remaining(record(), rowsOf()), names: state().names,
    guesses: record().guesses, revealed: record().revealed, bets: state().bets, tasks: state().tasks,
  }),
};
show();
