// The minutes while they grow, their export, and what is taken from last week's file.
import { button, choice, download, field, h, labelled } from "./dom.js";
import { LINES, markdown, readMinutes } from "./minutes.js";
import { betsBox } from "./bets.js";
import { keepDraft, pointsOf, tasksBox } from "./steps.js";
import { say } from "./strings.js";
import { change, record as recordOf, titles } from "./store.js";

const unfolded = new Set();  // empty parts are folded; whoever opened them finds them so
function memberFields(name) {
  const write = part => value => change((_, now) => { (now.minutes.members[name] ??= {})[part] = value; }, "typing");
  const read = part => () => recordOf().minutes.members[name]?.[part] ?? "";
  const part = (key, rows) => field(say(key), read(key), write(key), { rows, "data-name": `${key} ${name}` });
  const rest = ["problems", "remedies", "code"], isOpen = unfolded.has(name) || rest.some(one => read(one)());
  return h("fieldset", {}, h("legend", {}, name), part("goal", 2), part("result", 2),
    h("details", { open: isOpen, ontoggle: ({ target }) => unfolded[target.open ? "add" : "delete"](name) }, h("summary", {}, rest.map(one => say(one)).join(", ")), rest.map(one => part(one, 2))),
    choice(say("kind"), read("kind")(), [["", say("none")], ...LINES.KINDS.map(kind => [kind, say(kind)])], write("kind")));
}

export function minutesView({ meeting, memory, record }) {
  const mine = (key, rows, type) => field(say(key), () => recordOf().minutes[key],
    value => change((_, now) => { now.minutes[key] = value; }, "typing"), { rows, type, "data-name": key });
  const text = () => markdown(memory, recordOf(), meeting, pointsOf(recordOf()));
  const preview = h("pre", { tabindex: 0 });
  const fold = h("details", { ontoggle: () => { preview.textContent = text(); } }, h("summary", {}, say("asText")), preview);
  const save = () => {
    keepDraft();
    download(`minutes-${String(memory.meeting).padStart(2, "0")}.md`, text(), "text/markdown");
  };
  return h("section", { class: "meet-minutes" }, h("h2", {}, `${say("title", meeting.number)}. ${meeting.title}`),
    mine("date", 0, "date"), mine("plan", 2), mine("how", 2),
    h("h3", {}, say("results")), ...memory.names.map(memberFields), meeting.bets.length ? betsBox({ meeting }, meeting.questions.some(({ id, pays }) => pays && record.revealed.includes(id))) : "", tasksBox(),
    h("p", {}, button(say("exportAs"), save, { class: "meet-main", "data-name": "export" })), fold);
}

// ------------------------------------------------------------------------------------------------- last week's file
function takeOver(found, memory) {
  if (!memory.names.length) memory.names = found.names;
  const leader = memory.names.indexOf(found.lead);
  if (titles[found.meeting + 1]) memory.meeting = found.meeting + 1;
  if (leader >= 0) {
    memory.imported = { meeting: found.meeting, turn: leader + 1 };
    Object.assign(recordOf(), { turn: leader + 1, chosen: false });
  }
  for (const bet of found.bets) {
    const old = memory.bets.findIndex(one => one.name === bet.name && one.meeting === bet.meeting);
    if (old < 0) memory.bets.push(bet);
    else if (memory.bets[old].points == null) memory.bets[old] = bet;
  }
  const known = task => memory.tasks.some(one => one.owner === task.owner && one.what === task.what);
  memory.tasks.push(...found.tasks.filter(task => !known(task)));
  if (!memory.open.includes(found.open)) memory.open = [memory.open, found.open].filter(Boolean).join("\n");
}

async function textOf(file) {
  const text = file.size > 1e6 ? "\0" : await file.text();
  return text.includes("\0") || text.includes("\uFFFD") ? null : text;
}

let said = [];
export function takeFile() {
  const says = h("div", { role: "status", class: "meet-import" }, said);
  const read = async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    const text = await textOf(file), { found, faults } = text === null ? { faults: [say("tooBig")] } : readMinutes(text);
    if (faults.length) {
      said = [h("p", {}, say("notImported", file.name)), h("ul", {}, faults.map(fault => h("li", {}, fault)))];
      says.replaceChildren(...said);
      return;
    }
    said = [h("p", {}, say("imported", file.name, found.bets.length, found.tasks.length, found.open ? found.open.split("\n").length : 0))];
    change(memory => takeOver(found, memory));
  };
  const input = h("input", { type: "file", accept: ".md,.markdown,.txt,text/*", onchange: read });
  return h("div", {}, labelled(say("lastWeek"), input), says);
}
