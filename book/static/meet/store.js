// What the room remembers: one object in this browser's storage, the same in all of its tabs.
const KEY = "course-meetings";
export const titles = JSON.parse(document.getElementById("meetings").textContent);
export const fresh = () => ({ meeting: 1, language: "", names: [], me: "", records: {}, bets: [], tasks: [], open: "", imported: null });
export const freshRecord = turn => ({
  plan: 40, turn, step: -1, begun: {}, extra: {}, guesses: {}, broken: [], revealed: [], late: {}, saw: {}, points: {}, own: {}, sentences: {},
  grades: {}, mine: {}, minutes: { date: "", plan: "", how: "", members: {} },
});

let memory = fresh(), listeners = [];
export const trouble = { forgets: false, damaged: false };
let channel = null;
try { channel = new BroadcastChannel(KEY); } catch { /* one window only */ }

// Records that were kept before a record had all of its parts get the others.
const whole = records => Object.fromEntries(Object.entries(records).map(([number, one]) => [number, { ...freshRecord(0), ...one }]));

// Whatever went wrong with what was kept: it is never written over.
function parsed(text) {
  try {
    const found = JSON.parse(text);
    if (typeof found?.records === "object" && Array.isArray(found.names)) return { ...fresh(), ...found, records: whole(found.records) };
  } catch { /* told below */ }
  trouble.damaged = true;
  localStorage.setItem(`${KEY}-damaged`, text);
  localStorage.removeItem(KEY);
  return fresh();
}

function load() {
  if (trouble.forgets) return;
  try {
    const text = localStorage.getItem(KEY);
    if (text !== null) memory = parsed(text);
  } catch { trouble.forgets = true; }
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(memory));
    trouble.forgets = false;
  } catch { trouble.forgets = true; }
}

const tell = from => listeners.forEach(listener => listener(from));
export const state = () => memory;
export const listen = listener => listeners.push(listener);
// The roles move on by one from the meeting before, which was held here or came as a file.
function nextTurn(number) {
  const held = Object.keys(memory.records).map(Number).filter(other => other < number && memory.records[other].begun[0]);
  const before = Math.max(0, ...held);
  if (memory.imported?.meeting >= before) return memory.imported.turn;
  return before ? memory.records[before].turn + 1 : 0;
}
// The record of a meeting: how far it is, its guesses, its minutes.
export function record(number = memory.meeting) {
  const found = memory.records[number] ??= freshRecord(0);
  if (!found.begun[0] && !found.chosen) found.turn = nextTurn(number);
  return found;
}

// Change what is remembered. Another tab may have written since: begin with what is kept.
export function change(edit, from = "here") {
  load();
  edit(memory, record());
  keep();
  channel?.postMessage({ memory });
  tell(from);
}

export function forget() {
  memory = fresh();
  try { localStorage.removeItem(KEY); } catch { trouble.forgets = true; }
  channel?.postMessage({ memory });
  tell("here");
}

channel?.addEventListener("message", ({ data }) => {
  if (data.ask) return void channel.postMessage({ memory, answer: true });
  if (data.answer && Object.keys(memory.records).length) return;  // this tab knows as much
  memory = data.memory;
  tell("other tab");
});
load();
channel?.postMessage({ ask: true });
