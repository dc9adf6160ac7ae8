// The cell of Python that does with the course's helpers what the lab does with its settings.
import { makeData, METHODS } from "./plane.js";

const list = values => `[${values.join(", ")}]`;

// The data as the helpers make it; shapes that they do not have are Gaussians around the same centres.
function dataLine(settings) {
  if (["ring", "grid"].includes(settings.data)) return `mixture = data.${settings.data}(std=${settings.spread})`;
  const { centers, std } = makeData(settings), rows = centers.map(point => list(point.map(x => Number(x.toFixed(4)))));
  return `centers = torch.tensor([\n    ${rows.join(",\n    ")},\n])\nmixture = data.Mixture(centers, std=${std})`;
}

const CRITIC = ({ units }) => `D = models.mlp((2, ${units}, ${units}, 1), seeds=seeds, scalar=True)`;

const AUTOENCODER = ({ units, code }) => `linear = partial(models.BatchedLinear, rngs=seed.rngs(seeds))
encode = nn.Sequential(linear(2, ${units}), nn.LeakyReLU(0.2), linear(${units}, ${code}))
decode = nn.Sequential(linear(${code}, ${units}), nn.LeakyReLU(0.2), linear(${units}, 2))
D = models.AutoEncoder(encode, decode)`;

const PENALTY = ({ penalty }) => `

def critic_d_side(D, real, fake):
    """Gulrajani et al. (2017), eq. 3; one share between real and generated for each pair."""
    share = torch.rand(*real.shape[:-1], 1)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    steep = (slope.norm(dim=-1) - 1).square().mean(-1)
    return D(fake).mean(-1) - D(real).mean(-1) + ${penalty} * steep


method = train.Method(critic_d_side, lambda D, fake: losses.critic_g_loss(D(fake)))`;

const METHOD = {
  gan: () => "method = train.gan()",
  gan_saturating: () => "method = train.gan(g_loss=partial(losses.gan_g_loss, saturating=True))",
  wgan_gp: PENALTY,
  ebgan: ({ margin }) => `method = train.ebgan(margin=${margin})`,
  ebgan_pt: ({ margin, weight }) => `method = train.ebgan(margin=${margin}, pull_away=${weight})`,
  ebgan_pt_unsquared: ({ margin, weight }) =>
    `method = train.ebgan(margin=${margin}, pull_away=${weight}, term=losses.pull_away_unsquared)`,
};

// What "Break it" does, as lines that change `method` or `game`; a learning rate is changed where it stands.
const BREAK = {
  detached: ({ method, weight }) => `
def detached_g_loss(D, fake):
    """The target is detached, so one of the two ways to the generator is cut."""
    energy = (D(fake) - fake.detach()).norm(dim=-1)
    return energy.mean(-1)${method === "ebgan" ? "" : ` + ${weight} * losses.${method === "ebgan_pt" ? "pull_away" : "pull_away_unsquared"}(D.encode(fake))`}


method = train.Method(method.d_loss, detached_g_loss)`,
  mean_hinge: ({ margin }) => `
def mean_hinge_d_loss(D, real, fake):
    """A fault: the hinge of the mean energy, in place of the mean of the hinges."""
    of_real, of_fake = (losses.reconstruction_energy(D, x).mean(-1) for x in (real, fake))
    return of_real + (${margin} - of_fake).relu()


method = train.Method(mean_hinge_d_loss, method.g_loss)`,
};

function plane(settings, seeds, steps) {
  const rate = settings.lr * ({ lr_tenth: 0.1, lr_ten: 10 }[settings.break] ?? 1);
  const network = settings.method.startsWith("ebgan") ? AUTOENCODER : CRITIC;
  const fault = BREAK[settings.break]?.(settings) ?? "";
  return `from functools import partial

import torch
from torch import nn

from helpers import data, losses, metrics, models, seed, train

seeds = ${list(seeds)}
rngs = seed.rngs(seeds)  # the lab draws other numbers from the same seeds
${dataLine(settings)}
G = models.mlp((2, ${settings.units}, ${settings.units}, 2), seeds=seeds)
${network(settings)}
${METHOD[settings.method](settings)}
${fault}
game = train.make_game(G, D, lr=${rate}, d_lr=${Number((rate * settings.d_lr_factor).toPrecision(6))})
record = train.fit(
    game,
    method,
    lambda: mixture.sample(${settings.batch}, rngs),
    lambda: data.noise(${settings.batch}, 2, rngs),
    steps=${steps},
    d_steps=${settings.d_steps},
)
points = train.sample(G, data.noise(800, 2, rngs))
print("covered", metrics.modes_covered(points, mixture).tolist())
print("precision", metrics.sample_precision(points, mixture).tolist())
`;
}

// Some faults and methods are not one cell of the helpers; then the text says so.
export function python(settings, seeds, step) {
  const steps = Math.max(step, 1);
  return plane(settings, seeds, steps);
}
