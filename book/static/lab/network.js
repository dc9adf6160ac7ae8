// Random numbers from a seed, a multilayer perceptron with its gradients by hand, and Adam.
// A batch is a Float64Array: n rows, one after the other.

// A stream of random numbers (mulberry32), started from a seed and the name of what it is for:
// the noise of a run does not change when its data or its weights draw more numbers.
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

  integer(below) {
    return Math.floor(this.uniform() * below);
  }

  normal() {
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(out) {
    for (let k = 0; k < out.length; k++) {
      out[k] = this.normal();
    }
    return out;
  }
}

// out (rows, cols) += a (rows, inner) · b (inner, cols). The pairs of steps say how far apart the
// rows and the columns of `a` and of `b` lie, so that a transposed matrix needs no copy.
function addProduct(out, [rows, inner, cols], a, [aRow, aCol], b, [bRow, bCol]) {
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < inner; i += 4) {
      const left = inner - i;
      const start = r * aRow + i * aCol;
      const a0 = a[start];
      const a1 = left > 1 ? a[start + aCol] : 0;
      const a2 = left > 2 ? a[start + 2 * aCol] : 0;
      const a3 = left > 3 ? a[start + 3 * aCol] : 0;
      const b1 = left > 1 ? bRow : 0;
      const b2 = left > 2 ? 2 * bRow : 0;
      const b3 = left > 3 ? 3 * bRow : 0;
      for (let c = 0, at = i * bRow; c < cols; c++, at += bCol) {
        out[r * cols + c] += a0 * b[at] + a1 * b[at + b1] + a2 * b[at + b2] + a3 * b[at + b3];
      }
    }
  }
}

// Turn sums into activations, and keep the slope of each for the way back.
function activate(kind, sums, slopes, count) {
  for (let k = 0; k < count; k++) {
    const sum = sums[k];
    slopes[k] = kind === "sine" ? Math.cos(sum) : kind === "none" || sum > 0 ? 1 : 0.2;
    sums[k] = kind === "sine" ? Math.sin(sum) : sum * slopes[k];
  }
}

// A multilayer perceptron, by default with leaky ReLU. All weights lie in one array, layer by
// layer: the matrix (inputs, outputs), then the bias; they start as those of torch.nn.Linear.
export class Mlp {
  constructor(sizes, rng, kinds = sizes.slice(2).map(() => "leaky").concat("none")) {
    const count = sizes.slice(1).reduce((sum, outputs, k) => sum + (sizes[k] + 1) * outputs, 0);
    [this.weights, this.grads] = [new Float64Array(count), new Float64Array(count)];
    [this.sizes, this.room] = [sizes, 0];
    let end = 0;
    this.layers = kinds.map((kind, k) => {
      const [start, inputs, outputs] = [end, sizes[k], sizes[k + 1]];
      const bias = start + inputs * outputs;
      end = bias + outputs;
      const parts = (all) => [all.subarray(start, bias), all.subarray(bias, end)];
      const [w, b] = parts(this.weights);
      const [dw, db] = parts(this.grads);
      [w, b].forEach((part) => part.forEach((_, at) => {
        part[at] = (2 * rng.uniform() - 1) / Math.sqrt(inputs);
      }));
      return { kind, inputs, outputs, w, b, dw, db };
    });
  }

  // Outputs (n, outputs) at x (n, inputs); the next call overwrites them.
  forward(x, n) {
    if (n > this.room) {
      const empty = () => this.sizes.map((size) => new Float64Array(n * size));
      [this.values, this.slopes, this.deltas, this.room] = [empty(), empty(), empty(), n];
    }
    this.values[0].set(x);
    this.layers.forEach(({ kind, inputs, outputs, w, b }, k) => {
      const sums = this.values[k + 1];
      for (let r = 0; r < n; r++) {
        sums.set(b, r * outputs);
      }
      const shape = [n, inputs, outputs];
      addProduct(sums, shape, this.values[k], [inputs, 1], w, [outputs, 1]);
      activate(kind, sums, this.slopes[k + 1], n * outputs);
    });
    return this.values.at(-1).subarray(0, n * this.sizes.at(-1));
  }

  // The chain rule, last layer first: from the gradient at the outputs of the last forward pass to
  // the one at its inputs. With `learn` the weights' gradients are added to `grads`. With `depth`
  // it starts behind so many layers: for the codes of an autoencoder.
  backward(gradient, n, learn, depth = this.layers.length) {
    this.deltas[depth].set(gradient);
    for (let k = depth - 1; k >= 0; k--) {
      const { inputs, outputs, w, dw, db } = this.layers[k];
      const [delta, slopes, below] = [this.deltas[k + 1], this.slopes[k + 1], this.deltas[k]];
      for (let at = 0; at < n * outputs; at++) {
        delta[at] *= slopes[at];
      }
      if (learn) {
        addProduct(dw, [inputs, n, outputs], this.values[k], [1, inputs], delta, [outputs, 1]);
        addProduct(db, [1, n, outputs], this.slopes[0].fill(1), [0, 1], delta, [outputs, 1]);
      }
      below.fill(0, 0, n * inputs);
      addProduct(below, [n, outputs, inputs], delta, [outputs, 1], w, [1, outputs]);
    }
    return this.deltas[0].subarray(0, n * this.sizes[0]);
  }

  // Second derivatives, for a loss that contains the slopes ∂f/∂x which the last backward pass
  // returned. `v` is the loss's gradient at them. As leaky ReLU is made of straight lines, the sum
  // v·∂f/∂x is what the network, without biases, makes of v: so v runs forward through the layers
  // and meets the gradients of that pass.
  addSlopeGradient(v, n) {
    let signal = v;
    this.layers.forEach(({ inputs, outputs, w, dw }, k) => {
      const [delta, next] = [this.deltas[k + 1], this.values[k + 1]];
      addProduct(dw, [inputs, n, outputs], signal, [1, inputs], delta, [outputs, 1]);
      next.fill(0);
      addProduct(next, [n, inputs, outputs], signal, [inputs, 1], w, [outputs, 1]);
      next.forEach((value, at) => (next[at] = value * this.slopes[k + 1][at]));
      signal = next;
    });
  }
}

// Adam (Kingma and Ba, 2015): move `weights` against `grads`, then set those back to zero.
export class Adam {
  constructor({ weights, grads }, beta1, beta2 = 0.999) {
    Object.assign(this, { weights, grads, beta1, beta2, steps: 0 });
    [this.mean, this.square] = [grads.slice().fill(0), grads.slice().fill(0)];
  }

  step(rate) {
    const { weights, grads, mean, square, beta1, beta2 } = this;
    this.steps += 1;
    const [first, second] = [1 - beta1 ** this.steps, 1 - beta2 ** this.steps];
    for (let k = 0; k < grads.length; k++) {
      mean[k] = beta1 * mean[k] + (1 - beta1) * grads[k];
      square[k] = beta2 * square[k] + (1 - beta2) * grads[k] ** 2;
      weights[k] -= (rate * mean[k]) / first / (Math.sqrt(square[k] / second) + 1e-8);
      grads[k] = 0;
    }
  }
}
