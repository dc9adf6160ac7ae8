"""Networks: shapes, ranges, and runs that do not know of each other."""

import math

import pytest
import torch
from torch import nn

from helpers import models
from helpers.data import digits
from helpers.seed import rngs, seed_everything

SIZES = (2, 16, 16, 1)


def weights(network: nn.Module, run: int) -> list[torch.Tensor]:
    """Return one run's weights."""
    return [parameter.detach()[run] for parameter in network.parameters()]


def test_each_run_starts_as_if_alone() -> None:
    seeds, before = [3, 14, 15, 92, 3], torch.get_rng_state()
    together = models.mlp(SIZES, seeds)
    assert torch.equal(before, torch.get_rng_state())
    for k, seed in enumerate(seeds):
        alone = weights(models.mlp(SIZES, [seed]), 0)
        assert len(alone) == 6
        assert all(torch.equal(a, b) for a, b in zip(weights(together, k), alone, strict=True))
    assert torch.equal(weights(together, 0)[0], weights(together, 4)[0])  # the same seed twice
    assert not torch.equal(weights(together, 0)[0], weights(together, 1)[0])


def test_a_batched_layer_is_as_many_linear_layers() -> None:
    layer = models.BatchedLinear(3, 5, rngs([0, 1, 2, 3]))
    x = torch.randn(4, 7, 3, generator=torch.Generator().manual_seed(0))
    loop = [nn.functional.linear(x[k], layer.weight[k].T, layer.bias[k, 0]) for k in range(4)]
    torch.testing.assert_close(layer(x), torch.stack(loop))


def test_the_starting_weights_are_spread_as_in_torchs_linear() -> None:
    layer = models.BatchedLinear(64, 400, rngs([0]))
    for start in (layer.weight, layer.bias):
        assert start.abs().max() <= 1 / 8  # 1/√64
    assert layer.weight.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=2e-3)


def test_a_batched_network_computes_what_an_ordinary_one_does() -> None:
    together, alone = models.mlp(SIZES, [5, 6], scalar=True), models.mlp(SIZES, scalar=True)
    x = torch.randn(2, 9, 2, generator=torch.Generator().manual_seed(0))
    for run in range(2):
        with torch.no_grad():
            for mine, theirs in zip(alone.parameters(), weights(together, run), strict=True):
                mine.copy_(theirs.T.squeeze(-1) if theirs.shape[0] == 1 else theirs.T)
        torch.testing.assert_close(alone(x[run]), together(x)[run])


def test_mlp_puts_the_activation_between_layers_and_none_at_the_end() -> None:
    kinds = [type(layer) for layer in models.mlp((2, 4, 4, 3), activation=nn.Tanh)]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
    assert models.mlp((2, 1))(torch.full((1, 2), -1e3)).shape == (1, 1)  # one layer, no activation at all


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_generator_draws_pictures() -> None:
    seed_everything(0)
    generator = models.Generator(latent=20, hidden=32, channels=(8, 4))
    pictures = generator(100 * torch.randn(6, 20))
    assert pictures.shape == (6, 1, 28, 28)
    assert -1 <= pictures.min() < -0.5 < 0.5 < pictures.max() <= 1
    assert generator.latent == 20


def test_the_number_of_parameters_is_the_sum_of_the_layers() -> None:
    # linear + norm, linear + norm, convolution + norm, convolution
    expected = (32 * 128 + 128 + 256) + (128 * 784 + 784 + 1568) + (16 * 32 * 9 + 32 + 16) + (8 * 4 * 9 + 4)
    assert count(models.Generator()) == expected
    expected = (1 * 8 * 16 + 8) + (8 * 16 * 16 + 16) + (784 * 64 + 64) + (64 + 1)
    assert count(models.Discriminator()) == expected
    expected = (16 * 9 + 16) + (16 * 32 * 9 + 32) + (32 * 49 * 64 + 64) + (64 * 10 + 10)
    assert count(models.DigitClassifier()) == expected


def test_the_discriminator_gives_one_unbounded_number_per_picture() -> None:
    seed_everything(0)
    discriminator = models.Discriminator()
    discriminator(models.Generator()(torch.randn(4, 32))).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in discriminator.parameters())
    x = torch.rand(5, 1, 28, 28) * 2 - 1
    assert discriminator(x).shape == (5,)
    assert discriminator(x[:1]).shape == (1,)  # a batch of one keeps its axis
    assert discriminator(1e4 * x).abs().max() > 1  # a logit, no probability
    torch.testing.assert_close(discriminator(x)[2], discriminator(x[2:3])[0])  # nothing mixes the batch


def test_the_classifier_has_64_features_that_are_not_negative() -> None:
    seed_everything(0)
    model, x = models.DigitClassifier(), torch.rand(5, 1, 28, 28) * 2 - 1
    assert model.features(x).shape == (5, 64) and (model.features(x) >= 0).all()
    assert model(x).shape == (5, 10)
    torch.testing.assert_close(model(x), model.head(model.features(x)))


@pytest.mark.parametrize(
    ("size", "channels", "widths", "dim"),
    [(28, 1, (16, 32, 64), 64), (32, 3, (4, 8), 7), (33, 2, (4,), 3), (8, 1, (2, 2, 2), 1)],
)
def test_the_encoder_takes_any_square_picture(size: int, channels: int, widths: tuple[int, ...], dim: int) -> None:
    seed_everything(0)
    encoder = models.Encoder(size, channels, widths, dim)
    x = 2 * torch.rand(5, channels, size, size) - 1
    assert encoder(x).shape == (5, dim)
    side, expected = size, 0
    for inputs, outputs in zip((channels, *widths), widths, strict=False):
        side = math.ceil(side / 2)
        expected += inputs * outputs * 9 + 2 * outputs  # convolution without bias, batch normalisation
    assert count(encoder) == expected + widths[-1] * side**2 * dim + dim


def test_the_encoder_layer_by_layer() -> None:
    seed_everything(0)
    encoder, maps = models.Encoder(widths=(4, 8), dim=5), torch.rand(6, 1, 28, 28) * 2 - 1
    x = maps
    for layer in encoder.modules():
        if isinstance(layer, nn.Conv2d):
            maps = nn.functional.conv2d(maps, layer.weight, stride=2, padding=1)
            mean, variance = maps.mean((0, 2, 3), keepdim=True), maps.var((0, 2, 3), correction=0, keepdim=True)
            maps = ((maps - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
    last = encoder.body[-1]
    torch.testing.assert_close(encoder(x), maps.flatten(1) @ last.weight.T + last.bias, rtol=1e-4, atol=1e-5)


def test_untrained_embeddings_do_not_look_alike_and_every_weight_gets_a_gradient() -> None:
    images = digits("test")[0][::10]
    for seed in range(3):
        seed_everything(seed)
        encoder = models.Encoder()
        rows = nn.functional.normalize(encoder(images), dim=1)
        assert (rows @ rows.T).mean() < 0.8
        (rows * torch.randn(50, 64)).sum().backward()
        for parameter in encoder.parameters():
            assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0


def test_batched_batch_normalisation_is_torchs_for_each_run() -> None:
    x = 3 + 2 * torch.randn(4, 9, 5, generator=torch.Generator().manual_seed(0))
    layer = models.BatchedBatchNorm(4, 5)
    with torch.no_grad():
        layer.scale.copy_(torch.rand(4, 1, 5))
        layer.shift.copy_(torch.rand(4, 1, 5))
    loop = [nn.functional.batch_norm(x[k], None, None, layer.scale[k, 0], layer.shift[k, 0], True) for k in range(4)]
    torch.testing.assert_close(layer(x), torch.stack(loop))
    torch.testing.assert_close(models.BatchedBatchNorm(4, 5)(x), nn.functional.layer_norm(x.mT, (9,)).mT)


def test_a_scaled_encoder_adds_a_positive_scale_and_a_bias() -> None:
    encoder, x = models.Encoder(dim=3), torch.rand(4, 1, 28, 28)
    scaled = models.ScaledEncoder(encoder, scale=4.0, bias=-1)
    assert torch.equal(scaled(x), encoder(x))
    assert scaled.log_scale.exp().item() == pytest.approx(4) and scaled.bias.item() == -1
    assert count(scaled) == count(encoder) + 2
    default = models.ScaledEncoder(encoder)
    assert default.log_scale.exp().item() == pytest.approx(10) and default.bias.item() == -5  # as in the paper
