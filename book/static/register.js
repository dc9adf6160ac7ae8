// The register of claims: show only those whose words, chapter or verdict are asked for.
const box = document.querySelector(".register-filter");
const words = box.querySelector("input[type=search]");
const failed = box.querySelector("input[type=checkbox]");
const said = box.querySelector("output");
const rows = [...document.querySelectorAll("table.register tr[id], table.register tr[data-again]")];

function show() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const section = row.closest("section");
    const text = `${section.querySelector("h2").textContent} ${row.textContent}`.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word)) || (failed.checked && !row.matches(".failed"));
    count += !row.hidden;
  }
  for (const table of document.querySelectorAll("table.register:not(.answers)")) {
    const section = table.closest("section");
    section.hidden = ![...table.querySelectorAll("tr[id], tr[data-again]")].some((row) => !row.hidden);
  }
  said.textContent = wanted.length || failed.checked ? `${count} claims` : "";
}

box.hidden = false;
box.addEventListener("input", show);
show();
