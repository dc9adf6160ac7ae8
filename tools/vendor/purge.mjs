// Cut the theme's style sheets down to the rules that some page of the site uses: from 64 KB (compressed) to about 15.
//   node purge.mjs SITE
import { readFile, writeFile } from "node:fs/promises";
import { PurgeCSS } from "purgecss";

const site = process.argv[2];
const sheets = ["styles/pydata-sphinx-theme.css", "styles/sphinx-book-theme.css", "sphinx-design.min.css", "basic.css"];
// Scripts add and remove classes too, so their words count as used.
const content = [`${site}/**/*.html`, `${site}/_static/**/*.js`];
for (const sheet of sheets) {
  const file = `${site}/_static/${sheet}`;
  const [{ css }] = await new PurgeCSS().purge({ content, css: [{ raw: await readFile(file, "utf8") }] });
  await writeFile(file, css);
}
