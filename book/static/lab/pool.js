// Runs side by side, shared out among web workers. All runs stand at the same step whenever the page sees them.

const MOST = 4;

export class Pool {
  // `settings` are complete and checked; a seed for each run.
  constructor(settings, seeds, arrows) {
    this.seeds = seeds;
    this.large = seeds[0];
    this.arrows = arrows;
    const count = Math.min(MOST, navigator.hardwareConcurrency || 2, seeds.length);
    this.shares = Array.from({ length: count }, (_, k) => seeds.filter((_, i) => i % count === k));
    this.workers = this.shares.map(() => new Worker(new URL("worker.js", import.meta.url), { type: "module" }));
    this.turn = Promise.resolve();
    this.make = this.shares.map(seeds => ({ settings, seeds }));
    this.over = new Promise(done => this.end = () => done(this.workers.forEach(worker => worker.terminate())));
  }

  // Let every run take steps of "both", "d" or "g"; resolve with what each run looks like then, in the order of seeds,
  // or with nothing if `end` was called meanwhile.
  advance(steps, who = "both") {
    return this.turn = this.turn.then(() => this.#ask(steps, who));
  }

  async #ask(steps, who) {
    const asked = this.workers.map((worker, k) => new Promise((done, failed) => {
      worker.onmessage = ({ data }) => done(data);
      worker.onerror = event => failed(new Error(event.message || "the worker did not start"));
      worker.postMessage({ make: this.make?.[k], steps, who, large: this.large, arrows: this.arrows });
    }));
    this.make = null;
    const answers = await Promise.race([Promise.all(asked), this.over]);
    if (!answers) return undefined;
    this.looked = Math.max(...answers.map(answer => answer.looked));  // milliseconds that pictures of the runs took
    const seen = new Map(answers.flatMap(answer => answer.runs).map(run => [run.seed, run]));
    return this.seeds.map(seed => seen.get(seed));
  }
}
