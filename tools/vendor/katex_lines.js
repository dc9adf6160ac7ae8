// Sets formulas while the site is built: one JSON request a line on standard input, one JSON answer a line on
// standard output. It ends when its input does, so a failed build leaves no process behind.
"use strict";
const katex = require("katex");
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", line => {
  const { latex, displayMode } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ html: katex.renderToString(latex, { displayMode, throwOnError: true }) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
});
