// Minutes as Markdown in the form of the study group, in either language; and what the next meeting takes from them.
import { sentencesOf } from "./dom.js";
import { byOwn, written } from "./guesses.js";
import { both, say } from "./strings.js";

const KINDS = ["read", "noTime", "stuck"];
const ROLES = ["lead", "drive", "write", "time"];
export const LINES = { KINDS, ROLES };

// Who has which role: they move on by one each meeting; with few people one has several, and the lead keeps time.
export function rolesOf(names, turn) {
  const found = names.length > 3 ? ROLES : ROLES.slice(0, 3);
  return found.map((role, i) => [role, names[(turn + i) % names.length]]);
}

const fence = text => "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(run => run[0].length + 1)));
const cell = text => String(text).replace(/\|/g, "\\|").replace(/\s*\n\s*/g, " ");
// What somebody writes stays in its part: a line that looks like a heading is set off.
const safe = text => text.trim().replace(/^(#{1,6} |`{3,})/gm, "\\$1");
const block = (name, text) => text?.trim() ? [`**${say(name)}**`, safe(text)] : [];

function memberPart(name, member = {}) {
  const parts = [`### ${name}`];
  parts.push(`**${say("goal")}**`, safe(member.goal ?? "") || "–", `**${say("result")}**`);
  const kind = KINDS.includes(member.kind) ? say(member.kind) : "";
  parts.push(safe(member.result ?? "") || kind || "–");
  if (member.result?.trim() && kind) parts.push(kind);
  parts.push(...block("problems", member.problems), ...block("remedies", member.remedies));
  const code = member.code?.trimEnd();
  if (code) parts.push(`${fence(code)}\n${code}\n${fence(code)}`);
  return parts;
}

const betLine = ({ name, bet, meeting, points }) => `- ${name}: ${cell(bet)} (${meeting}${points == null ? "" : `; ${points}`})`;
const taskLine = ({ owner, what, date, done }) => `- [${done ? "x" : " "}] ${owner}: ${cell(what)}${date ? ` (${date})` : ""}`;
const list = lines => lines.length ? lines.join("\n") : "–";
const own = (record, { id, counts }, name) => byOwn(counts) && record.own[id]?.[name] != null ? ` (${say("own")}: ${record.own[id][name]})` : "";
const gradesOf = (record, { id, html: text }) => sentencesOf(text)
  .flatMap((sentence, i) => record.grades[`${id} ${i}`] ? [`- ${say(record.grades[`${id} ${i}`])}: ${cell(sentence)}`] : []);

export function markdown(memory, record, meeting, pointsOf) {
  const { minutes } = record, { names } = memory;
  const row = (...cells) => `| ${cells.map(cell).join(" | ")} |`, called = ({ id, title }) => title ? `${id} ${title}` : say("question", id.slice(1));
  const rows = meeting.prompts.flatMap(prompt => {
    const found = Object.entries(record.guesses[prompt.id] ?? {}).map(([name, values]) =>
      row(called(prompt), name, values.map(value => value || "–").join("; ") + own(record, prompt, name), pointsOf(prompt, name) ?? ""));
    const count = row(called(prompt), say("count"), prompt.counts.map(written).join("; "), "");
    return found.length && record.revealed.includes(prompt.id) ? [...found, count] : found;  // sealed until then
  });
  const saw = [...meeting.prompts, ...meeting.questions].filter(({ id }) => record.saw[id]?.trim())
    .map(one => `- ${called(one)}: ${cell(record.saw[one.id])}`);
  const said = names.filter(name => record.sentences[name]?.trim()).map(name => `- ${name}: ${cell(record.sentences[name])}`);
  const grades = meeting.questions.flatMap(question => gradesOf(record, question));
  const broken = record.broken.map(({ line }) => `- ${cell(line)}`);
  const head = ["name", "guessed", "points"].map(name => say(name));
  return [
    `# ${say("title", meeting.number)}. ${meeting.title}`,
    `${say("date")}: ${minutes.date}`,
    `## ${say("plan")}`, safe(minutes.plan) || "–",
    `## ${say("how")}`, safe(minutes.how) || "–",
    `## ${say("members")}`, list(names.map(name => `- ${name}`)),
    `## ${say("roles")}`, list(rolesOf(names, record.turn).map(([role, name]) => `- ${say(role)}: ${name}`)),
    ...(said.length ? [`## ${say("sentences")}`, list(said)] : []),
    `## ${say("predictions")}`,
    rows.length ? [`| | ${head.join(" | ")} |`, "| --- | --- | --- | --- |", ...rows].join("\n") : "–",
    ...(saw.length ? [`**${say("saw")}**`, list(saw)] : []),
    ...(grades.length ? [`**${say("graded")}**`, list(grades)] : []),
    ...(broken.length ? [`**${say("notTaken")}**`, list(broken)] : []),
    `## ${say("results")}`, ...names.flatMap(name => memberPart(name, minutes.members[name])),
    `## ${say("bets")}`, list(memory.bets.filter(({ bet }) => bet).map(betLine)),
    `## ${say("tasks")}`, list(memory.tasks.map(taskLine)),
    `## ${say("open")}`, safe(memory.open) || "–",
  ].join("\n\n") + "\n";
}

// ------------------------------------------------------------------------------------------------ back again
const TITLE = new RegExp(`^# (?:${both("title", "(\\d+)").join("|")})(?:\\.|\\s|$)`);
const PARTS = ["members", "roles", "bets", "tasks", "open"];
const nameOf = heading => PARTS.find(part => both(part).some(text => text.toLowerCase() === heading.trim().toLowerCase()));
const READ = {
  members: { form: /^- (.+)$/, take: (found, [, name]) => found.names.push(name.trim()) },
  roles: {
    form: /^- ([^:]+): (.+)$/,
    take: (found, [, role, name]) => { if (both("lead").includes(role.trim())) found.lead = name.trim(); },
  },
  bets: {
    form: /^- ([^:]+): (.+) \((\d+)(?:; (-?\d+(?:\.\d+)?))?\)$/,
    take: (found, [, name, bet, meeting, points]) =>
      found.bets.push({ name, bet, meeting: Number(meeting), points: points === undefined ? null : Number(points) }),
  },
  tasks: {
    form: /^- \[([ xX])\] ([^:]*): (.+?)(?: \((\d{4}-\d{2}-\d{2})\))?$/,
    take: (found, [, mark, owner, what, date = ""]) => found.tasks.push({ owner, what, date, done: mark !== " " }),
  },
  open: { form: /^(.*)$/, take: (found, [line]) => { found.open += `${line}\n`; } },
};

// Read last week's file: what the next meeting needs, or all that is wrong with it.
export function readMinutes(text) {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/), found = { names: [], lead: "", bets: [], tasks: [], open: "" };
  const faults = [], met = new Set(), title = TITLE.exec(lines[0] ?? "");
  if (!title) faults.push(say("noTitle"));
  let part = null, closing = "";
  lines.forEach((line, i) => {
    const ticks = /^(`{3,})/.exec(line)?.[1];
    if (closing ? ticks === closing : ticks) return void (closing = closing ? "" : ticks);
    if (closing) return;
    const heading = /^## (.+)$/.exec(line);
    if (heading) { part = nameOf(heading[1]); if (part) met.add(part); return; }
    if (!part || (part !== "open" && (!line.trim() || line.trim() === "–"))) return;
    const fit = READ[part].form.exec(line.trimEnd());
    if (fit) READ[part].take(found, fit);
    else faults.push(say("oddLine", i + 1, say(part), line.slice(0, 80)));
  });
  PARTS.filter(name => !met.has(name)).forEach(name => faults.push(say("noPart", say(name))));
  found.open = found.open.replace(/^\s*–\s*$/, "").trim();
  found.meeting = Number(title?.slice(1).find(Boolean) ?? 0);
  return { found, faults };
}
