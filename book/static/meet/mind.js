// Predictions, chapters read, exercises opened and quiz answers: what this browser knows of its reader, and nobody else.
const KEY = "course-mine";
const fresh = () => ({ ask: false, answers: {}, read: {}, exercises: {}, quizzes: {} });
let memory = null;
export const trouble = { forgets: false };

export function mind() {
  if (memory && trouble.forgets) return memory;
  try { memory = wholeOf(JSON.parse(localStorage.getItem(KEY) ?? "{}")); } catch { memory ??= fresh(); }
  return memory;
}
// Whatever the file or the storage holds: every part is an object, or it is left out.
export function wholeOf(found) {
  const start = fresh();
  if (typeof found !== "object" || found === null || Array.isArray(found)) return start;
  for (const name of ["answers", "read", "exercises", "quizzes"]) {
    if (typeof found[name] === "object" && found[name] !== null && !Array.isArray(found[name])) start[name] = found[name];
  }
  start.ask = found.ask === true;
  return start;
}
export function remember(edit) {
  const now = mind();
  edit(now);
  memory = now;
  try { localStorage.setItem(KEY, JSON.stringify(now)); trouble.forgets = false; } catch { trouble.forgets = true; }
}
export function forgetAll() {
  memory = fresh();
  try { localStorage.removeItem(KEY); } catch { trouble.forgets = true; }
}

// The address of a page below the course's root, and of a prediction in it.
export const pageOf = path => path.split("/").slice(path.includes("/quizzes/") ? -2 : -1).join("/").replace(/\.html$/, "");
