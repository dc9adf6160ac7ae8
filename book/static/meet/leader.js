// The leader's window: notes and what comes next. It is opened beside the room and never shared. On another machine than
// the room's, the leader goes from step to step by hand.
import { button, h, html } from "./dom.js";
import { moveTo, pickMeeting, promptsOf, questionsOf } from "./steps.js";
import { state } from "./store.js";
import { say } from "./strings.js";

// The notes say what counts: they are folded until the reveal, and whoever opened them finds them so.
const unfolded = new Set();
function notesOf({ id, notes }, { record }) {
  const key = `${state().meeting} ${id}`, isOpen = record.revealed.includes(id);
  return h("details", { open: isOpen || unfolded.has(key), ontoggle: ({ target }) => unfolded[target.open ? "add" : "delete"](key) },
    h("summary", {}, say(isOpen ? "notes" : "notesLater")), html(notes));
}

export function leaderView(room) {
  const { meeting, rows, record } = room, row = rows[record.step], next = rows[record.step + 1];
  if (!row) return h("section", { class: "meet-leader" }, h("h2", {}, say("leader")), h("p", {}, say("noRoom")), pickMeeting(room),
    h("p", {}, button(say("byHand"), () => moveTo(0), { class: "meet-main" })));
  const parts = [...promptsOf(room), ...questionsOf(room)];
  return h("section", { class: "meet-leader" },
    h("h2", {}, `${meeting.number}. ${meeting.title}`),
    h("p", { class: "meet-clock" }, h("time"), " ", h("span")),
    h("p", {}, h("span", { class: "meet-total" }), " · ", h("span", { class: "meet-delay" })), h("p", { class: "meet-sign", role: "status" }),
    html(row.html, { class: "meet-what" }),
    h("h3", {}, say("notes")), ...(parts.length ? parts.flatMap(part => part.ask ? [html(part.ask + part.how), notesOf(part, room)] : [html(part.html), part.shows.length ? notesOf(part, room) : html(part.notes)]) : [h("p", {}, "–")]),
    h("h3", {}, say("comes")), next ? html(next.html) : h("p", {}, "–"),
    h("p", { class: "meet-moves" }, button(say("back"), () => moveTo(Math.max(0, record.step - 1)), { "data-name": "back" }),
      next ? button(say("next"), () => moveTo(record.step + 1), { "data-name": "next" }) : ""));
}
