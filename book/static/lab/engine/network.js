// A multilayer perceptron with its gradients by hand. A batch is a Float64Array of n rows in turn.

// out (rows, cols) += a (rows, inner) · b (inner, cols). The pairs of steps say how far apart the
// rows and the columns of `a` and of `b` lie, so that a transposed matrix needs no copy. For speed,
// two rows and four columns are made at once; at an edge with fewer, the last one is made again.
function addProduct(out, [rows, inner, cols], a, [aRow, aCol], b, [bRow, bCol]) {
  for (let r = 0; r < rows; r += 2) {
    const down = r + 1 < rows ? 1 : 0;
    for (let c = 0; c < cols; c += 4) {
      const x1 = c + 1 < cols ? 1 : 0;
      const x2 = c + 2 < cols ? 2 : x1;
      const x3 = c + 3 < cols ? 3 : x2;
      const to = r * cols + c;
      const below = to + down * cols;
      let s0 = out[to];
      let s1 = out[to + x1];
      let s2 = out[to + x2];
      let s3 = out[to + x3];
      let t0 = out[below];
      let t1 = out[below + x1];
      let t2 = out[below + x2];
      let t3 = out[below + x3];
      const aDown = down * aRow;
      let at = r * aRow;
      let bt = c * bCol;
      const b1 = x1 * bCol;
      const b2 = x2 * bCol;
      const b3 = x3 * bCol;
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

const ONE = new Float64Array([1]); // a matrix of ones, if its steps are [0, 0]

// An array of zeros of a layer's own, which serves again: new ones cost time. None leaves.
function own(layer, name, length) {
  const fits = layer[name]?.length === length;
  layer[name] = fits ? layer[name].fill(0) : new Float64Array(length);
  return layer[name];
}

// Turn sums into activations, and write down the slope of each, for the way back.
function activate(kind, sums, slopes) {
  for (let k = 0; k < sums.length; k++) {
    const sum = sums[k];
    slopes[k] = kind === "sine" ? Math.cos(sum) : kind === "none" || sum > 0 ? 1 : 0.2;
    sums[k] = kind === "sine" ? Math.sin(sum) : sum * slopes[k];
  }
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
    this.layers.forEach((layer, k) => {
      const { inputs, outputs, w, b } = layer;
      const sums = own(layer, "sums", this.n * outputs);
      addProduct(sums, [this.n, 1, outputs], ONE, [0, 0], b, [0, 1]);
      addProduct(sums, [this.n, inputs, outputs], this.values[k], [inputs, 1], w, [outputs, 1]);
      this.values.push(sums);
      activate(layer.kind, sums, own(layer, "slopes", sums.length));
    });
    return this.values.at(-1).slice();
  }

  // The chain rule, last layer first: from the gradient at the outputs of the last forward pass to
  // the one at its points. With `learn` the weights' gradients are added to `grads`. With `depth`
  // it starts behind so many layers: for the codes of an autoencoder.
  backward(gradient, learn, depth = this.layers.length) {
    const { n, values, layers } = this;
    let delta = gradient.slice();
    for (let k = depth - 1; k >= 0; k--) {
      const { inputs, outputs, w, dw, db, slopes } = layers[k];
      timesEach(delta, slopes);
      layers[k].delta = delta;
      if (learn) {
        addProduct(dw, [inputs, n, outputs], values[k], [1, inputs], delta, [outputs, 1]);
        addProduct(db, [1, n, outputs], ONE, [0, 0], delta, [outputs, 1]);
      }
      const below = own(layers[k], "below", n * inputs);
      addProduct(below, [n, outputs, inputs], delta, [outputs, 1], w, [1, outputs]);
      delta = below;
    }
    return delta.slice();
  }

  // Second derivatives, for a loss that contains the slopes ∂f/∂x of the last backward pass; `v` is
  // its gradient at them. As leaky ReLU is made of straight lines, the sum v·∂f/∂x is what the
  // network, without biases, makes of v: so v runs forward and meets the gradients of that pass.
  addSlopeGradient(v) {
    this.layers.reduce((signal, layer) => {
      const { inputs, outputs, w, dw, slopes, delta } = layer;
      addProduct(dw, [inputs, this.n, outputs], signal, [1, inputs], delta, [outputs, 1]);
      const next = own(layer, "next", this.n * outputs);
      addProduct(next, [this.n, inputs, outputs], signal, [inputs, 1], w, [outputs, 1]);
      return timesEach(next, slopes);
    }, v);
  }
}
