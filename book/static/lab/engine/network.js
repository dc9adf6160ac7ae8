// A multilayer perceptron with its gradients by hand. A batch is a Float64Array: n rows,
// one after the other.

// out (rows, cols) += a (rows, inner) · b (inner, cols). The pairs of steps say how far apart the
// rows and the columns of `a` and of `b` lie, so that a transposed matrix needs no copy. Two rows
// and four columns are made at once, for speed: each number that is fetched then serves more than
// once. At an edge, where there are fewer, the last one is made again.
function addProduct(out, [rows, inner, cols], a, [aRow, aCol], b, [bRow, bCol]) {
  for (let r = 0; r < rows; r += 2) {
    const down = r + 1 < rows ? 1 : 0;
    for (let c = 0; c < cols; c += 4) {
      const x1 = c + 1 < cols ? 1 : 0;
      const x2 = c + 2 < cols ? 2 : x1;
      const x3 = c + 3 < cols ? 3 : x2;
      const [to, below] = [r * cols + c, (r + down) * cols + c];
      let s0 = out[to];
      let s1 = out[to + x1];
      let s2 = out[to + x2];
      let s3 = out[to + x3];
      let t0 = out[below];
      let t1 = out[below + x1];
      let t2 = out[below + x2];
      let t3 = out[below + x3];
      let at = r * aRow;
      let bt = c * bCol;
      const aDown = down * aRow;
      const [b1, b2, b3] = [x1 * bCol, x2 * bCol, x3 * bCol];
      for (let i = 0; i < inner; i++) {
        const y0 = a[at];
        const y1 = a[at + aDown];
        const z0 = b[bt];
        const z1 = b[bt + b1];
        const z2 = b[bt + b2];
        const z3 = b[bt + b3];
        s0 += y0 * z0;
        s1 += y0 * z1;
        s2 += y0 * z2;
        s3 += y0 * z3;
        t0 += y1 * z0;
        t1 += y1 * z1;
        t2 += y1 * z2;
        t3 += y1 * z3;
        at += aCol;
        bt += bRow;
      }
      out[to] = s0;
      out[to + x1] = s1;
      out[to + x2] = s2;
      out[to + x3] = s3;
      out[below] = t0;
      out[below + x1] = t1;
      out[below + x2] = t2;
      out[below + x3] = t3;
    }
  }
}

// Turn sums into activations; returns the slope of each, for the way back.
function activate(kind, sums) {
  const slopes = new Float64Array(sums.length);
  for (let k = 0; k < sums.length; k++) {
    const sum = sums[k];
    slopes[k] = kind === "sine" ? Math.cos(sum) : kind === "none" || sum > 0 ? 1 : 0.2;
    sums[k] = kind === "sine" ? Math.sin(sum) : sum * slopes[k];
  }
  return slopes;
}

function timesEach(values, factors) {
  for (let k = 0; k < values.length; k++) {
    values[k] *= factors[k];
  }
  return values;
}

// By default with leaky ReLU. All weights lie in one array, layer by layer: the matrix (inputs,
// outputs), then the bias; they start as those of torch.nn.Linear.
export class Mlp {
  constructor(sizes, rng, kinds = [...sizes.slice(2).map(() => "leaky"), "none"]) {
    const starts = [0];
    kinds.forEach((_, k) => starts.push(starts[k] + (sizes[k] + 1) * sizes[k + 1]));
    this.weights = new Float64Array(starts.at(-1));
    this.grads = new Float64Array(starts.at(-1));
    this.layers = kinds.map((kind, k) => {
      const [inputs, outputs, start, end] = [sizes[k], sizes[k + 1], starts[k], starts[k + 1]];
      for (let at = start; at < end; at++) {
        this.weights[at] = (2 * rng.uniform() - 1) / Math.sqrt(inputs);
      }
      const cut = (all) => [all.subarray(start, end - outputs), all.subarray(end - outputs, end)];
      const [[w, b], [dw, db]] = [cut(this.weights), cut(this.grads)];
      return { kind, inputs, outputs, w, b, dw, db };
    });
  }

  // Outputs at points; what the layers made on the way stays, for the way back.
  forward(points) {
    this.n = points.length / this.layers[0].inputs;
    this.values = [points];
    this.slopes = this.layers.map(({ kind, inputs, outputs, w, b }, k) => {
      const sums = new Float64Array(this.n * outputs);
      for (let at = 0; at < sums.length; at += outputs) {
        sums.set(b, at);
      }
      addProduct(sums, [this.n, inputs, outputs], this.values[k], [inputs, 1], w, [outputs, 1]);
      this.values.push(sums);
      return activate(kind, sums);
    });
    return this.values.at(-1);
  }

  // The chain rule, last layer first: from the gradient at the outputs of the last forward pass to
  // the one at its points. With `learn` the weights' gradients are added to `grads`. With `depth`
  // it starts behind so many layers: for the codes of an autoencoder.
  backward(gradient, learn, depth = this.layers.length) {
    const { n, values, slopes } = this;
    this.deltas = [];
    let below = gradient.slice();
    for (let k = depth - 1; k >= 0; k--) {
      const { inputs, outputs, w, dw, db } = this.layers[k];
      const delta = timesEach(below, slopes[k]);
      this.deltas[k] = delta;
      if (learn) {
        addProduct(dw, [inputs, n, outputs], values[k], [1, inputs], delta, [outputs, 1]);
        for (let at = 0; at < delta.length; at++) {
          db[at % outputs] += delta[at];
        }
      }
      below = new Float64Array(n * inputs);
      addProduct(below, [n, outputs, inputs], delta, [outputs, 1], w, [1, outputs]);
    }
    return below;
  }

  // Second derivatives, for a loss that contains the slopes ∂f/∂x which the last backward pass
  // returned. `v` is the loss's gradient at them. As leaky ReLU is made of straight lines, the sum
  // v·∂f/∂x is what the network, without biases, makes of v: so v runs forward through the layers
  // and meets the gradients of that pass.
  addSlopeGradient(v) {
    this.layers.reduce((signal, { inputs, outputs, w, dw }, k) => {
      const [n, delta] = [this.n, this.deltas[k]];
      addProduct(dw, [inputs, n, outputs], signal, [1, inputs], delta, [outputs, 1]);
      const next = new Float64Array(n * outputs);
      addProduct(next, [n, inputs, outputs], signal, [inputs, 1], w, [outputs, 1]);
      return timesEach(next, this.slopes[k]);
    }, v);
  }
}
