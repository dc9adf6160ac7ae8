// Small helpers that make elements.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter(child => child != null && child !== false));
  return element;
}
// Controls have names: when the room is drawn again, the focus goes back to where it was.
export const button = (text, act, more = {}) => h("button", { type: "button", onclick: act, "data-name": text, ...more }, text);

// HTML of the course's own pages; its links open beside the room, so that nobody leaves it by accident.
export function html(text, more = {}) {
  const box = h("div", { lang: document.documentElement.lang, ...more });
  box.append(document.createRange().createContextualFragment(text.replace(/(\d) %/g, "$1\u00a0%")));
  box.querySelectorAll("a[href]").forEach(link => { link.target = "_blank"; });
  return box;
}

// The same without links into chapters: they would lead to what is not revealed yet.
export function sealed(text, more) {
  const box = html(text, more);
  box.querySelectorAll("a[href]").forEach(link => { if (/^\d\d-.*#/.test(link.getAttribute("href"))) link.replaceWith(...link.childNodes); });
  return box;
}

// The sentences of a list to grade.
export const sentencesOf = text => [...html(text).querySelectorAll("li:has(> input, > p > input)")].map(item => item.textContent.trim());

// A control with its name above it.
let count = 0;
export function labelled(text, input) {
  input.id ||= `meet-field-${++count}`;
  return h("div", { class: "meet-field" }, h("label", { for: input.id }, text), input);
}

// A field that is kept at each keystroke. `read` and `write` reach its place in what is remembered.
export function field(label, read, write, { rows = 0, type = "text", ...more } = {}) {
  const input = rows ? h("textarea", { "data-name": label, rows, ...more }) : h("input", { "data-name": label, type, ...more });
  input.value = read();
  input.again = () => { if (document.activeElement !== input) input.value = read(); };
  input.classList.add("meet-bound");
  input.addEventListener("input", () => write(input.value));
  return labelled(label, input);
}
export function select(name, value, options, act, more = {}) {
  return h("select", { "data-name": name, onchange: ({ target }) => act(target.value), ...more },
    options.map(([key, text]) => h("option", { value: key, selected: String(key) === String(value) }, text)));
}
export const choice = (label, value, options, act) => labelled(label, select(label, value, options, act));
export function download(name, text, type) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
