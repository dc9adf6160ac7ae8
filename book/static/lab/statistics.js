// Means over runs with 95 % intervals: Student's t, as scipy.stats.t.interval gives it.
const T = [NaN, NaN, 12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646];  // 97.5 % quantile for n runs

// Return {n, mean, low, high}; values that are null or not finite are left out, and one run has no interval.
// `least` and `most` are the ends of what is possible, where the interval is cut off.
export function summary(values, least = -Infinity, most = Infinity) {
  const kept = values.filter(value => value !== null && Number.isFinite(value)), n = kept.length;
  if (!n) return null;
  const mean = kept.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { n, mean, low: null, high: null };
  const spread = Math.sqrt(kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = T[n] * spread / Math.sqrt(n);
  return { n, mean, low: Math.max(least, mean - half), high: Math.min(most, mean + half) };
}

// Which of the answers to a question a mean falls into, and which others its interval reaches. Each answer but the last
// ends `below` a number. A value without an interval is a plain count.
export function verdict(answers, { mean, low, high }) {
  const at = number => answers.findIndex(({ below }) => below === undefined || number < below), right = answers[at(mean)];
  const others = (low ?? null) === null ? [] : answers.slice(at(low), at(high) + 1).filter(answer => answer !== right);
  return { right, others };
}
