// What the shared screen shows: setting up, and one row of the plan at a time. And what a member's phone shows.
import { rolesOf } from "./minutes.js";
import { button, choice, field, h, html, labelled } from "./dom.js";
import { fits, lineOf, open, plain, readLines, rule, score, written } from "./guesses.js";
import { say } from "./strings.js";
import { change, forget, record as recordOf, state } from "./store.js";
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
  const turn = memory.names.length ? button(say("turn"), () => change((_, now) => { now.turn = (now.turn + 1) % memory.names.length; })) : null;
  return [rolesOfTurn(memory, record.turn, "roles", "h3"), turn];
}

export function moveTo(step) {
  change((_, now) => { now.step = step; if (step >= 0) now.begun[step] ??= Date.now(); });
}

function start({ goal }, names, fault) {
  if (!names.length || names.length > 8) { fault.textContent = say("fewNames"); return; }
  change((_, { minutes }) => {
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
  const titles = Object.entries(JSON.parse(document.getElementById("meetings").textContent));
  return choice(say("choose"), memory.meeting, titles.map(([n, title]) => [n, `${n}. ${title}`]), value => change(now => { now.meeting = Number(value); }));
}

export function setupView(room) {
  const { meeting, memory, record } = room;
  const fault = h("p", { class: "meet-warning", role: "alert" });
  const write = text => change(now => { now.names = namesIn(text); }, "typing");
  const names = field(say("names"), () => memory.names.join(", "), write, { "data-name": "names", autocomplete: "off" });
  names.querySelector("input").addEventListener("change", () => change(() => {}));
  return h("section", { class: "meet-setup" },
    h("h2", {}, `${meeting.number}. ${meeting.title}`),
    pickMeeting(room),
    choice(say("length"), record.plan, [[40, say("forty")], [20, say("twenty")]],
      value => change((_, now) => { now.plan = Number(value); })),
    names, rolesList(room), takeFile(),
    h("p", {}, button(say(Object.keys(record.begun).length ? "goOn" : "start"), () => start(meeting, state().names, fault), { class: "meet-main", "data-name": "start" })), fault,
    inviting(room),
    h("details", {}, h("summary", {}, say("before")), html(meeting.goal + meeting.before)),
    h("p", {}, button(say("forget"), () => { if (confirm(say("sure"))) forget(); }, { class: "meet-quiet" })));
}

// ------------------------------------------------------------------------------------------------ one step
function clockBox({ rows, record }) {
  const more = () => change((_, now) => { now.extra[now.step] = (now.extra[now.step] ?? 0) + 120; });
  return h("div", { class: "meet-time" },
    h("p", { class: "meet-clock" }, h("time"), " ", h("span")),
    h("p", {}, h("span", {}, say("step", record.step + 1, rows.length)), " · ", h("span", { class: "meet-total" })),
    button(say("more"), more, { "data-name": "more" }),
    h("p", { class: "meet-sign", role: "status" }));
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
    clockBox(room),
    /^Prompt \d+, [^.?]+[.?]$/.test(text.trim()) ? null : html(row.html, { class: "meet-what" }),  // its title says as much
    ...(record.step ? [] : [rolesOfTurn(memory, record.turn, "roles"), inviting(room)]),
    ...(/\bsentences?\b/i.test(text) ? [h("fieldset", {}, h("legend", {}, say("sentences")), fields("sentence"))] : []),
    ...promptsOf(room).map(prompt => promptBox(prompt, room)),
    ...questionsOf(room).map(question => questionBox(question)),
    ...(/\bbets?\b/i.test(text) && !promptsOf(room).length ? [betsBox()] : []),  // a prompt has guesses of its own
    ...(last(rows, record) ? [rolesOfTurn(memory, record.turn + 1, "turn"), h("h2", { class: "meet-head" }, say("home")), html(meeting.home), tasksBox()] : []),
    moves(room));
}

// Lists to tick keep their ticks.
function questionBox({ id, html: text }) {
  const box = html(text, { class: "meet-question" });
  box.querySelectorAll("input[type=checkbox]").forEach((input, i) => {
    input.disabled = false;
    input.checked = recordOf().ticks[`${id} ${i}`] ?? false;
    const item = input.parentNode, label = h("label");
    label.append(...item.childNodes);
    item.append(label);
    input.addEventListener("change", () => change((_, now) => { now.ticks[`${id} ${i}`] = input.checked; }, "typing"));
  });
  return h("div", {}, box, sawField(id, "answered"));
}

// ------------------------------------------------------------------------------------------- sealed guesses
export const pointsOf = record => (prompt, name) =>
  score(record.guesses[prompt.id]?.[name] ?? [], prompt.counts, record.points[prompt.id]?.[name] ?? null);

function take(text, { meeting, memory, record }) {
  const { good, broken } = readLines(text, meeting.prompts, memory.names, record.revealed);
  change((_, now) => {
    for (const { id, name, values } of good) (now.guesses[id] ??= {})[name] = values;
    for (const one of broken) if (!now.broken.some(({ line }) => line === one.line)) now.broken.push(one);
  });
}

function brokenBox(record) {
  if (!record.broken.length) return null;
  const items = record.broken.map(({ line, why }) => h("li", {}, h("code", {}, line), `: ${why} `,
    button(say("drop"), () => change((_, now) => { now.broken = now.broken.filter(one => one.line !== line); }), { "aria-label": `${say("drop")}: ${line}` })));
  return h("div", { class: "meet-broken", role: "status" }, h("p", {}, say("notTaken")), h("ul", {}, items));
}

// A row for each part of a guess, a column for each member, and what counts beside them.
function guessTable(prompt, { record }) {
  const found = Object.entries(record.guesses[prompt.id] ?? {}), { counts, fields } = prompt;
  if (!found.length) return h("p", {}, say("nobody"));
  const points = pointsOf(record), names = found.map(([name]) => name), row = (head, cells) => h("tr", {}, h("th", { scope: "row" }, head), cells);
  const sum = name => h("b", {}, String(points(prompt, name) ?? "–"));
  const sums = Object.fromEntries(names.map(name => [name, sum(name)]));
  const give = name => value => {
    change((_, now) => { (now.points[prompt.id] ??= {})[name] = value === "" ? null : Number(value); }, "typing");
    sums[name].textContent = pointsOf(recordOf())(prompt, name) ?? "–";
  };
  const given = name => field(say("added", name), () => recordOf().points[prompt.id]?.[name] ?? "", give(name), { type: "number", min: 0 });
  const mark = (value, i) => `${value || "–"}${counts[i] && fits(value ?? "", counts[i]) ? " ✓" : ""}`;
  const head = ["", say("count"), ...names].map(text => text ? h("th", { scope: "col" }, text) : h("td"));
  const rows = fields.map(({ label }, i) => row(label, [h("td", {}, written(counts[i])), found.map(([, values]) => h("td", {}, mark(values[i], i)))]));
  const last = [row(say("points"), [h("td"), names.map(name => h("td", {}, sums[name]))])];
  if (open(counts)) last.unshift(row(say("addTo"), [h("td"), names.map(name => h("td", {}, given(name)))]));
  const table = h("table", { class: "meet-guesses" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows, last));
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": say("guesses") }, table);
}

const sawField = (id, name) => field(say(name), () => recordOf().saw[id] ?? "",
  value => change((_, now) => { now.saw[id] = value; }, "typing"), { rows: 2 });

function revealed(prompt, room) {
  const shown = prompt.shows.flatMap(({ address, html: text }) =>
    [html(text, { class: "meet-measured" }), h("p", {}, h("a", { href: address, target: "_blank" }, say("inChapter")))]);
  return [h("p", { tabindex: -1, "data-name": `reveal ${prompt.id}` }, rule(prompt.counts)), guessTable(prompt, room), h("h3", {}, say("measured")), ...shown, sawField(prompt.id, "saw")];
}

function promptBox(prompt, room) {
  const { memory, record } = room, sealed = Object.keys(record.guesses[prompt.id] ?? {});
  const reveal = () => change((_, now) => { if (!now.revealed.includes(prompt.id)) now.revealed.push(prompt.id); });
  const missing = memory.names.filter(name => !sealed.includes(name));
  const lines = h("textarea", { rows: 3, "data-name": `lines ${prompt.id}` });
  const sealedBox = () => [
    labelled(`${say("paste")} (${prompt.id};${say("name")};…)`, lines),
    h("p", {}, button(say("take"), () => take(lines.value, room)), " ", say("sealed", memory.names.length - missing.length, memory.names.length),
      missing.length ? `. ${say("waiting", missing.join(", "))}` : ""),
    h("p", {}, button(say("reveal"), reveal, { class: "meet-main", disabled: missing.length > 0, "data-name": `reveal ${prompt.id}` }), " ",
      missing.length ? button(say(sealed.length ? "without" : "aloud"), reveal) : ""),
  ];
  const isOpen = record.revealed.includes(prompt.id);
  return h("div", { class: "meet-prompt" }, h("h2", {}, `${say("prompt", prompt.id.split("P")[1])}. ${prompt.title}`),
    html(prompt.ask, { class: "meet-ask" }), html(prompt.how), html(prompt.first),
    ...(isOpen ? [] : sealedBox()), brokenBox(record), ...(isOpen ? revealed(prompt, room) : []));
}

// -------------------------------------------------------------------------------------------------- bets, tasks
export function betsBox() {
  const { bets, names, meeting } = state();
  const find = (memory, name) => memory.bets.find(bet => bet.name === name && bet.meeting === meeting);
  const write = name => value => change(memory => {
    const bet = find(memory, name) ?? (memory.bets.push({ name, bet: "", meeting, points: null }), memory.bets.at(-1));
    bet.bet = value;
  }, "typing");
  const pay = old => value => change(memory => {
    const bet = memory.bets.find(one => one.name === old.name && one.meeting === old.meeting);
    if (bet) bet.points = value === "" ? null : Number(value);
  }, "typing");
  const older = bets.filter(bet => bet.meeting < meeting);
  const carried = older.map(bet => h("li", {}, `${bet.name}: ${bet.bet} (${say("fromMeeting", bet.meeting)})`,
    field(say("paid", bet.name), () => state().bets.find(one => one.name === bet.name && one.meeting === bet.meeting)?.points ?? "", pay(bet), { type: "number", min: 0 })));
  const fresh = names.filter(name => !older.some(bet => bet.name === name && bet.points == null))
    .map(name => field(say("bet", name), () => find(state(), name)?.bet ?? "", write(name)));
  return h("fieldset", { class: "meet-bets" }, h("legend", {}, say("bets")), h("ul", {}, carried), fresh);
}

export function tasksBox() {
  const items = state().tasks.map((task, i) => h("li", {},
    h("label", {}, h("input", { type: "checkbox", checked: task.done, onchange: event => change(memory => { memory.tasks[i].done = event.target.checked; }) }),
      ` ${task.owner}: ${task.what} ${task.date}`), " ",
    button(say("remove"), () => change(memory => { memory.tasks.splice(i, 1); }), { "aria-label": `${say("remove")}: ${task.what}` })));
  const [owner, what, date] = [h("input", { list: "meet-names" }), h("input", {}), h("input", { type: "date" })];
  const add = () => {
    const task = { owner: plain(owner.value.replace(/:/g, " ")), what: plain(what.value), date: date.value, done: false };
    if (task.what) change(memory => { memory.tasks.push(task); });
  };
  const labels = [[owner, "owner"], [what, "what"], [date, "when"]].map(([input, name]) => labelled(say(name), input));
  return h("fieldset", { class: "meet-tasks" }, h("legend", {}, say("tasks")), h("ul", {}, items),
    h("datalist", { id: "meet-names" }, state().names.map(name => h("option", { value: name }))), labels, button(say("add"), add, { "data-name": "add" }),
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
  return h("section", {}, h("h2", {}, say("mine")), pickMeeting(room), one);
}

// The prompts are folded but for the one whose turn it is: what a later one asks may tell what an earlier one seeks.
function memberPrompt(prompt, record, open) {
  const { fields } = prompt, values = record.mine[prompt.id] ?? fields.map(() => "");
  const line = h("output"), copied = h("span", { role: "status" });
  const whole = () => plain(state().me) && fields.every(({ options }, i) => values[i]?.trim() || !(options.length || prompt.counts[i]));
  const text = () => lineOf(prompt, state().me, fields.map((_, i) => values[i] ?? ""));
  const keep = (i, value) => {
    values[i] = value;
    change((_, now) => { now.mine[prompt.id] = values; }, "typing");
    box.refresh();
  };
  const inputs = fields.map(({ label, options }, i) => options.length ?
    choice(label, values[i], [["", `(${say("pick")})`], ...options.map(word => [word, word])], value => keep(i, value)) :
    field(label, () => values[i] ?? "", value => keep(i, value), { autocomplete: "off" }));
  const copy = button(say("copy"), async () => { await navigator.clipboard?.writeText(text()); copied.textContent = say("copied"); });
  const box = h("details", { class: "meet-prompt", open }, h("summary", {}, `${say("prompt", prompt.id.split("P")[1])}. ${prompt.title}`),
    html(prompt.ask), html(prompt.first), ...inputs, h("p", {}, `${say("yourLine")}: `, line, " ", copy, " ", copied));
  box.refresh = () => {
    copy.disabled = !whole();
    line.textContent = whole() ? text() : say("fill");
    copied.textContent = "";
  };
  box.refresh();
  return box;
}
