"""What a chapter writes out is what `helpers` has from then on."""

import torch
from on_the_page import on_the_page
from torch import Tensor, nn

from helpers import data, losses, models, train
from helpers.seed import rngs, torch_seed


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_chapter_01s_losses() -> None:
    real, fake = 4 * normal(3, 5), 4 * normal(3, 7, seed=1)
    torch.testing.assert_close(on_the_page("01", "d_loss")(real, fake), losses.gan_d_loss(real, fake))
    torch.testing.assert_close(on_the_page("01", "g_loss")(fake), losses.gan_g_loss(fake))


def test_chapter_01s_networks_for_digits() -> None:
    pairs = [("digit_generator", models.Generator, normal(4, 32))]
    pairs += [("digit_discriminator", models.Discriminator, normal(4, 1, 28, 28))]
    for name, build, x in pairs:
        outputs = []
        for network in (on_the_page("01", name), build):
            with torch_seed(0):
                outputs.append(network()(x))
        assert torch.equal(*outputs), name


def test_chapter_01s_two_turns() -> None:
    def networks() -> tuple[nn.Module, nn.Module]:
        with torch_seed(0):
            return models.mlp((2, 8, 2)), models.mlp((2, 8, 1), scalar=True)

    ring, rate, betas = data.ring(), 2e-3, (0.5, 0.999)
    (G, D), game = networks(), train.make_game(*networks(), lr=rate, betas=betas)
    page = {"G": G, "D": D, "ring": ring, "rng": rngs([1])[0]}
    page["g_optimizer"] = torch.optim.Adam(G.parameters(), lr=rate, betas=betas)
    page["d_optimizer"] = torch.optim.Adam(D.parameters(), lr=rate, betas=betas)
    turns = [on_the_page("01", f"{player}_turn") for player in ("discriminator", "generator")]
    (rng,) = rngs([1])
    for _ in range(3):
        for turn in turns:
            turn.__globals__.update(page)
            turn()
        z, real = data.noise(128, 2, rng), ring.sample(128, rng)  # in the page's order
        train.d_step(game, train.gan(), real, z)
        train.g_step(game, train.gan(), data.noise(128, 2, rng))
    for one, other in ((G, game.generator), (D, game.discriminator)):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b)
