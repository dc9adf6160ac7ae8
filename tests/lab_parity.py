"""Whether the lab's engine computes what the helpers compute, from the same weights, batches and noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from on_the_page import on_the_page
from torch import Tensor

from helpers import data, losses, models, sampling, seed, train

STEPS, N = 20, 64
Lab = Callable[..., list]  # takes jobs of lab_jobs.mjs, (name, job), and returns their results


def flat(tensors) -> list[float]:
    return [number for tensor in tensors for number in tensor.flatten().tolist()]


def apart(ours: list[float], theirs: list[float]) -> float:
    assert len(ours) == len(theirs)
    return float((torch.tensor(ours, dtype=torch.double) - torch.tensor(theirs, dtype=torch.double)).abs().max())


def critic() -> torch.nn.Module:
    return models.mlp((2, 32, 32, 1), [1], scalar=True)


def autoencoder() -> torch.nn.Module:
    return models.mlp_autoencoder((2, 32, 8), [1])


class WavyEnergy(torch.nn.Module):
    """Chapter 04's energy."""

    def __init__(self) -> None:
        super().__init__()
        self.net = models.mlp((2, 64, 64, 1), [1], on_the_page("04", "Sine"), scalar=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(6 * x) + (x**2).sum(-1)


def wgan_gp(batch: dict[str, Tensor]) -> train.Method:
    """The helpers have no Wasserstein critic, so here is one, with autograd's second derivatives."""

    def d_loss(network, real, fake):
        between = (fake + batch["mix"] * (real - fake)).requires_grad_()
        (slope,) = torch.autograd.grad(network(between).sum(), between, create_graph=True)
        penalty = 0.1 * ((slope.norm(dim=-1) - 1) ** 2).mean(-1)
        return network(fake).mean(-1) - network(real).mean(-1) + penalty

    return train.Method(d_loss, lambda network, fake: losses.critic_g_loss(network(fake)))


def detached(batch: dict[str, Tensor]) -> train.Method:
    """The fault of chapter 06: in the generator's turn the target is a constant."""
    return train.Method(train.ebgan(1.0).d_loss, lambda A, x: (A(x) - x.detach()).norm(dim=-1).mean(-1))


def mean_hinge(batch: dict[str, Tensor]) -> train.Method:
    """The fault: a hinge on the mean energy of the batch."""
    energy = losses.reconstruction_energy
    return train.Method(
        lambda A, real, fake: energy(A, real).mean(-1) + torch.relu(1 - energy(A, fake).mean(-1)),
        train.ebgan(1.0).g_loss,
    )


def always(method: train.Method):
    return lambda batch: method


saturating = partial(losses.gan_g_loss, saturating=True)
unsquared = train.ebgan(1.0, pull_away=0.1, term=losses.pull_away_unsquared)
PLANE = {
    "gan": (critic, always(train.gan()), {}),
    "gan_saturating": (critic, always(train.gan(g_loss=saturating)), {}),
    "wgan_gp": (critic, wgan_gp, {}),
    "ebgan": (autoencoder, always(train.ebgan(1.0)), {}),
    "ebgan_pt_unsquared": (autoencoder, always(unsquared), {}),
    "ebgan, detached": (autoencoder, detached, {"break": "detached"}),
    "ebgan, mean_hinge": (autoencoder, mean_hinge, {"break": "mean_hinge"}),
    "gan, one_optimizer": (critic, always(train.gan()), {"break": "one_optimizer"}),
}


def draw_batches() -> list[dict[str, Tensor]]:
    rng = seed.rngs([3])[0]

    def batch() -> dict[str, Tensor]:
        real, mix = data.ring().sample(N, rng)[None], torch.rand(1, N, 1, generator=rng)
        noise = {name: torch.randn(1, N, 2, generator=rng) for name in ("noise", "noise_g")}
        return {"real": real, "mix": mix, **noise}

    return [{name: value.double() for name, value in batch().items()} for _ in range(STEPS)]


def exported(batches: list[dict[str, Tensor]]) -> list[dict]:
    return [{name: flat([value]) for name, value in batch.items()} for batch in batches]


def gradients(network: torch.nn.Module) -> list[float]:
    return flat(p.grad for p in network.parameters())


def weights(network: torch.nn.Module) -> list[float]:
    return flat(p.detach() for p in network.parameters())


def update(loss: Tensor, *optimizers: torch.optim.Optimizer) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.sum().backward()
    for optimizer in optimizers:
        optimizer.step()


def check_plane(lab: Lab, name: str) -> None:
    make, method_of, fault = PLANE[name]
    generator, discriminator = models.mlp((2, 32, 32, 2), [0]).double(), make().double()
    game, batches = train.make_game(generator, discriminator, lr=2e-3), draw_batches()
    settings = {"method": name.partition(",")[0], "batch": N, **fault}
    start = {"generator": weights(generator), "discriminator": weights(discriminator)}
    (ours,) = lab(("plane", {"settings": settings, "weights": start, "batches": exported(batches)}))
    for step, batch in enumerate(batches):
        method = method_of(batch)
        if "one_optimizer" in name:
            loss = method.d_loss(discriminator, batch["real"], generator(batch["noise"]))
            update(loss, game.d_optimizer, game.g_optimizer)
            d_grads, g_grads, said = gradients(discriminator), gradients(generator), [loss.item()] * 2
        else:
            said = [train.d_step(game, method, batch["real"], batch["noise"]).item()]
            d_grads = gradients(discriminator)
            said.append(train.g_step(game, method, batch["noise_g"]).item())
            g_grads = gradients(generator)
        assert apart(ours["losses"][step], said) < 1e-5
        assert apart(ours["d"][step], d_grads) < 1e-4
        assert apart(ours["g"][step], g_grads) < 1e-4
    assert apart(ours["weights"]["generator"], weights(generator)) < 1e-3
    assert apart(ours["weights"]["discriminator"], weights(discriminator)) < 1e-3


def check_chains(lab: Lab) -> None:
    energy, batches = WavyEnergy().double(), draw_batches()
    start = {"discriminator": weights(energy)}
    for step, batch in enumerate(batches):
        batch["noise"] = torch.stack([torch.randn(1, N, 2, generator=r) for r in seed.rngs([step]) for _ in range(8)])
    settings = {"method": "cd", "units": 64, "batch": N}
    optimizer = torch.optim.Adam(energy.parameters(), lr=5e-3)
    slowing = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, 240)
    (ours,) = lab(("plane", {"settings": settings, "weights": start, "batches": exported(batches)}))
    for step, batch in enumerate(batches):
        fake = sampling.langevin(energy, batch["real"], 8, 0.005, rng=seed.rngs([step])[0])
        loss = losses.contrastive_divergence(energy(batch["real"]), energy(fake))
        update(loss, optimizer)
        assert apart(ours["losses"][step][:1], [loss.item()]) < 1e-5
        assert apart(ours["d"][step], gradients(energy)) < 1e-4
        slowing.step()
    assert apart(ours["weights"]["discriminator"], weights(energy)) < 1e-3


def pair_loss(kind, scale, bias):
    """A loss of unit embeddings of anchors, positives, negatives, of the pairs' labels and of classes."""

    def loss(a, p, n, same, classes):
        other = torch.where(same[:, None] == 1, p, n)
        if kind in ("bare_cosine", "scale_bias"):
            return losses.cosine_bce(a, other, same, scale.exp(), bias)
        if kind == "pair_margin":
            return losses.pair_margin_loss((a - other).norm(dim=-1), same, 1.0)
        if kind == "triplet":
            return losses.triplet_loss(a, p, n, 1.0)
        if kind == "nt_xent":
            return losses.nt_xent(a, p, 0.5)
        return losses.sup_con(torch.cat([a, p]), classes.repeat(2), 0.5)

    return loss


KINDS = ["bare_cosine", "scale_bias", "pair_margin", "triplet", "nt_xent", "sup_con"]


def check_pairs(lab: Lab, kind: str) -> None:
    rng, pairs = seed.rngs([4])[0], 16
    encoder = models.mlp((2, 32, 32, 2), [0]).double()
    learned = kind == "scale_bias"
    head = torch.tensor([math.log(10), -5.0] if learned else [0.0, 0.0]).double().requires_grad_()
    points = torch.randn(3 * pairs, 2, generator=rng).double()
    same, classes = torch.randint(2, (pairs,), generator=rng), torch.randint(4, (pairs,), generator=rng)
    parts = {"n": pairs, "points": flat([points]), "same": same.tolist(), "classes": classes.tolist()}
    settings = {"view": "contrast", "method": kind, "pairs": pairs}
    start = {"encoder": weights(encoder), "head": head.tolist()}
    (ours,) = lab(("contrast", {"settings": settings, "weights": start, "set": parts, "steps": STEPS}))
    optimizer = torch.optim.Adam([*encoder.parameters(), *([head] if learned else [])], lr=5e-3)
    loss = pair_loss(kind, head[0], head[1])
    for step in range(STEPS):
        units = torch.nn.functional.normalize(encoder(points[None])[0], dim=-1)
        value = loss(*units.chunk(3), same, classes)
        update(value, optimizer)
        assert apart([ours["losses"][step]], [value.item()]) < 1e-5
        assert apart(ours["encoder"][step], gradients(encoder)) < 1e-4
        assert not learned or apart(ours["head"][step], head.grad.tolist()) < 1e-4
    assert apart(ours["weights"]["encoder"], weights(encoder)) < 1e-3
    assert apart(ours["weights"]["head"], head.tolist()) < 1e-3
