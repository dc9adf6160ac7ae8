// Make a site's style sheets light: give each page one sheet in place of eleven, as it is shown only when all of them
// have come, and take into it only the rules that some page uses (28 KB, compressed, in place of 90).
//   node styles.mjs SITE
import { createHash } from "node:crypto";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { PurgeCSS } from "purgecss";

const site = process.argv[2], folder = join(site, "_static");
// Scripts add and remove classes too, so their words count as used.
const content = [`${site}/**/*.html`, `${site}/_static/**/*.js`];

// A part of esbuild: cut what others wrote; course.css is our own, and whole.
async function cutSheet({ path }) {
  if (basename(path) === "course.css") return undefined;
  const [{ css }] = await new PurgeCSS().purge({ content, css: [{ raw: await readFile(path, "utf8") }] });
  return { contents: css, loader: "css" };
}
const cut = { name: "cut", setup: ({ onLoad }) => onLoad({ filter: /\.css$/ }, cutSheet) };

const LINK = /<link\b[^>]*\brel="stylesheet"[^>]*>\s*/g;
const files = ["png", "svg", "ttf", "woff", "woff2"];  // stay where they are
const joined = new Map(), used = new Set();

// Join sheets, given by their paths below _static; return the name of the file that holds all of them.
async function joinSheets(paths) {
  const { outputFiles } = await build({
    stdin: { contents: paths.map(path => `@import "./${path}";`).join("\n"), loader: "css", resolveDir: folder },
    plugins: [cut], bundle: true, minify: true, write: false, charset: "utf8", logLevel: "error",
    outdir: folder, outbase: folder, assetNames: "[dir]/[name]",
    loader: Object.fromEntries(files.map(ending => ["." + ending, "file"])),
  });
  const css = outputFiles.find(file => file.path.endsWith(".css")).text;
  const name = `all.${createHash("sha256").update(css).digest("hex").slice(0, 16)}.css`;
  await writeFile(join(folder, name), css);
  return name;
}

for (const name of await readdir(site, { recursive: true })) {
  if (!name.endsWith(".html") || name.startsWith("_static")) continue;
  const page = await readFile(join(site, name), "utf8"), links = page.match(LINK) ?? [];
  const parts = links.map(link => /href="([^"?]*)_static\/([^"?]+)/.exec(link)), key = parts.map(part => part?.[2]).join();
  if (links.length < 2 || parts.includes(null)) {
    parts.forEach(part => used.add(part?.[2]));  // a page of an earlier build
    continue;
  }
  if (!joined.has(key)) joined.set(key, await joinSheets(parts.map(part => part[2])));
  used.add(joined.get(key));
  const one = `<link rel="stylesheet" href="${parts[0][1]}_static/${joined.get(key)}" />\n`;
  let first = true;
  await writeFile(join(site, name), page.replace(LINK, () => (first ? ((first = false), one) : "")));
}
const old = (await readdir(folder)).filter(name => /^all\..*css$/.test(name) && !used.has(name));
await Promise.all(old.map(name => rm(join(folder, name))));
