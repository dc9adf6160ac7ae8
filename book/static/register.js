// The register of claims: show only those whose words, chapter or verdict are asked for.
const box = document.querySelector(".register-filter");
const words = box.querySelector("input[type=search]");
const failed = box.querySelector("input[type=checkbox]");
const said = box.querySelector("output");
const rows = [...document.querySelectorAll("table.register tr[id], table.register tr[data-again]")];

// Accents, capitals, and which minus or apostrophe it is make no difference.
const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").normalize("NFC")
  .replace(/[−–]/g, "-").replace(/[‘’]/g, "'").toLowerCase();
// "chapter 5", "chapter 05" and "5장" are one word.
const chapters = (text) => text.replace(/chapter\s*0?(\d+)|0?(\d+)장/g, " #$1$2. ");
const texts = new Map(rows.map((row) => {
  const number = Number(row.querySelector("a").href.match(/(\d\d)-[^/]*$/)[1]);
  return [row, plain(`#${number}. ${row.closest("section").querySelector("h2").textContent} ${row.textContent}`)];
}));

function show() {
  const wanted = chapters(plain(words.value)).split(/[\s,;]+/).filter(Boolean);
  for (const row of rows) {
    const found = wanted.every((word) => texts.get(row).includes(word));
    row.hidden = !found || (failed.checked && !row.matches(".failed"));
  }
  for (const table of document.querySelectorAll("table.register:not(.answers)")) {
    table.closest("section").hidden = !table.querySelector("tr:is([id], [data-again]):not([hidden])");
  }
  const shown = rows.filter((row) => !row.hidden);
  const count = new Set(shown.map((row) => row.querySelector("a").textContent)).size; // what fails stands there twice
  said.textContent = wanted.length || failed.checked ? `${count} found` : "";
}

// A link to what the filter hides ends the filter.
function reveal() {
  const target = document.querySelector(":target");
  if (!target?.closest("[hidden]")) return;
  words.value = "";
  failed.checked = false;
  show();
  target.scrollIntoView();
}

box.hidden = false;
box.addEventListener("input", show);
addEventListener("hashchange", reveal);
show();
