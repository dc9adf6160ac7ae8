// Of many runs: how many pairs of each test were right, beside what tosses of a coin give.
import { Pool } from "./pool.js";

export const MANY = 128;  // runs of a tally
const MOST = 300;  // milliseconds from one sign of progress to the next, or about

// How many pairs of a test are 12.5 %; null where no number is.
export const eighthOf = ({ test }) => test % 8 ? null : test / 8;

// The chances of 0 to n heads in n tosses.
export function binomial(n, chance = 0.5) {
  const chances = [(1 - chance) ** n];
  for (let k = 0; k < n; k++) chances.push(chances[k] * (n - k) / (k + 1) * chance / (1 - chance));
  return chances;
}

// The smallest and the largest count that 95 of 100 tallies give: 2.5 % or less lie beyond each end.
export function likely(runs, chance) {
  const chances = binomial(runs, chance), end = values => {
    let [sum, k] = [values[0], 0];
    while (sum <= 0.025) sum += values[++k];
    return k;
  };
  return [end(chances), runs - end(chances.toReversed())];
}

// Train MANY runs, and return how many of them had 0, 1, 2 ... pairs right. `tell(step)` hears of progress, and says
// whether to go on; if not, nothing is returned.
export async function tally(settings, seeds, steps, tell) {
  const pool = new Pool(settings, seeds, false);
  let runs, step = 0, chunk = 1;
  while (step < steps) {
    if (!tell(step)) return pool.end();
    const start = performance.now();
    runs = await pool.advance(chunk);
    step += chunk;
    const faster = Math.min(4, MOST / (performance.now() - start));
    chunk = Math.min(steps - step, Math.max(1, Math.floor(chunk * faster)));
  }
  pool.end();
  const counts = Array(settings.test + 1).fill(0);
  for (const { metrics } of runs) counts[Math.round(metrics.accuracy * settings.test)] += 1;
  return counts;
}
