// What the shared screen shows: setting up, and one row of the plan at a time. And what a member's phone shows.
import { rolesOf } from "./minutes.js";
import { betsBox, pay } from "./bets.js";
import { secondsOf } from "./clock.js";
import { button, choice, field, h, html, labelled, sealed, select } from "./dom.js";
import { byOwn, fits, limitsOf, lineOf, open, plain, readLines, rule, score, unlikely, written } from "./guesses.js";
import { say, spoken } from "./strings.js";
import { change, forget, record as recordOf, state, titles } from "./store.js";
import { takeFile } from "./write.js";

const namesIn = text => [...new Set(text.split(/[,\n]/).map(name => plain(name.replace(/[:()]/g, " "))).filter(Boolean))];
export const last = (rows, record) => record.step === rows.length - 1;
export const promptsOf = ({ meeting, rows, record }) =>
  meeting.prompts.filter(({ id }) => rows[record.step]?.shows.includes(id.replace(/^M\d+/, "")));
export const questionsOf = ({ meeting, rows, record }) => meeting.questions.filter(({ id }) => rows[record.step]?.shows.includes(id));

// --------------------------------------------------------------------------------------------------- setting up
function rolesOfTurn({ names }, turn, head, level = "h2") {
  if (!names.length) return null;
  const items = rolesOf(names, turn).map(([role, name]) => h("li", {}, h("b", {}, say(role)), ` ${name}`));
  return h("div", { class: "meet-roles" }, h(level, { class: "meet-head" }, say(head)), h("ul", {}, items));
}
function rolesList({ memory, record }) {
  const turn = memory.names.length ? button(say("turn"), () => change((_, now) => { now.turn = (now.turn + 1) % memory.names.length; now.chosen = true; })) : null;
  return [rolesOfTurn(memory, record.turn, "roles", "h3"), turn].filter(Boolean);
}

export function moveTo(step) {
  elsewhere = "";
  keepDraft();
  change((_, now) => { now.step = step; if (step >= 0) now.begun[step] ??= Date.now(); });
}

function start({ goal }, names, fault) {
  if (!names.length || names.length > 8) { fault.textContent = say("fewNames"); return; }
  change((memory, { minutes, begun }) => {
    if (!begun[0]) memory.tasks = memory.tasks.filter(({ done }) => !done);  // last week's minutes say that they are done
    minutes.date ||= new Date().toLocaleDateString("sv");  // 2026-05-31, as it is here
    minutes.plan ||= html(goal).textContent.replace(/\s+/g, " ").trim();
  });
  moveTo(Math.max(0, ...Object.keys(recordOf().begun).map(Number)));
}

// What the others open on their phones, for the call's chat.
function inviting({ meeting }) {
  if (location.protocol === "file:") return null;  // nobody else can open it
  const address = new URL(`?meeting=${meeting.number}#guess`, location.href).href, copied = h("span", { role: "status" });
  const copy = button(say("copy"), async () => { await navigator.clipboard?.writeText(address); copied.textContent = say("copied"); }, { "aria-label": `${say("copy")}: ${say("invite")}` });
  return h("p", { class: "meet-invite" }, `${say("invite")}: `, h("a", { href: address, target: "_blank" }, address), " ", copy, " ", copied);
}

export function pickMeeting({ memory }) {
  return choice(say("choose"), memory.meeting, Object.entries(titles).map(([n, title]) => [n, `${n}. ${title}`]), value => change(now => { now.meeting = Number(value); }));
}

const inEnglish = ({ language }) => language === "ko" && document.documentElement.lang === "en" && h("p", {}, say("english"));

export function setupView(room) {
  const { meeting, memory, record } = room;
  const fault = h("p", { class: "meet-warning", role: "alert" });
  const roles = h("div", { class: "meet-place" }, rolesList(room));  // has its room before: what is below stays where it is
  const write = text => {
    change(now => { now.names = namesIn(text); }, "typing");
    roles.replaceChildren(...rolesList({ memory: state(), record: recordOf() }));
    fault.textContent = "";
  };
  const names = field(say("names"), () => memory.names.join(", "), write, { "data-name": "names", autocomplete: "off" });
  return h("section", { class: "meet-setup" },
    h("h2", {}, `${meeting.number}. ${meeting.title}`), inEnglish(memory),
    pickMeeting(room),
    choice(say("length"), record.plan, [[40, say("forty")], [20, say("twenty")]],
      value => change((_, now) => { now.plan = Number(value); })),
    names, roles, takeFile(),
    h("p", {}, button(say(Object.keys(record.begun).length ? "goOn" : "start"), () => start(meeting, state().names, fault), { class: "meet-main", "data-name": "start" })), fault,
    inviting(room),
    h("details", {}, h("summary", {}, say("before")), html(meeting.goal + meeting.before)),
    h("p", {}, button(say("forget"), () => { if (confirm(say("sure"))) forget(); }, { class: "meet-quiet" })));
}

// ------------------------------------------------------------------------------------------------ one step
const lengthen = (step, seconds) => change((_, now) => { now.extra[step] = (now.extra[step] ?? 0) + seconds; });

function clockBox({ rows, record }) {
  const { step } = record;
  return [h("div", { class: "meet-time" },
    h("p", { class: "meet-clock" }, h("time"), " ", h("span")),
    h("p", {}, h("span", {}, say("step", step + 1, rows.length)), " · ", h("span", { class: "meet-total" }), " · ", h("span", { class: "meet-delay" })),
    button(say("more"), () => lengthen(step, 120), { "data-name": "more" }),
    h("p", { class: "meet-sign", role: "status" })), planBox(rows, record)];
}

// What is left of the plan. Each row can be made shorter or longer, by a minute.
let planIsOpen = false;
function planBox(rows, record) {
  const items = rows.map((row, step) => {
    const text = html(row.html).textContent.replace(/\s+/g, " ").trim(), seconds = secondsOf(record, rows, step);
    const what = text.length > 70 ? `${text.slice(0, text.lastIndexOf(" ", 70))} …` : text;
    const by = (sign, name, change, more) => button(sign, () => lengthen(step, change), { "aria-label": `${say(name)}: ${what}`, "data-name": `${name} ${step}`, ...more });
    const buttons = step < record.step ? "" : [by("−", "shorter", -60, { disabled: seconds <= 60 }), by("+", "longer", 60)];
    return h("li", { "aria-current": step === record.step ? "step" : null }, buttons, h("span", {}, h("b", {}, say("minutesOf", Math.round(seconds / 60))), ` ${what}`));
  });
  return h("details", { class: "meet-plan", open: planIsOpen, ontoggle: ({ target }) => { planIsOpen = target.open; } },
    h("summary", {}, say("rows")), h("ol", {}, items));
}

function moves({ rows, record }) {
  const finish = () => { location.hash = "minutes"; };
  return h("p", { class: "meet-moves" },
    button(say(record.step ? "back" : "setup"), () => moveTo(record.step - 1), { "data-name": "back" }),
    last(rows, record) ? button(say("finish"), finish, { class: "meet-main", "data-name": "next" }) :
      button(say("next"), () => moveTo(record.step + 1), { class: "meet-main", "data-name": "next" }),
    record.step > 0 && button(say("setup"), () => moveTo(-1), { class: "meet-quiet" }));
}

export function stepView(room) {
  const { meeting, rows, memory, record } = room, row = rows[record.step], text = row.html.replace(/<[^>]+>/g, "");
  const fields = name => memory.names.map(one => field(say(name, one), () => recordOf().sentences[one] ?? "",
    value => change((_, now) => { now.sentences[one] = value; }, "typing")));
  return h("section", { class: "meet-step" },
    ...clockBox(room),
    promptsOf(room).length && /^[^.?]+[.?]?$/.test(text.trim()) ? null : (row.screen ? sealed : html)(row.html, { class: "meet-what" }),  // its title says as much
    row.screen ? html(row.screen, { class: "meet-screen" }) : null,
    row.asks.includes("bets") && meeting.bets.length && !questionsOf(room).some(({ pays }) => pays) ? betsBox(room) : null,  // or they are paid below
    ...(record.step ? [] : [lastTasks(), h("p", {}, say("oneLaptop")), rolesOfTurn(memory, record.turn, "roles"), inviting(room)]),
    ...(row.asks.includes("sentences") ? [h("fieldset", {}, h("legend", {}, say("sentences")), fields("sentence"))] : []),
    ...promptsOf(room).map(prompt => promptBox(prompt, room)),
    ...questionsOf(room).map(question => questionBox(question, room)),
    ...(last(rows, record) ? [rolesOfTurn(memory, record.turn + 1, "turn"), h("h2", { class: "meet-head" }, say("home")), html(meeting.home), tasksBox()] : []),
    moves(room));
}

// A list to grade has a choice before each sentence. What answers a question is shown when the talk is over.
const GRADES = ["right", "partly", "wrong"];
function questionBox(question, room) {
  const { id, html: text, shows, pays } = question, isOpen = room.record.revealed.includes(id);
  const box = (shows.length && !isOpen ? sealed : html)(text, { class: "meet-question" });
  box.querySelectorAll("input[type=checkbox]").forEach((input, i) => {
    const key = `${id} ${i}`, item = input.parentNode, label = h("label", { for: `meet-grade-${i}` }, [...item.childNodes].filter(node => node !== input));
    const grade = select(key, recordOf().grades[key] ?? "", [["", say("grade")], ...GRADES.map(name => [name, say(name)])],
      value => change((_, now) => { now.grades[key] = value; }, "typing"), { id: label.htmlFor, lang: spoken() });
    item.replaceChildren(grade, " ", label);
  });
  const reveal = () => change((memory, now) => {
    if (!now.revealed.includes(id)) now.revealed.push(id);
    if (pays) pay(memory, question, room.meeting.bets);
  });
  return h("div", {}, box, shows.length ? h("div", {}, pays ? betsBox(room, isOpen) : null,
    isOpen ? h("div", { tabindex: -1, "data-name": `reveal ${id}` }, measuredOf(shows)) : h("p", {}, button(say("revealAnswer"), reveal, { class: "meet-main", "data-name": `reveal ${id}` }))) : null, sawField(id, "answered"));
}

const measuredOf = shows => shows.map(({ address, html: text }) =>
  [html(text, { class: "meet-measured" }), h("p", {}, h("a", { href: address, target: "_blank" }, say("inChapter")))]);

// ------------------------------------------------------------------------------------------- sealed guesses
const isLate = (record, id, name) => record.late?.[id]?.includes(name);
export const pointsOf = record => (prompt, name) => isLate(record, prompt.id, name) ? say("late") :
  score(record.guesses[prompt.id]?.[name] ?? [], prompt.counts, record.points[prompt.id]?.[name] ?? null, record.own[prompt.id]?.[name] ?? null);

// Keep a guess; what came from its member and was refused at this prompt has done its work.
function seal(now, { id, name, values }) {
  const kept = now.guesses[id] ??= {}, changed = String(kept[name]) !== String(values);
  if (changed && now.revealed.includes(id)) ((now.late ??= {})[id] ??= []).push(name);
  kept[name] = values;
  now.broken = now.broken.filter(one => one.id !== id || one.name !== name);
}
let elsewhere = "";
function take(text, { meeting, memory, record }, at) {
  const { good, broken } = readLines(text, meeting.prompts, memory.names, record, at);
  const last = new Map(good.map(one => [`${one.id} ${one.name}`, one]));
  const there = (some, key) => some.filter(({ id }) => id !== at).map(({ id, name }) => say(key, id.split("P")[1], name));
  elsewhere = [...new Set([...there(good, "keptFor"), ...there(broken, "refusedFor")])].join(" ");
  change((_, now) => {
    for (const one of broken) if (!now.broken.some(({ line }) => line === one.line)) now.broken.push(one);
    for (const one of last.values()) seal(now, one);
  });
}

// Whose line is it? A member's, or a new one's.
function whose({ line, id, name, values }, { names }) {
  const drop = now => { now.broken = now.broken.filter(one => one.line !== line); };
  const give = (to, added) => change((memory, now) => { memory.names.push(...added); drop(now); seal(now, { id, name: to, values }); });
  return [...names.map(one => button(say("itIs", one), () => give(one, []))), names.length < 8 && button(say("addName", name), () => give(name, [name]))]
    .flatMap(one => one ? [one, " "] : []);
}

// Lines that were refused stay at their prompt. Before the reveal they show who and why, and not the answer.
function brokenBox(prompt, { memory, record }) {
  const found = record.broken.filter(({ id }) => id === prompt.id), isOpen = record.revealed.includes(prompt.id);
  if (!found.length) return null;
  const items = found.map(one => {
    const { line, why: [key, ...parts], name, values } = one, hidden = !isOpen && name;
    const reason = say(hidden && /^no(Word|Number|Range|Whole)$/.test(key) ? `${key}Sealed` : key, ...parts), shown = hidden ? `${prompt.id};${name};…` : line;
    return h("li", {}, key === "stranger" ? reason : [h("code", {}, shown), `: ${reason}`], " ", values ? whose(one, memory) : "",
      button(say("drop"), () => change((_, now) => { now.broken = now.broken.filter(other => other.line !== line); }), { "aria-label": `${say("drop")}: ${shown}` }));
  });
  return h("div", { class: "meet-broken", role: "status" }, h("p", {}, say("notTaken")), h("ul", {}, items));
}

// A row for each part of a guess, a column for each member, and what counts beside them.
function guessTable(prompt, { record }) {
  const found = Object.entries(record.guesses[prompt.id] ?? {}), { counts, fields } = prompt;
  if (!found.length) return h("p", {}, say("nobody"));
  const names = found.map(([name]) => name), row = (head, cells) => h("tr", {}, h("th", { scope: "row" }, head), cells);
  const late = name => isLate(record, prompt.id, name);
  const mark = (name, value, i) => {
    const own = recordOf().own[prompt.id]?.[name] ?? null, fit = counts[i] && !late(name) && fits(value ?? "", counts[i], own);
    return `${value || "–"}${fit ? " ✓" : ""}`;
  };
  const sums = names.map(() => h("b")), marks = fields.map(() => names.map(() => h("td")));
  const refresh = () => found.forEach(([name, values], k) => {
    sums[k].textContent = pointsOf(recordOf())(prompt, name) ?? "–";
    marks.forEach((cells, i) => { cells[k].textContent = mark(name, values[i], i); });
  });
  // A number for each member: points that the group gives, or what a member has counted.
  const asked = (part, title, name) => late(name) ? "" : field(say(title, name), () => recordOf()[part][prompt.id]?.[name] ?? "", value => {
    change((_, now) => { (now[part][prompt.id] ??= {})[name] = value === "" ? null : Number(value); }, "typing");
    refresh();
  }, { type: "number", min: 0 });
  const rowOf = (head, part, title) => row(say(head), [h("td"), names.map(name => h("td", {}, asked(part, title, name)))]);
  const head = ["", say("count"), ...names].map(text => text ? h("th", { scope: "col" }, text) : h("td"));
  const rows = fields.map(({ label }, i) => row(label, [h("td", {}, written(counts[i])), marks[i]]));
  const last = [byOwn(counts) && rowOf("own", "own", "ownOf"), open(counts) && rowOf("addTo", "points", "added"),
    row(say("points"), [h("td"), sums.map(sum => h("td", {}, sum))])].filter(Boolean);
  refresh();
  const table = h("table", { class: "meet-guesses" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows, last));
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": say("guesses") }, table);
}

const sawField = (id, name) => field(say(name), () => recordOf().saw[id] ?? "",
  value => change((_, now) => { now.saw[id] = value; }, "typing"), { rows: 2 });

function revealed(prompt, room) {
  return [h("p", { tabindex: -1, "data-name": `reveal ${prompt.id}` }, rule(prompt.counts)), guessTable(prompt, room), h("h3", {}, say("measured")), measuredOf(prompt.shows), sawField(prompt.id, "saw")];
}

function promptBox(prompt, room) {
  const { memory, record } = room, come = Object.keys(record.guesses[prompt.id] ?? {});
  const reveal = () => {
    if (lines.value.trim()) take(lines.value, room, prompt.id);  // pasted, and not yet taken
    change((_, now) => { if (!now.revealed.includes(prompt.id)) now.revealed.push(prompt.id); });
  };
  const missing = memory.names.filter(name => !come.includes(name));
  const lines = h("textarea", { rows: 3, "data-name": `lines ${prompt.id}` });
  const taking = () => button(say("take"), () => take(lines.value, room, prompt.id));
  const lateBox = () => h("details", {}, h("summary", {}, say("lateLine")), h("p", {}, say("lateRule")),
    labelled(`${say("paste")} (${prompt.id};${say("name")};…)`, lines), h("p", {}, taking()));
  const sealedBox = () => [
    labelled(`${say("paste")} (${prompt.id};${say("name")};…)`, lines),
    h("p", {}, taking(), " ", say("sealed", memory.names.length - missing.length, memory.names.length),
      missing.length ? `. ${say("waiting", missing.join(", "))}` : ""),
    h("p", {}, button(say("reveal"), reveal, { class: "meet-main", disabled: missing.length > 0, "data-name": `reveal ${prompt.id}` }), " ",
      missing.length ? button(say(come.length ? "without" : "aloud"), reveal) : ""),
  ];
  const isOpen = record.revealed.includes(prompt.id), part = isOpen ? html : sealed;
  return h("div", { class: "meet-prompt" }, h("h2", {}, `${say("prompt", prompt.id.split("P")[1])}. ${prompt.title}`),
    part(prompt.ask, { class: "meet-ask" }), part(prompt.how), part(prompt.first),
    ...(isOpen ? [] : sealedBox()), ...(isOpen ? revealed(prompt, room) : []), isOpen ? lateBox() : null,
    brokenBox(prompt, room), elsewhere && h("p", { role: "status" }, elsewhere));
}

// ------------------------------------------------------------------------------------------------------- tasks
// A task that is being written. It is added with its button, and at the latest when its step is left.
const emptyDraft = () => ({ owner: "", what: "", date: "" });
let draft = emptyDraft();
export function keepDraft() {
  const task = { owner: plain(draft.owner.replace(/:/g, " ")), what: plain(draft.what), date: draft.date, done: false };
  if (!task.what) return;
  draft = emptyDraft();
  change(memory => { memory.tasks.push(task); });
}

const tick = (task, i) => h("label", {}, h("input", { type: "checkbox", checked: task.done, onchange: ({ target }) => change(memory => { memory.tasks[i].done = target.checked; }) }),
  ` ${task.owner}: ${task.what} ${task.date}`);
// A meeting begins with what somebody wanted to do until now.
function lastTasks() {
  const { tasks } = state();
  return tasks.length ? h("fieldset", { class: "meet-last" }, h("legend", {}, say("lastTasks")), h("ul", {}, tasks.map((task, i) => h("li", {}, tick(task, i))))) : null;
}

export function tasksBox() {
  const items = state().tasks.map((task, i) => h("li", {}, tick(task, i), " ",
    button(say("remove"), () => change(memory => { memory.tasks.splice(i, 1); }), { "aria-label": `${say("remove")}: ${task.what}` })));
  const part = (key, name, more) => labelled(say(name), h("input", { "data-name": `task ${key}`, ...more, value: draft[key], oninput: ({ target }) => { draft[key] = target.value; } }));
  const labels = [part("owner", "owner", { list: "meet-names" }), part("what", "what", {}), part("date", "when", { type: "date" })];
  return h("fieldset", { class: "meet-tasks" }, h("legend", {}, say("tasks")), h("ul", {}, items),
    h("datalist", { id: "meet-names" }, state().names.map(name => h("option", { value: name }))), labels, button(say("add"), keepDraft, { "data-name": "add" }),
    field(say("open"), () => state().open, value => change(memory => { memory.open = value; }, "typing"), { rows: 2 }));
}

// --------------------------------------------------------------------------------------------- a member's phone
export function guessView(room) {
  const { meeting, record } = room;
  const one = h("div", { class: "meet-member" },
    field(say("yourName"), () => state().me, value => { change(now => { now.me = value; }, "typing"); refresh(); }));
  const turn = Math.max(0, meeting.prompts.findIndex(({ id }) => !record.mine[id]));
  const boxes = meeting.prompts.map((prompt, i) => memberPrompt(prompt, record, i === turn));
  const refresh = () => boxes.forEach(box => box.refresh());
  one.append(...boxes);
  return h("section", {}, h("h2", {}, say("mine")), inEnglish(room.memory), pickMeeting(room), one);
}

// The prompts are folded but for the one whose turn it is: what a later one asks may tell what an earlier one seeks.
function memberPrompt(prompt, record, open) {
  const { fields } = prompt, values = record.mine[prompt.id] ?? fields.map(() => "");
  const line = h("output"), copied = h("span", { role: "status" });
  const limits = fields.map((part, i) => limitsOf(part, prompt.counts[i]));
  const fault = () => fields.map(({ label }, i) => values[i]?.trim() ? unlikely(values[i], limits[i], label) : "").find(Boolean);
  const whole = () => plain(state().me) && !fault() && fields.every(({ options }, i) => values[i]?.trim() || !(options.length || prompt.counts[i]));
  const text = () => lineOf(prompt, state().me, fields.map((_, i) => values[i] ?? ""));
  const keep = (i, value) => {
    values[i] = value;
    change((_, now) => { now.mine[prompt.id] = values; }, "typing");
    box.refresh();
  };
  const inputs = fields.map(({ label, options }, i) => options.length ?
    choice(label, values[i], [["", `(${say("pick")})`], ...options.map(word => [word, word])], value => keep(i, value)) :
    field(label, () => values[i] ?? "", value => keep(i, value), { autocomplete: "off", inputmode: limits[i] ? "decimal" : null }));
  const copy = button(say("copy"), async () => { await navigator.clipboard?.writeText(text()); copied.textContent = say("copied"); });
  const box = h("details", { class: "meet-prompt", open }, h("summary", {}, `${say("prompt", prompt.id.split("P")[1])}. ${prompt.title}`),
    sealed(prompt.ask), sealed(prompt.first), ...inputs, h("p", {}, `${say("yourLine")}: `, line, " ", copy, " ", copied));
  box.refresh = () => {
    copy.disabled = !whole();
    line.textContent = whole() ? text() : fault() || say("fill");
    copied.textContent = "";
  };
  box.refresh();
  return box;
}
