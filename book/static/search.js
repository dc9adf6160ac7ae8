// The search page: ranks the sections that tools/search_sections.py has put into INDEX. Nothing leaves the browser.
"use strict";

// ---------------------------------------------------------------------------------------------- words
const WORD = /[\p{L}\p{N}]+(?:\.\d+)*/gu, ALL = /[\p{L}\p{N}]+(?:\.\d+)*|[^\p{L}\p{N}]+/gu;
const isKorean = word => /[가-힣]/.test(word);

// Without accents, British or American, singular or plural, verb or noun: enough for the words of this course.
function stem(text) {
  const word = text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "").normalize("NFC");
  if (isKorean(word) || word.length < 4 || /\d/.test(word)) return word;
  return word.replace(/is(?=(e|ed|es|ing|ations?|er)$)/, "iz").replace(/ou(?=r)/, "o").replace(/ence$/, "ense")
    .replace(/(?:ations?|ing|ies|ed|es|s|e)$/, "").replace(/(.)\1$/, "$1");
}
const wordsOf = text => (text.replace(/['’]s\b/g, "").match(WORD) ?? []).map(stem);
const line = words => ` ${words.join(" ")} `;  // so that a phrase is found as a part of it

// ---------------------------------------------------------------------------------------------- ranking
function prepare({ sections, names }) {
  const parts = sections.map(([address, heading, page, text, weight]) => {
    const counts = new Map(), body = wordsOf(text), head = wordsOf(heading), name = line(wordsOf(heading.replace(/ \(.*\)$/, "")));
    body.forEach(word => counts.set(word, (counts.get(word) ?? 0) + 1));
    return { address, heading, page, text, weight, counts, head, name, body: line(body), length: body.length, title: wordsOf(page) };
  });
  const sectionsWith = new Map();
  for (const { counts, head } of parts)
    for (const word of new Set([...counts.keys(), ...head])) sectionsWith.set(word, (sectionsWith.get(word) ?? 0) + 1);
  const mean = parts.reduce((sum, { length }) => sum + length, 0) / parts.length;
  return { parts, sectionsWith, mean, names: names.map(group => group.map(wordsOf)) };
}

// What a word of a query may stand for: itself; in Korean all that contains it, as particles are written onto words; and
// where nobody has written it, what begins with it.
function formsOf(word, { sectionsWith }) {
  if (!isKorean(word) && sectionsWith.has(word)) return [word];
  const known = [...sectionsWith.keys()];
  if (!isKorean(word)) return known.filter(one => word.length > 2 && one.startsWith(word));
  for (let part = word; part.length > 1; part = part.slice(0, -1)) {  // a particle, or a word written onto this one
    const forms = known.filter(one => one.includes(part));
    if (forms.length) return forms;
  }
  return known.filter(one => one.includes(word));
}

function termsOf(words, index) {
  return words.map(word => {
    const forms = formsOf(word, index), many = forms.reduce((sum, form) => sum + index.sectionsWith.get(form), 0);
    return { word, forms, rare: Math.log(1 + index.parts.length / (1 + many)) };
  });
}

// Counts of words as in BM25, and more for a heading that has them, above all one that is nothing else.
function scoreOf(part, terms, index) {
  let sum = 0, met = 0;
  for (const { forms, rare } of terms) {
    const count = forms.reduce((all, form) => all + (part.counts.get(form) ?? 0), 0);
    const among = words => forms.some(form => words.includes(form));
    if (count || among(part.head) || among(part.title)) met += 1;
    sum += rare * 2.2 * count / (count + 1.2 * (0.4 + 0.6 * part.length / index.mean));
    sum += rare * ((among(part.head) ? 4 / Math.sqrt(part.head.length) : 0) + (among(part.title) ? 0.5 : 0));
  }
  const asked = line(terms.map(({ word }) => word)), head = line(part.head), several = terms.length > 1;
  const phrase = head === asked || part.name === asked ? 1.8 : several && head.includes(asked) ? 1.4 : several && part.body.includes(asked) ? 1.2 : 1;
  return sum * (met / terms.length) ** 2 * phrase * part.weight;
}

// The words as they were typed, and then with other names of a thing in place of one that was typed.
function waysToAsk(words, names) {
  const ways = [words];
  for (const group of names) {
    const said = group.find(name => line(words).includes(line(name)));
    if (!said) continue;
    const at = words.findIndex((_, i) => said.every((word, k) => words[i + k] === word));
    const others = group.filter(name => line(name) !== line(said));
    ways.push(...others.map(name => [...words.slice(0, at), ...name, ...words.slice(at + said.length)]));
  }
  return ways;
}

function rank(text, index) {
  const typed = wordsOf(text), best = new Map();
  if (!typed.length) return [];
  waysToAsk(typed, index.names).forEach((words, way) => {
    const terms = termsOf(words, index), forms = terms.flatMap(term => term.forms);
    for (const part of index.parts) {
      const score = scoreOf(part, terms, index) * (way ? 0.6 : 1);
      if (score > (best.get(part)?.score ?? 0)) best.set(part, { part, score, forms });
    }
  });
  const found = [...best.values()].sort((a, b) => b.score - a.score);
  return found.filter(({ score }) => score > 0.06 * found[0].score).slice(0, 30);
}

// ---------------------------------------------------------------------------------------------- the page
function element(name, text, more = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...more });
}

// The text around the first word that was meant, with such words marked.
function snippet({ part, forms }) {
  const wanted = new Set(forms), pieces = part.text.match(ALL) ?? [], isMeant = piece => wanted.has(stem(piece));
  const first = Math.max(0, pieces.findIndex(isMeant) - 14), shown = pieces.slice(first, first + 60), box = element("p", "");
  const marked = shown.map(piece => (isMeant(piece) ? element("mark", piece) : piece));
  box.append(first ? "… " : "", ...marked, first + 60 < pieces.length ? " …" : "");
  return box;
}

function show(found, box) {
  const many = `${found.length} ${found.length === 1 ? "section" : "sections"}, the best first.`;
  const said = found.length ? many : "Nothing was found. Try one word, or another name of the thing.";
  const list = element("ol", "", { className: "search" });
  list.append(...found.map(hit => {
    const item = element("li", ""), { address, heading, page } = hit.part;
    item.append(element("a", heading, { href: address }), element("span", page === heading ? "" : page), snippet(hit));
    return item;
  }));
  box.replaceChildren(element("p", said, { role: "status" }), list);
}

// Brings the index, which is heavy, once somebody asks.
function bring(address) {
  return new Promise(resolve => {
    document.head.append(element("script", "", { src: address, onload: () => resolve(prepare(INDEX)) }));
  });
}

function answerSearch(field, box, address) {
  let waiting = 0, index = null;
  const answer = async () => {
    const text = field.value;
    if (!text.trim()) return box.replaceChildren();
    const found = rank(text, await (index ??= bring(address)));
    if (text === field.value) show(found, box);
  };
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  answer();
  field.form.addEventListener("submit", event => { event.preventDefault(); answer(); });
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
      answer();
    }, 150);
  });
}

if (typeof document !== "undefined") {
  const address = new URL("search-index.js", document.currentScript.src).href;
  answerSearch(document.querySelector("main form.bd-search input"), document.getElementById("search-results"), address);
}
