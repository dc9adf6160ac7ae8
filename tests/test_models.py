"""Networks: shapes, ranges, and universes that do not know of each other."""

import math

import pytest
import torch
from torch import nn

from helpers.data import digits, rgb32
from helpers.models import BatchedLinear, DigitClassifier, Discriminator, Encoder, Generator, StudyGroupEncoder, mlp
from helpers.seed import generators, seed_everything

SIZES = (2, 16, 16, 1)


def weights(network: nn.Module, universe: int) -> list[torch.Tensor]:
    """Return one universe's weights."""
    return [parameter.detach()[universe] for parameter in network.parameters()]


def test_each_universe_starts_as_if_alone() -> None:
    seeds = [3, 14, 15, 92, 3]
    together = mlp(SIZES, seeds)
    for k, seed in enumerate(seeds):
        alone = weights(mlp(SIZES, [seed]), 0)
        assert len(alone) == 6
        assert all(torch.equal(a, b) for a, b in zip(weights(together, k), alone, strict=True))
    assert torch.equal(weights(together, 0)[0], weights(together, 4)[0])  # the same seed twice
    assert not torch.equal(weights(together, 0)[0], weights(together, 1)[0])


def test_batched_layers_draw_from_their_own_generators_only() -> None:
    before = torch.get_rng_state()
    mlp(SIZES, range(4))
    assert torch.equal(before, torch.get_rng_state())


def test_a_batched_layer_is_as_many_linear_layers() -> None:
    layer = BatchedLinear(3, 5, generators([0, 1, 2, 3]))
    x = torch.randn(4, 7, 3, generator=torch.Generator().manual_seed(0))
    loop = [nn.functional.linear(x[k], layer.weight[k].T, layer.bias[k, 0]) for k in range(4)]
    torch.testing.assert_close(layer(x), torch.stack(loop))


def test_the_starting_weights_are_spread_as_in_torchs_linear() -> None:
    layer = BatchedLinear(64, 400, generators([0]))
    for start in (layer.weight, layer.bias):
        assert start.abs().max() <= 1 / 8  # 1/√64
    assert layer.weight.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=2e-3)


def test_a_batched_network_computes_what_an_ordinary_one_does() -> None:
    together, alone = mlp(SIZES, [5, 6], scalar=True), mlp(SIZES, scalar=True)
    x = torch.randn(2, 9, 2, generator=torch.Generator().manual_seed(0))
    for universe in range(2):
        with torch.no_grad():
            for mine, theirs in zip(alone.parameters(), weights(together, universe), strict=True):
                mine.copy_(theirs.T.squeeze(-1) if theirs.shape[0] == 1 else theirs.T)
        torch.testing.assert_close(alone(x[universe]), together(x)[universe])


def test_mlp_shapes() -> None:
    assert mlp((3, 8, 4))(torch.zeros(5, 3)).shape == (5, 4)
    assert mlp((3, 8, 1), scalar=True)(torch.zeros(5, 3)).shape == (5,)
    assert mlp((3, 8, 4), range(6))(torch.zeros(6, 5, 3)).shape == (6, 5, 4)
    assert mlp((3, 8, 1), range(6), scalar=True)(torch.zeros(6, 5, 3)).shape == (6, 5)
    assert mlp((3, 8, 1), [0], scalar=True)(torch.zeros(1, 1, 3)).shape == (1, 1)


def test_mlp_puts_the_activation_between_layers_and_none_at_the_end() -> None:
    kinds = [type(layer) for layer in mlp((2, 4, 4, 3), activation=nn.Tanh)]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
    assert mlp((2, 1))(torch.full((1, 2), -1e3)).shape == (1, 1)  # one layer, no activation at all


def test_an_ordinary_network_comes_from_the_global_seed() -> None:
    seed_everything(1)
    first = mlp(SIZES)[0].weight
    seed_everything(1)
    assert torch.equal(first, mlp(SIZES)[0].weight)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_generator_draws_pictures() -> None:
    seed_everything(0)
    generator = Generator(latent=20, hidden=32, channels=(8, 4))
    pictures = generator(100 * torch.randn(6, 20))
    assert pictures.shape == (6, 1, 28, 28)
    assert -1 <= pictures.min() < -0.5 < 0.5 < pictures.max() <= 1
    assert generator.latent == 20


def test_the_number_of_parameters_is_the_sum_of_the_layers() -> None:
    # linear + norm, linear + norm, convolution + norm, convolution
    expected = (32 * 128 + 128 + 256) + (128 * 784 + 784 + 1568) + (16 * 32 * 9 + 32 + 16) + (8 * 4 * 9 + 4)
    assert count(Generator()) == expected
    expected = (1 * 8 * 16 + 8) + (8 * 16 * 16 + 16) + (784 * 64 + 64) + (64 + 1)
    assert count(Discriminator()) == expected
    expected = (16 * 9 + 16) + (16 * 32 * 9 + 32) + (32 * 49 * 64 + 64) + (64 * 10 + 10)
    assert count(DigitClassifier()) == expected


def test_every_weight_gets_a_gradient() -> None:
    seed_everything(0)
    generator, discriminator = Generator(), Discriminator()
    discriminator(generator(torch.randn(4, 32))).sum().backward()
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        assert parameter.grad is not None and parameter.grad.isfinite().all()
    assert sum(p.grad.abs().sum() for p in generator.parameters()) > 0


def test_the_discriminator_gives_one_unbounded_number_per_picture() -> None:
    seed_everything(0)
    discriminator = Discriminator()
    x = torch.rand(5, 1, 28, 28) * 2 - 1
    assert discriminator(x).shape == (5,)
    assert discriminator(x[:1]).shape == (1,)  # a batch of one keeps its axis
    assert discriminator(1e4 * x).abs().max() > 1  # a logit, no probability
    torch.testing.assert_close(discriminator(x)[2], discriminator(x[2:3])[0])  # nothing mixes the batch


def test_the_classifier_has_64_features_that_are_not_negative() -> None:
    seed_everything(0)
    model, x = DigitClassifier(), torch.rand(5, 1, 28, 28) * 2 - 1
    assert model.features(x).shape == (5, 64) and (model.features(x) >= 0).all()
    assert model(x).shape == (5, 10)
    torch.testing.assert_close(model(x), model.head(model.features(x)))


def test_the_groups_encoder_layer_by_layer() -> None:
    seed_everything(0)
    encoder, x = StudyGroupEncoder(), torch.rand(4, 3, 32, 32) * 2 - 1
    first, second, last = (layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
    f = nn.functional
    maps = f.max_pool2d(f.conv2d(x, first.weight, first.bias, padding=1).clamp(min=0), 2)
    maps = f.max_pool2d(f.conv2d(maps, second.weight, second.bias, padding=1).clamp(min=0), 2)
    assert maps.shape == (4, 128, 8, 8)
    rows = f.linear(maps.reshape(4, -1), last.weight, last.bias)
    torch.testing.assert_close(encoder(x), rows / rows.norm(dim=1, keepdim=True))
    assert count(encoder) == (3 * 64 * 9 + 64) + (64 * 128 * 9 + 128) + (128 * 64 * 128 + 128)


@pytest.mark.parametrize(("dim", "kernel", "extra"), [(128, 3, 0), (5, 3, 0), (5, 5, 1), (5, 1, 3)])
def test_the_groups_encoder_gives_unit_vectors(dim: int, kernel: int, extra: int) -> None:
    seed_everything(0)
    encoder, x = StudyGroupEncoder(dim, kernel=kernel, extra=extra), torch.rand(3, 3, 32, 32) * 2 - 1
    assert encoder.dim == dim
    assert encoder(x).shape == (3, dim)
    torch.testing.assert_close(encoder(x).norm(dim=1), torch.ones(3))
    torch.testing.assert_close(encoder(x)[1:2], encoder(x[1:2]))  # nothing mixes the batch
    more = extra * (128 * 128 * kernel**2 + 128)
    linear = 128 * (8 >> extra) ** 2 * dim + dim
    assert count(encoder) == (3 * 64 * kernel**2 + 64) + (64 * 128 * kernel**2 + 128) + more + linear


@pytest.mark.parametrize(
    ("size", "channels", "widths", "dim"),
    [(28, 1, (16, 32, 64), 64), (32, 3, (4, 8), 7), (33, 2, (4,), 3), (8, 1, (2, 2, 2), 1)],
)
def test_the_encoder_takes_any_square_picture(size: int, channels: int, widths: tuple[int, ...], dim: int) -> None:
    seed_everything(0)
    encoder = Encoder(size, channels, widths, dim)
    assert (encoder.size, encoder.channels, encoder.dim) == (size, channels, dim)
    x = 2 * torch.rand(5, channels, size, size) - 1
    assert encoder(x).shape == (5, dim)
    side, expected = size, 0
    for inputs, outputs in zip((channels, *widths), widths, strict=False):
        side = math.ceil(side / 2)
        expected += inputs * outputs * 9 + 2 * outputs  # convolution without bias, batch normalisation
    assert count(encoder) == expected + widths[-1] * side**2 * dim + dim


def test_the_encoder_layer_by_layer() -> None:
    seed_everything(0)
    encoder, maps = Encoder(widths=(4, 8), dim=5), torch.rand(6, 1, 28, 28) * 2 - 1
    x = maps
    for layer in encoder.modules():
        if isinstance(layer, nn.Conv2d):
            maps = nn.functional.conv2d(maps, layer.weight, stride=2, padding=1)
            mean, variance = maps.mean((0, 2, 3), keepdim=True), maps.var((0, 2, 3), correction=0, keepdim=True)
            maps = ((maps - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
    last = encoder.body[-1]
    torch.testing.assert_close(encoder(x), maps.flatten(1) @ last.weight.T + last.bias, rtol=1e-4, atol=1e-5)


def test_the_encoder_normalises_its_batch_but_not_its_embeddings() -> None:
    seed_everything(0)
    encoder, x = Encoder(), torch.rand(6, 1, 28, 28) * 2 - 1
    lengths = encoder(x).norm(dim=1)
    assert lengths.std() > 0.01 and (lengths - 1).abs().min() > 0.01
    assert (encoder(x)[:1] - encoder(torch.cat([x[:1], -x[1:]]))[:1]).abs().max() > 0.01  # training mixes the batch
    encoder.eval()
    torch.testing.assert_close(encoder(x)[:1], encoder(x[:1]))  # evaluation does not


def test_untrained_embeddings_of_the_encoder_do_not_look_alike() -> None:
    images = digits("test")[0][::10]
    alike = {}
    for name, network in (("group", StudyGroupEncoder), ("small", Encoder)):
        cosines = []
        for seed in range(3):
            seed_everything(seed)
            with torch.no_grad():
                rows = nn.functional.normalize(network()(rgb32(images) if name == "group" else images), dim=1)
            cosines.append(float((rows @ rows.T).mean()))
        alike[name] = cosines
    assert max(alike["small"]) < 0.8 < min(alike["group"]), alike


def test_every_weight_of_the_encoders_gets_a_gradient() -> None:
    seed_everything(0)
    for network, x in ((StudyGroupEncoder(8), torch.randn(4, 3, 32, 32)), (Encoder(dim=8), torch.randn(4, 1, 28, 28))):
        (network(x) * torch.randn(4, 8)).sum().backward()
        for parameter in network.parameters():
            assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0
