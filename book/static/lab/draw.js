// Pictures of runs: a plane with samples and landscape, a circle of embeddings, curves over steps, bars of a tally.
import { short, WORDS } from "./words.js";

// The colours of the page as it looks now, light or dark.
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim();
  return {
    real: colour("--real"), fake: colour("--fake"), energy: colour("--energy"),
    text: colour("--pst-color-text-base"), line: colour("--pst-color-border"),
    font: getComputedStyle(document.body).fontFamily,
  };
}

// Make a canvas sharp on this screen; return its context and its side in CSS pixels.
function fresh(canvas) {
  const side = canvas.clientWidth, dense = window.devicePixelRatio || 1;
  const pixels = Math.max(1, Math.round(side * dense));
  if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
  const context = canvas.getContext("2d");
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, side, side);
  return [context, side];
}

// Green where the discriminator takes a point for real: a high probability or score, or a low energy.
function drawLandscape(context, side, run, colours, lowIsReal) {
  const { landscape, size } = run;
  const low = landscape.reduce((a, b) => Math.min(a, b)), high = landscape.reduce((a, b) => Math.max(a, b));
  const sheet = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const image = new ImageData(size, size), [red, green, blue] = rgb(colours.energy);
  for (let i = 0; i < landscape.length; i++) {
    const share = high > low ? (landscape[i] - low) / (high - low) : 0.5;
    image.data[4 * i] = red;
    image.data[4 * i + 1] = green;
    image.data[4 * i + 2] = blue;
    image.data[4 * i + 3] = 190 * (lowIsReal ? 1 - share : share);
  }
  sheet.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(sheet, 0, 0, side, side);
}

function rgb(colour) {
  const number = parseInt(colour.slice(1), 16);
  return [number >> 16, number >> 8 & 255, number & 255];
}

// Real samples are rings, generated ones are discs: shape tells them apart where colour does not.
function drawPoints(context, side, run, colours) {
  const place = x => (x / run.reach + 1) / 2 * side, radius = Math.max(1.2, side / 170);
  const path = points => {  // one for all points: much faster than one for each
    context.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      const x = place(points[i]), y = side - place(points[i + 1]);
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 7);
    }
  };
  context.lineWidth = Math.max(0.6, side / 400);
  context.strokeStyle = colours.real;
  path(run.real);
  context.stroke();
  context.fillStyle = colours.fake;
  path(run.fake);
  context.fill();
}

function drawArrows(context, side, run, colours) {
  const place = x => (x / run.reach + 1) / 2 * side, { arrows } = run;
  let longest = 0;
  for (let i = 0; i < arrows.length; i += 4) longest = Math.max(longest, Math.hypot(arrows[i + 2], arrows[i + 3]));
  const stretch = longest ? side / 8 / longest : 0;
  context.strokeStyle = colours.text;
  context.lineWidth = 1.4;
  for (let i = 0; i < arrows.length; i += 4) {
    const x = place(arrows[i]), y = side - place(arrows[i + 1]);
    const dx = arrows[i + 2] * stretch, dy = -arrows[i + 3] * stretch, tip = 0.3;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    context.moveTo(x + dx - tip * (dx - dy), y + dy - tip * (dy + dx));
    context.lineTo(x + dx, y + dy);
    context.lineTo(x + dx - tip * (dx + dy), y + dy - tip * (dy - dx));
    context.stroke();
  }
}

// `show`: {landscape, arrows, lowIsReal, stamp: [x, y] | null}
export function drawPlane(canvas, run, show, colours) {
  const [context, side] = fresh(canvas);
  if (show.landscape) drawLandscape(context, side, run, colours, show.lowIsReal);
  drawPoints(context, side, run, colours);
  if (show.arrows && run.arrows) drawArrows(context, side, run, colours);
  if (show.stamp) {
    const place = x => (x / run.reach + 1) / 2 * side;
    context.strokeStyle = colours.text;
    context.lineWidth = 2;
    context.strokeRect(place(show.stamp[0]) - 9, side - place(show.stamp[1]) - 9, 18, 18);
  }
}

// Embeddings on the circle, the label written at each point.
export function drawCircle(canvas, run, colours) {
  const [context, side] = fresh(canvas), middle = side / 2, radius = side * 0.38;
  const { train, labels } = run.embeddings, kinds = ["real", "fake", "energy", "text"];
  context.strokeStyle = colours.line;
  context.beginPath();
  context.arc(middle, middle, radius, 0, 7);
  context.stroke();
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `600 ${Math.max(8, side / 26)}px ${colours.font}`;
  train.forEach((angle, i) => {
    const out = radius * (1 + 0.05 * (i % 5 - 2));  // or equal embeddings would hide each other
    context.fillStyle = colours[kinds[labels[i] % kinds.length]];
    context.fillText(labels[i], middle + out * Math.cos(angle), middle - out * Math.sin(angle));
  });
}

const WIDTH = 300, HEIGHT = 130, LEFT = 40, BELOW = 20;

// An SVG of lines over steps. `lines`: [{name, kind, points: [[step, {mean, low, high}]]}]; `levels`: [{name, value}];
// `range`: the lower end, the upper end, and the largest value, which is written at the axis.
export function curves(title, lines, levels = [], range = null) {
  const points = lines.flatMap(line => line.points);
  if (!points.length) return "";
  const last = Math.max(1, ...points.map(([step]) => step));
  const means = points.flatMap(([, { mean, low, high }]) => [mean, low ?? mean, high ?? mean]);
  const shown = levels.filter(({ value }) => means.length && value < 3 * Math.max(...means.map(Math.abs)) + 1);
  const all = range ?? [Math.min(0, ...means), Math.max(1e-9, ...means, ...shown.map(({ value }) => value)) * 1.05];
  const x = step => LEFT + step / last * (WIDTH - LEFT - 6);
  const y = value => (HEIGHT - BELOW) - (value - all[0]) / (all[1] - all[0]) * (HEIGHT - BELOW - 8);
  const path = (pairs, at) => pairs.map(([step, s]) => `${x(step).toFixed(1)},${y(at(s)).toFixed(1)}`);
  const band = ({ kind, points }) => {
    const wide = points.filter(([, s]) => s.low !== null);
    if (wide.length < 2) return "";
    const edge = [...path(wide, s => s.high), ...path(wide.toReversed(), s => s.low)];
    return `<polygon class="band ${kind}" points="${edge.join(" ")}"/>`;
  };
  const line = ({ kind, points }) => `<polyline class="${kind}" points="${path(points, s => s.mean).join(" ")}"/>`;
  const level = ({ name, value }) => `<line class="level" x1="${LEFT}" x2="${WIDTH - 6}" y1="${y(value)}" y2="${y(value)}"/>`
    + `<text x="${WIDTH - 8}" y="${y(value) - 3}" text-anchor="end">${name}</text>`;
  const tick = value => `<text x="${LEFT - 4}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`;
  const says = lines.filter(one => one.points.length).map(one => `${one.name} ${short(one.points.at(-1)[1].mean)}`);
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${WORDS.chart(title, last, says.join(", "))}">`
    + `<path class="axis" d="M${LEFT},8 V${HEIGHT - BELOW} H${WIDTH - 6}"/>${tick(all[0])}${tick(range ? range[2] : all[1])}`
    + `<text x="${WIDTH - 6}" y="${HEIGHT - 5}" text-anchor="end">${WORDS.chart_step(last)}</text>`
    + `${lines.map(band).join("")}${shown.map(level).join("")}${lines.map(line).join("")}</svg>`;
}

// An SVG of bars, one for each number from 0 on, with a mark where each is expected. `says(k, n, seen, expected)` is
// what a screen reader hears of one.
export function bars(title, seen, expected, says) {
  const most = Math.max(...seen, ...expected) * 1.15, n = seen.length - 1, step = (WIDTH - LEFT) / seen.length;
  const y = value => (HEIGHT - BELOW) - value / most * (HEIGHT - BELOW - 8), x = k => LEFT + k * step;
  const bar = (value, k) => `<rect x="${x(k) + 0.15 * step}" y="${y(value)}" width="${0.7 * step}" height="${HEIGHT - BELOW - y(value)}"/>`;
  const mark = (value, k) => `<line class="coins" x1="${x(k)}" x2="${x(k) + step}" y1="${y(value)}" y2="${y(value)}"/>`;
  const name = k => `<text x="${x(k) + step / 2}" y="${HEIGHT - 5}" text-anchor="middle">${k}</text>`;
  const count = (value, k) => value ? `<text x="${x(k) + step / 2}" y="${y(Math.max(value, expected[k])) - 3}" text-anchor="middle">${value}</text>` : "";
  const heard = seen.map((value, k) => says(k, n, value, short(expected[k])));
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}. ${heard.join("; ")}">${seen.map(bar).join("")}`
    + `${expected.map(mark).join("")}${seen.map(count).join("")}${seen.map((_, k) => n <= 16 || k % 4 === 0 ? name(k) : "").join("")}</svg>`;
}
