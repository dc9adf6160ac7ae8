// Random numbers from a seed (mulberry32). Each purpose has a stream of its own: the noise of a run
// does not change when its data or its weights draw more numbers.
export class Rng {
  constructor(seed, purpose) {
    this.state = 0x811c9dc5;
    for (const letter of `${seed} ${purpose}`) {
      this.state = Math.imul(this.state ^ letter.charCodeAt(0), 0x01000193);
    }
  }

  uniform() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  }

  normal() {
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(count) {
    return new Float64Array(count).map(() => this.normal());
  }
}
