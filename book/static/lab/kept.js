// Results that were kept, as a table. They last as long as the tab: a reload and a row's own link leave them there.
import { WORDS } from "./words.js";
import { used } from "./facts.js";
import { check } from "./settings.js";

const KEY = "lab-kept", COLUMNS = ["what", "covered", "precision", "accuracy", "step", "seeds"];

// What differs from the defaults: the method, its data or labels, and then only what somebody chose.
export function differs(settings) {
  const { view, method, data, labels, points } = settings, usual = check({ view, method, data, labels, points });
  const own = used(settings).filter(name => settings[name] !== usual[name]);
  const said = own.map(name => `${WORDS.name[name]}: ${WORDS[name]?.[settings[name]] ?? settings[name]}`);
  return [WORDS.method[method], view === "plane" ? WORDS.data[data] : WORDS.labels[labels], ...said].join("; ");
}

export class Kept {
  // `place` shows the table; nothing is there while nothing is kept.
  constructor(place) {
    this.place = place;
    this.rows = read();
    this.#show();
  }

  // A row has a text for each column, "" where there is none, and a link. Return whether a reload will find it.
  add(row) {
    this.rows.push(row);
    this.#show();
    return store(this.rows);
  }

  clear() {
    this.rows = [];
    this.#show();
    store(this.rows);
  }

  #show() {
    const { rows } = this, shown = COLUMNS.filter(name => rows.some(row => row[name] !== ""));
    this.place.hidden = !rows.length;
    this.place.innerHTML = `<div class="lab-table" tabindex="0" role="region" aria-label="${WORDS.kept_title}"><table>`
      + `<caption>${WORDS.kept_title}</caption><thead><tr>${shown.map(name => `<th scope="col">${WORDS.kept_column[name]}</th>`).join("")}</tr></thead>`
      + `<tbody></tbody></table></div><button type="button" data-do="forget">${WORDS.forget}</button>`;
    for (const row of rows) {
      const line = this.place.querySelector("tbody").insertRow();
      for (const name of shown.slice(1)) line.insertCell().textContent = row[name];  // as text: it may come from storage
      const link = Object.assign(document.createElement("a"), { textContent: row.what, href: row.link });
      const head = Object.assign(document.createElement("th"), { scope: "row" });
      head.append(link);
      line.prepend(head);
    }
  }
}

function read() {
  try {
    const rows = JSON.parse(sessionStorage.getItem(KEY) ?? "[]"), names = [...COLUMNS, "link"];
    return rows.filter(row => names.every(name => typeof row[name] === "string"));
  } catch {
    return [];  // no storage here, or something else in it
  }
}

function store(rows) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(rows));
    return true;
  } catch {
    return false;
  }
}
