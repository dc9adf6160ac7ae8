// Join the modules of the meeting room, the predictions, "My course" and "My run fails" into one plain script each:
// smaller, and a page that is opened from a folder may load no modules.
//   node scripts.mjs SITE
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const statics = join(process.argv[2], "_static"), folder = join(statics, "meet");
const pages = ["room.js", "predict.js", "mine.js"], made = "parts.js";
await build({
  entryPoints: [...pages.map(name => join(folder, name)), join(statics, "diagnosis.js")],
  outdir: statics, outbase: statics, allowOverwrite: true, bundle: true, minify: true, format: "iife", charset: "utf8", target: "es2022", logLevel: "error",
});
const parts = (await readdir(folder)).filter(name => name.endsWith(".js") && ![...pages, made].includes(name));
await Promise.all(parts.map(name => rm(join(folder, name))));
