"""Chapter 16's losses without negatives, by another route; a slow copy follows and learns nothing by itself."""

from itertools import combinations

import numpy as np
import pytest
import torch
from on_the_page import on_the_page
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from helpers.seed import torch_seed
from helpers.studies import judging, two_kinds
from helpers.studies import without_negatives as siamese

pytestmark = pytest.mark.usefixtures("one_thread")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def network_of(*parts: bool) -> siamese.Siamese:
    with torch_seed(3):
        return siamese.Siamese(*parts)


def test_siamese_losses_and_their_gradients() -> None:
    views = [part.float() for part in normal(2, 8, 1, 32, 32)]
    network = network_of(True, True, False)
    z = network.body(torch.cat(views))
    p, (z1, z2) = network.predict(z), z.chunk(2)
    wanted = -(cosine_similarity(p[:8], z2).mean() + cosine_similarity(p[8:], z1).mean()) / 2
    torch.testing.assert_close(siamese.siamese_loss(network, *views), wanted)
    torch.testing.assert_close(siamese.siamese_loss(network, *views, stop=False), wanted)
    bare = network_of(True, False, False)
    slopes = []
    for stop in (True, False):
        bare.zero_grad()
        siamese.siamese_loss(bare, *views, stop=stop).backward()
        slopes.append(bare.body[1][0].weight.grad.clone())
    torch.testing.assert_close(2 * slopes[0], slopes[1], atol=1e-6, rtol=1e-3)


def test_a_slow_copy_follows_and_learns_nothing_by_itself() -> None:
    network = network_of(True, True, True)
    views = [part.float() for part in normal(2, 8, 1, 32, 32)]
    old = network.slow[1][0].weight.clone()
    with torch.no_grad():
        network.body[1][0].weight.add_(1)
    siamese.siamese_loss(network, *views).backward()
    torch.testing.assert_close(network.slow[1][0].weight, old + 0.05)
    assert all(weight.grad is None for weight in network.slow.parameters())


def test_decorrelating_losses_by_numpy() -> None:
    a, b = normal(2, 10, 3)
    x, y = a.numpy(), b.numpy()
    c = np.corrcoef(x.T, y.T)[:3, 3:]
    wanted = ((1 - c.diagonal()) ** 2).sum() + 0.005 * sum(c[i, j] ** 2 for i in range(3) for j in range(3) if i != j)
    assert float(siamese.barlow_twins(a, b)) == pytest.approx(wanted)
    variance = sum(np.maximum(0, 1 - np.sqrt(z.var(0, ddof=1) + 1e-4)).mean() for z in (x, y)) / 2
    covariance = sum(2 * np.cov(z.T)[i, j] ** 2 / 3 for z in (x, y) for i, j in combinations(range(3), 2))
    wanted = 25 * ((x - y) ** 2).mean() + 25 * variance + covariance
    assert float(siamese.vicreg(a, b)) == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["barlow_twins", "vicreg", "softmax_loss", "sigmoid_loss", "letters", "directions"])
def test_what_chapter_16_writes_out_is_what_its_studies_have(name: str) -> None:
    a, b = normal(2, 9, 9)
    given = {"letters": [torch.tensor([0, 587, 11_171])], "barlow_twins": [a, b], "vicreg": [a, b]}.get(name, [a])
    module = next(module for module in (siamese, two_kinds, judging) if hasattr(module, name))
    found, wanted = (function(*given) for function in (on_the_page("16", name), getattr(module, name)))
    torch.testing.assert_close(torch.as_tensor(found).double(), torch.as_tensor(wanted).double())


def test_chapter_16s_loss_and_thermometer_are_those_of_its_study() -> None:
    z = normal(3, 8, 5)  # three runs
    spread = on_the_page("16", "spread")(z)
    assert spread.tolist() == pytest.approx([judging.spread(run) for run in z])
    loss = on_the_page("16", "without_negatives")(nn.Identity(), z, z.flip(-1))
    wanted = [-cosine_similarity(run, run.flip(-1), dim=-1).mean() for run in z]
    torch.testing.assert_close(loss, torch.stack(wanted))
