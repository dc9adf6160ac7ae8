// The cell of Python that does with the course's helpers what the lab does with its settings.
import { PlaneData } from "./data.js";

const list = values => `[${values.join(", ")}]`;
const rate = ({ lr, break: fault }) => Number((lr * ({ lr_tenth: 0.1, lr_ten: 10 }[fault] ?? 1)).toPrecision(6));

const IMPORTS = names => `from functools import partial

import torch
from torch import nn

from helpers import ${names}
`;

// ------------------------------------------------------------------------------------------ the plane
// The data as the helpers make it; shapes that they do not have are Gaussians around the same centres.
function mixture(settings) {
  if (["ring", "grid"].includes(settings.data)) return `mixture = data.${settings.data}(std=${settings.spread})`;
  const { centers, spread } = new PlaneData(settings, 0), rows = centers.map(point => list(point.map(x => Number(x.toFixed(4)))));
  return `centers = [\n    ${rows.join(",\n    ")},\n]\nmixture = data.Mixture(torch.tensor(centers).float(), std=${spread})`;
}

const CRITIC = ({ units }) => `D = models.mlp((2, ${units}, ${units}, 1), seeds=seeds, scalar=True)`;

const AUTOENCODER = ({ units, code }) => `linear = partial(models.BatchedLinear, rngs=seed.rngs(seeds))
encode = nn.Sequential(linear(2, ${units}), nn.LeakyReLU(0.2), linear(${units}, ${code}))
decode = nn.Sequential(linear(${code}, ${units}), nn.LeakyReLU(0.2), linear(${units}, 2))
D = models.AutoEncoder(encode, decode)`;

const WASSERSTEIN = ({ penalty }) => `
def critic_d_loss(D, real, fake):
    """Gulrajani et al. (2017), eq. 3: scores, and a penalty on slopes that are not 1."""
    share = torch.rand(*real.shape[:-1], 1)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    penalty = (slope.norm(dim=-1) - 1).square().mean(-1)
    return D(fake).mean(-1) - D(real).mean(-1) + ${penalty} * penalty


method = train.Method(critic_d_loss, lambda D, fake: losses.critic_g_loss(D(fake)))`;

const pulled = ({ margin, weight }, more = "") => `method = train.ebgan(margin=${margin}, pull_away=${weight}${more})`;
const METHOD = {
  gan: () => "method = train.gan()",
  gan_saturating: () => "method = train.gan(g_loss=partial(losses.gan_g_loss, saturating=True))",
  wgan_gp: WASSERSTEIN,
  ebgan: ({ margin }) => `method = train.ebgan(margin=${margin})`,
  ebgan_pt: settings => pulled(settings),
  ebgan_pt_unsquared: settings => pulled(settings, ", term=losses.pull_away_unsquared"),
};

// "Break it": a changed method, or a changed way to train.
const DETACHED = ({ method, weight }) => `

def detached_g_loss(D, fake):
    """The fault: the target is detached, which cuts one of the two ways to the generator."""
    energy = (D(fake) - fake.detach()).norm(dim=-1).mean(-1)
    return energy${method === "ebgan" ? "" : ` + ${weight} * losses.${method === "ebgan_pt" ? "pull_away" : "pull_away_unsquared"}(D.encode(fake))`}


method = train.Method(method.d_loss, detached_g_loss)`;

const MEAN_HINGE = ({ margin }) => `

def mean_hinge_d_loss(D, real, fake):
    """The fault: the hinge of the mean energy, in place of the mean of the hinges."""
    of_real, of_fake = (losses.reconstruction_energy(D, x).mean(-1) for x in (real, fake))
    return of_real + (${margin} - of_fake).relu()


method = train.Method(mean_hinge_d_loss, method.g_loss)`;

const fit = ({ d_steps }, steps) => `train.fit(game, method, real, noise, steps=${steps}, d_steps=${d_steps})`;

const FROZEN = (settings, steps) => `${fit(settings, Math.min(steps, settings.freeze))}
game.d_optimizer.param_groups[0]["lr"] = 0.0  # the fault: from here on D is frozen
${steps > settings.freeze ? fit(settings, steps - settings.freeze) : ""}`;

const ONE_OPTIMIZER = ({ d_steps }, steps) => `for _ in range(${steps * d_steps}):
    loss = method.d_loss(D, real(), G(noise()))  # the fault: one loss moves both networks
    for optimizer in (game.d_optimizer, game.g_optimizer):
        optimizer.zero_grad()
    loss.sum().backward()
    for optimizer in (game.d_optimizer, game.g_optimizer):
        optimizer.step()`;

function game(settings, seeds, steps) {
  const { method, batch, units, d_lr_factor, break: fault } = settings;
  const change = { detached: DETACHED, mean_hinge: MEAN_HINGE }[fault]?.(settings) ?? "";
  const training = { frozen_d: FROZEN, one_optimizer: ONE_OPTIMIZER }[fault] ?? fit;
  return `${IMPORTS("data, losses, metrics, models, seed, train")}
seeds = ${list(seeds)}
rngs = seed.rngs(seeds)  # the same seeds mean other random numbers in the lab
${mixture(settings)}
G = models.mlp((2, ${units}, ${units}, 2), seeds=seeds)
${method.startsWith("ebgan") ? AUTOENCODER(settings) : CRITIC(settings)}
${METHOD[method](settings)}${change}
game = train.make_game(G, D, lr=${rate(settings)}, d_lr=${Number((rate(settings) * d_lr_factor).toPrecision(6))})
real = partial(mixture.sample, ${batch}, rngs)
noise = partial(data.noise, ${batch}, 2, rngs)
${training(settings, steps)}
points = train.sample(G, data.noise(800, 2, rngs))
${JUDGE}`;
}

const JUDGE = `print("covered", metrics.modes_covered(points, mixture).tolist())
print("precision", metrics.sample_precision(points, mixture).tolist())
`;

function energyModel(settings, seeds, steps) {
  const { units, batch, chain, anneal } = settings;
  const slower = anneal ? `\nslower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, ${anneal})` : "";
  return `${IMPORTS("data, losses, metrics, models, sampling, seed")}
seeds = ${list(seeds)}
rngs = seed.rngs(seeds)  # the same seeds mean other random numbers in the lab
${mixture(settings)}


class Sine(nn.Module):
    """Waves, which draw separate modes."""

    def forward(self, x):
        return x.sin()


net = models.mlp((2, ${units}, ${units}, 1), seeds, Sine, scalar=True)


def energy(x):
    """The network's answer in a bowl that keeps the chains together."""
    return net(6 * x) + x.square().sum(-1)


optimizer = torch.optim.Adam(net.parameters(), lr=${rate(settings)})${slower}
chains = data.noise(256, 2, rngs)  # one Langevin step for each step of training
for _ in range(${steps}):
    x = mixture.sample(${batch}, rngs)
    negatives = sampling.langevin(energy, x, ${chain}, 0.005, rng=rngs)
    loss = losses.contrastive_divergence(energy(x), energy(negatives))
    optimizer.zero_grad()
    loss.sum().backward()
    optimizer.step()${anneal ? "\n    slower.step()" : ""}
    chains = sampling.langevin(energy, chains, 1, 0.005, rng=rngs)
points = chains
${JUDGE}`;
}

// ------------------------------------------------------------------------------------------- contrast
const PAIR = "a, b = anchor, torch.where(same[:, None], positive, negative)";
const LOSS = {
  bare_cosine: () => `${PAIR}\n    return losses.cosine_bce(encoder(a), encoder(b), same)`,
  scale_bias: () => `${PAIR}\n    scale = encoder.log_scale.exp()\n    return losses.cosine_bce(encoder(a), encoder(b), same, scale, encoder.bias)`,
  pair_margin: ({ margin }) => `${PAIR}\n    distance = (unit(encoder(a)) - unit(encoder(b))).norm(dim=-1)\n    return losses.pair_margin_loss(distance, same, ${margin})`,
  triplet: ({ margin }) => `rows = (unit(encoder(x)) for x in (anchor, positive, negative))\n    return losses.triplet_loss(*rows, margin=${margin})`,
  nt_xent: ({ temperature }) => `return losses.nt_xent(encoder(anchor), encoder(positive), ${temperature})`,
  sup_con: ({ temperature }) => `views = encoder(torch.cat([anchor, positive]))\n    return losses.sup_con(views, classes.repeat(2), ${temperature})`,
};

function contrast(settings, seeds, steps) {
  const { method, units, pairs, test, spread, labels } = settings, coins = labels === "coins";
  const partners = coins ? `negative = torch.randint(8, (n,), generator=rng)
    positive = torch.randint(8, (n,), generator=rng)  # labels are coins: partners lie anywhere
    classes = torch.randint(4, (n,), generator=rng)` : `turn = torch.randint(1, 4, (n,), generator=rng)
    negative = (anchor + turn + 4 * torch.randint(2, (n,), generator=rng)) % 8
    positive = (anchor + 4) % 8  # the opposite mode has the same class
    classes = anchor % 4`;
  const best = `metrics.best_threshold(cosines(train_set), train_set[3])`;
  const cut = { bare_cosine: "0.0", scale_bias: "(-encoder.bias / encoder.log_scale.exp()).item()" }[method] ?? best;
  return `import torch
from torch.nn.functional import cosine_similarity
from torch.nn.functional import normalize as unit

from helpers import data, losses, metrics, models, seed, train

ring = data.ring().centers


def draw(n, rng):
    """Anchors, positives, negatives, whether a pair is the same, and classes."""
    anchor = torch.randint(8, (n,), generator=rng)
    ${partners}
    same = torch.rand(n, generator=rng) < 0.5
    points = [ring[k] + ${spread} * torch.randn(n, 2, generator=rng) for k in (anchor, positive, negative)]
    return *points, same, classes


def loss(encoder, anchor, positive, negative, same, classes):
    ${LOSS[method](settings)}


@torch.no_grad()
def cosines(batch):
    anchor, positive, negative, same, _ = batch
    return cosine_similarity(encoder(anchor), encoder(torch.where(same[:, None], positive, negative)))


for one in ${list(seeds)}:  # the same seeds mean other random numbers in the lab
    rng = seed.seed_everything(one)
    encoder = ${method === "scale_bias" ? "models.ScaledEncoder(" : ""}models.mlp((2, ${units}, ${units}, 2))${method === "scale_bias" ? ")" : ""}
    train_set, test_set = draw(${pairs}, rng), draw(${test}, rng)
    train.fit_encoder(encoder, loss, lambda: train_set, steps=${steps}, lr=${rate(settings)})
    cut = ${cut}
    print(one, "accuracy", metrics.accuracy(cosines(test_set) > cut, test_set[3]))
`;
}

export function python(settings, seeds, step) {
  const write = settings.view === "contrast" ? contrast : settings.method === "cd" ? energyModel : game;
  return write(settings, seeds, Math.max(step, 1));
}
