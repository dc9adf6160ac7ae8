"""Networks: shapes, ranges, and runs that do not know of each other; for the frozen classifier see test_metrics.py."""

import pytest
import torch
from torch import nn

from helpers import models
from helpers.seed import rngs, seed_everything


def pictures(n: int = 5, channels: int = 1, size: int = 28) -> torch.Tensor:
    return 2 * torch.rand(n, channels, size, size, generator=rngs([0])[0]) - 1


def test_a_batched_layer_is_as_many_linear_layers() -> None:
    layer, x = models.BatchedLinear(3, 5, rngs(range(4))), torch.randn(4, 7, 3, generator=rngs([0])[0])
    loop = [nn.functional.linear(x[k], layer.weight[k].T, layer.bias[k, 0]) for k in range(4)]
    torch.testing.assert_close(layer(x), torch.stack(loop))


def test_batched_batch_normalisation_is_torchs_for_each_run() -> None:
    x = 3 + 2 * torch.randn(4, 9, 5, generator=rngs([0])[0])
    layer = models.BatchedBatchNorm(4, 5)
    torch.testing.assert_close(layer(x), nn.functional.layer_norm(x.mT, (9,)).mT)
    with torch.no_grad():
        layer.scale.copy_(torch.rand(4, 1, 5))
        layer.shift.copy_(torch.rand(4, 1, 5))
    loop = [nn.functional.batch_norm(x[k], None, None, layer.scale[k, 0], layer.shift[k, 0], True) for k in range(4)]
    torch.testing.assert_close(layer(x), torch.stack(loop))


@pytest.mark.parametrize(
    ("size", "channels", "widths", "dim"),
    [(28, 1, (16, 32, 64), 64), (32, 3, (4, 8), 7), (33, 2, (4,), 3), (8, 1, (2, 2, 2), 1)],
)
def test_the_encoder_layer_by_layer(size: int, channels: int, widths: tuple[int, ...], dim: int) -> None:
    seed_everything(0)
    encoder = models.Encoder(size, channels, widths, dim)
    x = maps = pictures(6, channels, size)
    layers = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    for layer in layers:
        maps = nn.functional.conv2d(maps, layer.weight, stride=2, padding=1)
        mean, variance = maps.mean((0, 2, 3), keepdim=True), maps.var((0, 2, 3), correction=0, keepdim=True)
        maps = ((maps - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
    last = encoder.body[-1]
    assert [layer.out_channels for layer in layers] == [*widths] and last.out_features == dim
    torch.testing.assert_close(encoder(x), maps.flatten(1) @ last.weight.T + last.bias, rtol=1e-4, atol=1e-4)
