// What a loss reads where all outputs of a network are equal, and floors: for the page "My run fails" and for the
// lab's curves. The formulas are those of helpers/figures/levels.py; a test compares both.
const softplus = t => Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t)));
export const LEVELS = {
  gan_d_loss: () => Math.log(4),
  gan_g_loss: () => Math.log(2),
  hinge_d_loss: () => 2,
  ebgan_d_loss: ({ margin }) => margin,
  cross_entropy: ({ classes }) => Math.log(classes),
  nt_xent: ({ batch }) => Math.log(2 * batch - 1),
  scaled_sup_con: ({ batch, temperature }) => temperature / 0.07 * Math.log(2 * batch - 1),
  info_nce: ({ batch }) => Math.log(batch),
  queue: ({ queue }) => Math.log(queue + 1),
  triplet_loss: ({ margin }) => margin,
  soft_margin_triplet_loss: () => Math.log(2),
  pair_margin_loss: ({ margin, same }) => (1 - same) * margin ** 2,
  equal_distances: ({ margin, same }) => same * (1 - same) * margin ** 2,
  squared_error: ({ same }) => same * (1 - same),
  cosine_bce: ({ same }) => softplus(1) - same,
  cosine_bce_floor: () => softplus(-1),
  clamp: () => 100,
  clamp_half: () => 50,
  clamp_1e12: () => -Math.log(1e-12),
  clamp_1e7: () => -Math.log(1e-7),
};

const CLOSE = 0.005;  // of the level
export const isClose = (loss, level) => Math.abs(loss - level) <= CLOSE * Math.abs(level);

const GAN = ["undecided", LEVELS.gan_d_loss()];
const EBGAN = settings => [["margin", LEVELS.ebgan_d_loss(settings)]];
const equal = (level, ...floor) => [["equal", level], ...floor.map(value => ["floor", value])];
// The least that NT-Xent can read: all positives equal, and classes at the corners of a regular simplex.
const simplex = (n, temperature) => Math.log1p((2 * n - 2) * Math.exp(-n / (n - 1) / temperature));
const OF_METHOD = {
  gan: () => [GAN, ["generator", LEVELS.gan_g_loss()]],
  gan_saturating: () => [GAN, ["generator_saturating", -LEVELS.gan_g_loss()]],
  ebgan: EBGAN, ebgan_pt: EBGAN, ebgan_pt_unsquared: EBGAN,
  bare_cosine: settings => equal(LEVELS.cosine_bce(settings), LEVELS.cosine_bce_floor()),
  pair_margin: settings => equal(LEVELS.pair_margin_loss(settings), 0),
  triplet: settings => equal(LEVELS.triplet_loss(settings), 0),
  nt_xent: settings => equal(LEVELS.nt_xent(settings), simplex(settings.batch, settings.temperature)),
  sup_con: settings => equal(LEVELS.nt_xent(settings)),
};

// The levels of a run of the lab: [{name, value}]; strings.js says what the names mean.
export function levelsOf({ settings, data: { train } }) {
  const pairs = train && { batch: train.n, same: train.same.reduce((sum, label) => sum + label / train.n, 0) };
  const levels = OF_METHOD[settings.method]?.({ ...settings, ...pairs }) ?? [];
  return levels.map(([name, value]) => ({ name, value }));
}
