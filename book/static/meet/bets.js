// Bets: a choice of what the guide names, carried from meeting to meeting, and paid by a table of verdicts.
import { choice, field, h, html } from "./dom.js";
import { plain, same } from "./guesses.js";
import { say } from "./strings.js";
import { change, state } from "./store.js";

// The guide numbers what one can bet on; a bet from older minutes may have the words alone.
const bare = text => plain(text).replace(/^\d+[.)]?\s+/, "");
function numberOf(bet, options) {
  const first = /^\s*(\d+)\b/.exec(bet)?.[1], named = options.find(one => same(bare(one), bare(bet)));
  return options.some(one => first && one.startsWith(`${first} `)) ? first : named?.split(" ")[0] ?? null;
}

// Each cell of the table that has the paying word is a point for the bets on its row's number.
export function pay({ bets }, { shows, pays }, options) {
  const rows = shows.flatMap(({ html: text }) => [...html(text).querySelectorAll("tbody tr")]).map(row => [...row.cells].map(cell => cell.textContent.trim()));
  for (const bet of bets.filter(({ points }) => points == null)) {
    const number = numberOf(bet.bet, options);
    if (number) bet.points = rows.filter(([head]) => head.startsWith(`${number} `)).flat().filter(cell => same(cell, pays)).length;
  }
}

// One line for each bet that counts here: those carried over, and one of each member who has none. Until they are paid one
// can choose; a bet that the guide knows stays as it was made in another meeting.
export function betsBox({ meeting }, paid = false) {
  const { bets, names } = state(), { number, bets: options } = meeting;
  const older = bets.filter(bet => bet.meeting < number && bet.bet), has = name => older.some(bet => bet.name === name);
  const place = ({ bets: all }, name, when) => all.find(bet => bet.name === name && bet.meeting === when);
  const choose = (name, when, bet) => {
    const words = new Set([bet, ...options].filter(Boolean)), put = value => change(memory => {
      const found = place(memory, name, when) ?? (memory.bets.push({ name, meeting: when, points: null }), memory.bets.at(-1));
      found.bet = value;
    });
    return h("li", {}, choice(say("bet", name), bet, [["", `(${say("pick")})`], ...[...words].map(word => [word, word])], put));
  };
  const points = ({ name, meeting: when }) => field(say("paid", name), () => place(state(), name, when)?.points ?? "", value => change(memory => {
    const found = place(memory, name, when);
    if (found) found.points = value === "" ? null : Number(value);
  }, "typing"), { type: "number", min: 0 });
  const line = (bet, text) => h("li", {}, text, (paid && bet.bet) || bet.points != null ? points(bet) : "");
  const carried = older.map(bet => paid || bet.points != null || numberOf(bet.bet, options) ?
    line(bet, `${bet.name}: ${bet.bet} (${say("fromMeeting", bet.meeting)})`) : choose(bet.name, bet.meeting, bet.bet));
  const fresh = names.filter(name => !has(name)).map(name => {
    const bet = place(state(), name, number) ?? { name, bet: "", meeting: number, points: null };
    return paid ? line(bet, `${name}: ${bet.bet || "–"}`) : choose(name, number, bet.bet);
  });
  return h("fieldset", { class: "meet-bets" }, h("legend", {}, say("bets")), h("ul", {}, carried, fresh));
}
