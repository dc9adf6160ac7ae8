"""The lab's engine (book/static/lab), run in Node: it computes what the helpers compute, and finds what they find."""

from __future__ import annotations

import json
import math
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch
from course_site import node_binary
from torch import Tensor

from helpers import data, losses, metrics, models, sampling, seed, train

DRIVER = Path(__file__).parent / "lab_driver.mjs"
STEPS, N = 20, 64


def lab(*jobs: tuple[str, dict]) -> list:
    """Results of some jobs of lab_driver.mjs."""
    done = subprocess.run([node_binary(), DRIVER], input=json.dumps(jobs), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flat(tensors) -> list[float]:
    return [number for tensor in tensors for number in tensor.flatten().tolist()]


def apart(ours: list[float], theirs: list[float]) -> float:
    assert len(ours) == len(theirs)
    return float((torch.tensor(ours, dtype=torch.double) - torch.tensor(theirs, dtype=torch.double)).abs().max())


# ------------------------------------------------------------------------------------------------ the plane
def critic() -> torch.nn.Module:
    return models.mlp((2, 32, 32, 1), [1], scalar=True)


def autoencoder() -> torch.nn.Module:
    return models.mlp_autoencoder((2, 32, 8), [1])


class Sine(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


class WavyEnergy(torch.nn.Module):
    """Chapter 04's energy."""

    def __init__(self) -> None:
        super().__init__()
        self.net = models.mlp((2, 64, 64, 1), [1], Sine, scalar=True)

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
    "ebgan_pt": (autoencoder, always(train.ebgan(1.0, pull_away=0.1)), {}),
    "ebgan_pt_unsquared": (autoencoder, always(unsquared), {}),
    "ebgan, detached": (autoencoder, detached, {"break": "detached"}),
    "ebgan, mean_hinge": (autoencoder, mean_hinge, {"break": "mean_hinge"}),
    "gan, one_optimizer": (critic, always(train.gan()), {"break": "one_optimizer"}),
    "gan, lr_ten": (critic, always(train.gan()), {"break": "lr_ten"}),
}


def draw_batches() -> list[dict[str, Tensor]]:
    rng = seed.rngs([3])[0]
    shapes = {"real": (N, 2), "z": (N, 2), "z_g": (N, 2), "mix": (N, 1)}
    return [
        {name: torch.rand(1, *shape, generator=rng).double() if name == "mix" else
         (data.ring().sample(N, rng)[None] if name == "real" else torch.randn(1, *shape, generator=rng)).double()
         for name, shape in shapes.items()}
        for _ in range(STEPS)
    ]  # fmt: skip


def exported(batches: list[dict[str, Tensor]]) -> list[dict]:
    return [{"kicks": [], **{name: flat([value]) for name, value in batch.items()}} for batch in batches]


def gradients(network: torch.nn.Module) -> list[float]:
    return flat(p.grad for p in network.parameters())


def weights(network: torch.nn.Module) -> list[float]:
    return flat(p.detach() for p in network.parameters())


@pytest.mark.parametrize("name", PLANE)
def test_the_plane_computes_what_the_helpers_compute(name):
    make, method_of, fault = PLANE[name]
    generator, discriminator = models.mlp((2, 32, 32, 2), [0]).double(), make().double()
    lr = 2e-2 if name.endswith("lr_ten") else 2e-3
    game, batches = train.make_game(generator, discriminator, lr=lr), draw_batches()
    settings = {"method": name.partition(",")[0], "batch": N, **fault}
    start = {"generator": weights(generator), "discriminator": weights(discriminator)}
    (ours,) = lab(("plane", {"settings": settings, "weights": start, "batches": exported(batches)}))
    for step, batch in enumerate(batches):
        method = method_of(batch)
        if "one_optimizer" in name:
            loss = method.d_loss(discriminator, batch["real"], generator(batch["z"]))
            game.d_optimizer.zero_grad()
            game.g_optimizer.zero_grad()
            loss.sum().backward()
            d_grads, g_grads = gradients(discriminator), gradients(generator)
            game.d_optimizer.step()
            game.g_optimizer.step()
            said = [loss.item(), loss.item()]
        else:
            said = [train.d_step(game, method, batch["real"], batch["z"]).item()]
            d_grads = gradients(discriminator)
            said.append(train.g_step(game, method, batch["z_g"]).item())
            g_grads = gradients(generator)
        assert apart(ours["losses"][step], said) < 1e-5
        assert apart(ours["d"][step], d_grads) < 1e-4
        assert apart(ours["g"][step], g_grads) < 1e-4
    assert apart(ours["weights"]["generator"], weights(generator)) < 1e-3
    assert apart(ours["weights"]["discriminator"], weights(discriminator)) < 1e-3


def test_contrastive_divergence_is_the_helpers():
    energy, batches = WavyEnergy().double(), draw_batches()
    start = {"generator": [0.0] * 1186, "discriminator": weights(energy)}
    for step, batch in enumerate(batches):
        batch["kicks"] = torch.stack([torch.randn(1, N, 2, generator=r) for r in seed.rngs([step]) for _ in range(8)])
    settings = {"method": "cd", "units": 64, "batch": N}
    optimizer = torch.optim.Adam(energy.parameters(), lr=5e-3)
    slowing = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, 240)
    start["generator"] = weights(models.mlp((2, 64, 64, 2), [0]))
    (ours,) = lab(("plane", {"settings": settings, "weights": start, "batches": exported(batches)}))
    for step, batch in enumerate(batches):
        fake = sampling.langevin(energy, batch["real"], 8, 0.005, rng=seed.rngs([step])[0])
        loss = losses.contrastive_divergence(energy(batch["real"]), energy(fake))
        optimizer.zero_grad()
        loss.sum().backward()
        assert apart(ours["losses"][step][:1], [loss.item()]) < 1e-5
        assert apart(ours["d"][step], gradients(energy)) < 1e-4
        optimizer.step()
        slowing.step()
    assert apart(ours["weights"]["discriminator"], weights(energy)) < 1e-3


# -------------------------------------------------------------------------------------------------- contrast
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


@pytest.mark.parametrize("kind", KINDS)
def test_contrast_computes_what_the_helpers_compute(kind):
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
        optimizer.zero_grad()
        value.backward()
        assert apart([ours["losses"][step]], [value.item()]) < 1e-5
        assert apart(ours["encoder"][step], gradients(encoder)) < 1e-4
        assert not learned or apart(ours["head"][step], head.grad.tolist()) < 1e-4
        optimizer.step()
    assert apart(ours["weights"]["encoder"], weights(encoder)) < 1e-3
    assert apart(ours["weights"]["head"], head.tolist()) < 1e-3


# -------------------------------------------------------------------------------------------- settings and runs
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methods": "gan"}, 'methods: given "gan", expected one of the settings view, method'),
        ({"method": "vae"}, 'method: given "vae", expected one of gan, gan_saturating'),
        ({"method": "nt_xent"}, 'method: given "nt_xent", expected one of gan, .* in the view plane'),
        ({"view": "contrast"}, 'method: given "gan", expected one of bare_cosine, .* in the view contrast'),
        ({"units": 2.5}, "units: given 2.5, expected a whole number from 2 to 128"),
        ({"units": "32"}, 'units: given "32", expected a whole number'),
        ({"lr": 0}, "lr: given 0, expected a number from 0.000001 to 1"),
        ({"margin": -1, "method": "ebgan"}, "margin: given -1, expected a number from 0.001 to 100"),
        ({"data": "drawn"}, "points: given \\[\\], expected a list of \\[x, y\\]"),
        ({"data": "drawn", "points": [[0]]}, "points: given \\[\\[0\\]\\], expected a list of \\[x, y\\]"),
        ({"break": "detached"}, 'break: given "detached", expected one of none, .* with the method gan'),
        ({"break": "frozen_d", "method": "cd"}, 'break: given "frozen_d", expected one of none, lr_tenth, lr_ten with'),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings, said):
    (answer,) = lab(("refused", settings))
    assert isinstance(answer, str)
    assert re.match(said, answer), answer


EVERY = {
    "plane": ["gan", "gan_saturating", "wgan_gp", "ebgan", "ebgan_pt", "ebgan_pt_unsquared", "cd"],
    "contrast": KINDS,
}
SHORT = {"units": 8, "batch": 8, "pairs": 8}


def test_a_seed_means_the_same_run_whoever_runs_beside_it_and_another_seed_another():
    arms = [{"view": view, "method": method, **SHORT} for view, methods in EVERY.items() for method in methods]
    together, again = (
        [("findings", {"settings": arm, "seeds": seeds, "turns": [[20, "both"]]}) for arm in arms]
        for seeds in ([1, 2], [2])
    )
    for arm, (first, second), (alone,) in zip(arms, lab(*together), lab(*again), strict=True):
        assert second == alone, arm
        assert first != second, arm


@pytest.mark.parametrize("view", EVERY)
def test_a_run_that_diverges_says_so_and_stops_alone(view):
    settings = {"view": view, "method": EVERY[view][0], **SHORT}
    job = {"settings": settings, "seeds": [0, 1], "poisoned": [0], "turns": [[20, "both"]]}
    (((bad,), (good,)),) = lab(("findings", job))
    assert bad["error"] == "step 1: the discriminator's loss is not finite"
    assert bad["steps"] == 1
    assert good["error"] is None
    assert good["steps"] == 20


# --------------------------------------------------------------- the chapters' findings, over 16 seeds of the lab
SEEDS = list(range(16))
PAIRS = {"view": "contrast", "test": 256}
ARMS = {
    "gan": ({}, 800),
    "one": ({"break": "one_optimizer"}, 300),
    "saturating": ({"method": "gan_saturating"}, 800),
    "few, bare_cosine": (PAIRS | {"method": "bare_cosine"}, 300),
    # The second half runs beside the first.
    "ebgan": ({"method": "ebgan"}, 800),
    "detached": ({"method": "ebgan", "break": "detached"}, 300),
    "cd": ({"method": "cd", "units": 16}, 240),
    **{f"coins, {kind}": (PAIRS | {"method": kind, "labels": "coins", "units": 16}, 100) for kind in KINDS},
    **{f"many, {kind}": (PAIRS | {"method": kind, "pairs": 64}, 300) for kind in ("bare_cosine", "scale_bias")},
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[dict]]:
    """The end of each run of each arm, with the losses on the way."""
    jobs = [
        ("findings", {"settings": settings, "seeds": SEEDS, "turns": [[count, "both"]]})
        for settings, count in ARMS.values()
    ]
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(lambda part: lab(*part), (jobs[:4], jobs[4:])))
    return {name: [run[-1] for run in runs] for name, runs in zip(ARMS, halves[0] + halves[1], strict=True)}


def column(runs: list[dict], name: str) -> Tensor:
    return torch.tensor([run[name] for run in runs], dtype=torch.double)


def late_loss(runs: list[dict]) -> Tensor:
    return column(runs, "losses")[:, -200:].mean(1)


@pytest.mark.slow
def test_a_gan_covers_more_than_half_of_the_ring_and_no_run_is_precise(found):
    assert column(found["gan"], "covered").mean() > 4
    assert column(found["gan"], "precision").max() < 0.9


@pytest.mark.slow
def test_a_gans_discriminator_ends_between_1_1_and_ln_4(found):
    assert (late_loss(found["gan"]) > 1.1).all()
    assert (late_loss(found["gan"]) < math.log(4)).all()


@pytest.mark.slow
def test_the_saturating_loss_works_on_the_ring_too(found):
    assert column(found["saturating"], "covered").mean() > 4


@pytest.mark.slow
def test_with_one_optimiser_the_loss_vanishes_and_no_sample_is_at_a_mode(found):
    assert column(found["one"], "losses")[:, -1].max() < 0.01
    assert column(found["one"], "precision").max() == 0


@pytest.mark.slow
def test_an_ebgan_is_not_shown_to_cover_more_than_a_gan_and_its_loss_is_near_the_margin(found):
    low, high = metrics.t_interval(column(found["ebgan"], "covered") - column(found["gan"], "covered"))
    assert metrics.verdict(low, high) != "supported"
    assert ((late_loss(found["ebgan"]) > 0.65) & (late_loss(found["ebgan"]) < 1.2)).all()


@pytest.mark.slow
def test_with_a_detached_target_no_sample_arrives(found):
    assert column(found["detached"], "precision").max() == 0
    points = column(found["detached"], "points").unflatten(1, (-1, 2))
    assert points.norm(dim=-1).median(1).values.min() > 10


@pytest.mark.slow
def test_contrastive_divergence_finds_all_modes(found):
    assert column(found["cd"], "precision").mean() > 0.9
    assert (column(found["cd"], "covered") == 8).all()


@pytest.mark.slow
def test_nothing_is_learned_from_coins_whatever_the_loss(found):
    right = torch.stack([column(found[f"coins, {kind}"], "accuracy") for kind in KINDS])
    assert ((right.mean(1) - 0.5).abs() < 0.03).all()  # 4,096 coins each: three standard errors are 0.023
    heart = torch.stack([column(found[f"coins, {kind}"], "train_accuracy") for kind in KINDS])
    assert (heart.mean(1) > 0.6).all()


@pytest.mark.slow
def test_a_bare_cosine_has_a_floor_and_a_learned_scale_and_bias_go_below_it(found):
    floor = math.log1p(math.exp(-1))
    names = [name for name in ARMS if name.endswith("bare_cosine")]
    assert min(column(found[name], "losses").min() for name in names) > floor
    assert column(found["many, scale_bias"], "losses")[:, -1].mean() < floor


@pytest.mark.slow
def test_more_pairs_with_a_signal_are_right_more_often(found):
    gain = column(found["many, bare_cosine"], "accuracy") - column(found["few, bare_cosine"], "accuracy")
    assert metrics.t_interval(gain)[0] > 0
    better = column(found["many, scale_bias"], "accuracy") - column(found["many, bare_cosine"], "accuracy")
    assert metrics.t_interval(better)[0] > 0


@pytest.mark.slow
def test_fresh_generators_shrink_against_a_frozen_energy_and_a_heavy_term_spreads_them():
    job = {"settings": {"method": "ebgan_pt", "units": 16}, "seeds": SEEDS, "weights": [0, 0.1, 1]}
    (spread,) = lab(("frozen", job))
    assert sum(value < 0.1 for value in spread["0"]) >= 12
    assert sum(value < 0.1 for value in spread["0.1"]) > 8
    assert sum(spread["1"]) / len(SEEDS) > 0.3
    assert min(spread["game"]) > 0.3


def test_the_group_test_of_eight_is_right_once_as_often_as_eight_coins_say():
    job = {"settings": {"view": "contrast", "method": "bare_cosine", "labels": "coins", "lr": 0.001},
           "seeds": list(range(512)), "turns": [[10, "both"]]}  # fmt: skip
    (runs,) = lab(("findings", job))
    hits = sum(run[0]["accuracy"] == 1 / 8 for run in runs)
    low, high = metrics.wilson_interval(hits, 512, 0.99)
    assert low < 1 / 32 < high, hits
    whole = torch.tensor([run[0]["accuracy"] for run in runs]).mean()
    assert abs(whole - 0.5) < 0.02
