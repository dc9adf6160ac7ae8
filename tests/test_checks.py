"""Arguments: checked against annotations, for every public function of the core, and in one wording."""

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import helpers
from helpers import checks, data, figures, losses, metrics, models, sampling, seed, train
from helpers.checks import Count, Diverged, Finite, Float, Int, Positive, checked, describe, require
from helpers.figures import levels, plots
from helpers.studies import ebgan_digits
from helpers.studies.syllables import Arm, draw_pairs

NAN, INF = math.nan, math.inf
RNG = torch.Generator()
ROWS = torch.rand(6, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 0, 1, 2, 2])
SAME = LABELS % 2
NOT_A_TENSOR = [None, 3, [0.0, 1.0], np.zeros(2)]
NOT_A_NUMBER = [None, "1", True, NAN, INF, -INF, [1], torch.tensor(1.0), np.bool_(True)]


def taking(hint: Any) -> Callable[[Any], Any]:
    def same(x: Any) -> Any:
        return [x]  # in a list, since a bare result may not be NaN

    same.__annotations__["x"] = hint
    return checked(same)


def refused(call: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ValueError, match=r"^\w+(\[\d+\])?: got .+, expected .+") as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


A_SEQUENCE = "a sequence of at least one, each a whole number of at least 1"
# What a message says is expected; the annotation; what passes; what does not.
PICTURES = torch.zeros(2, 1, 28, 28)
KINDS: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("a float tensor of shape (N, d), not empty", Float("N d"), [ROWS, ROWS.half()], [ROWS[0], ROWS[:0], LABELS]),
    ("a float tensor of shape (*S, N), not empty, S runs or none", Float("*S N"), [ROWS], [LABELS, ROWS[None]]),
    ("a finite float tensor of shape (N), not empty", Finite("N"), [ROWS[0]], [ROWS, torch.tensor([0, -INF]), LABELS]),
    ("a finite float tensor of shape (...), not empty", Finite("..."), [ROWS[0, 0], ROWS[None, None]], [ROWS[:0]]),
    ("a finite float tensor of shape (..., N, d), not empty", Finite("... N d"), [ROWS, ROWS[None]], [ROWS[0]]),
    (
        "a float tensor with values in [−1, 1] (not [0, 1]) of shape (N, 1, 28, 28), not empty",
        checks.Images("N 1 28 28"),
        [PICTURES + 1, PICTURES - 1],
        [PICTURES[..., 1:], *(PICTURES + value for value in (NAN, -1.02, 1.02, 255.0))],
    ),
    ("a tensor of whole numbers of shape (N), not empty", Int("N"), [LABELS, LABELS.bool()], [ROWS[0], *NOT_A_TENSOR]),
    ("a tensor of 0 and 1 of shape (N), not empty", checks.Binary("N"), [SAME, SAME.bool()], [LABELS, SAME * 2 - 1]),
    ("a whole number of at least 0", checks.Whole, [0, 5, np.int64(3)], [-1, 1.0, *NOT_A_NUMBER]),
    ("a whole number of at least 1", Count, [1, 5, np.int32(3)], [0, -1, 1.5, 2.0, *NOT_A_NUMBER]),
    (f"a whole number of at least 0, at most {2**32 - 1}", checks.Seed, [0, 2**32 - 1], [-1, 2**32, 1.0]),
    ("a finite number", checks.Number, [-1.5, 3, np.float32(2), np.int64(2)], [1j, *NOT_A_NUMBER]),
    ("a finite number above 0", Positive, [1e-300, 3], [0, 0.0, -1, *NOT_A_NUMBER]),
    ("a finite number of at least 0", checks.NonNegative, [0, 0.0, 3], [-1e-9]),
    ("a finite number of at least 0, at most 1", checks.Share, [0, 0.5, 1], [-0.1, 1.1]),
    ("a finite number of at least 0, below 1", checks.Beta, [0, 0.999], [1, 1.0, -0.1]),
    ("one of 'a', 'b'", Literal["a", "b"], ["a", "b"], ["c", "", None, 3, ["a"], np.str_("c")]),
    ("a Module", nn.Module, [nn.Identity()], [None, nn.Identity, 3, ROWS]),
    ("a bool", bool, [True, False], ["no", 1, 0, None]),
    ("a Callable", Callable[[Tensor], Tensor], [len, nn.Identity()], [None, 3, "len"]),
    ("a whole number of at least 1 or None", Count | None, [None, 3], [0, "3"]),
    (A_SEQUENCE, Sequence[Count], [[1], (1, 2), range(1, 4)], [[], (), 5, None, "ab", b"ab", {1}]),
    ("a sequence of 2, each of any kind", tuple[Any, Any], [(1, 0.5), [None, 3]], [(1,), (1, 1, 1), 5, None]),
    ("a finite number above 0", tuple[Count, Positive], [(1, 0.5), [2, 3]], [(1, 0)]),
]


@pytest.mark.parametrize(("expected", "hint", "good", "bad"), KINDS)
def test_what_an_annotation_says_passes_and_all_else_is_named(
    expected: str, hint: Any, good: list[Any], bad: list[Any]
) -> None:
    assert all(taking(hint)(value)[0] is value for value in good)
    for value in bad:
        assert refused(taking(hint), value) == f"x: got {describe(value)}, expected {expected}"


@checked
def two(a: Finite("*S N d"), b: Finite("*S M d"), labels: Int("N") | None = None, **more: float) -> tuple[int, ...]:
    return a.shape


def test_an_axis_has_one_length_in_all_arguments_and_that_of_runs_may_be_missing() -> None:
    a, b = torch.ones(6, 3), torch.ones(4, 3)
    assert two(a, b) == two(a, b, LABELS, more="unchecked") == (6, 3)
    assert refused(two, a, b[:, :2]).endswith("S runs or none, *S = none, d = 3")
    assert refused(two, a, b, LABELS[:5]).startswith("labels: ")
    assert refused(two, b=b[:, :2], a=a).startswith("b: ")
    assert two(a[:, :2], b[:, :2]) == (6, 2)  # nothing is kept from call to call
    assert two(a.expand(5, 6, 3), b.expand(5, 4, 3)) == (5, 6, 3)
    for first, second in (((5,), ()), ((), (5,)), ((5,), (4,)), ((1,), (5,))):
        assert refused(two, a.expand(*first, 6, 3), b.expand(*second, 4, 3)).startswith("b: ")
    assert refused(two, torch.ones(1, 5, 6, 3), b).startswith("a: ")


@pytest.mark.parametrize("loss", [losses.gan_g_loss, losses.ebgan_g_loss, losses.critic_g_loss])
def test_a_trailing_axis_of_one_is_not_read_as_runs(loss: Callable[[Tensor], Tensor]) -> None:
    assert loss(torch.zeros(4, 64)).shape == (4,)
    assert "squeeze the last axis" in refused(loss, torch.zeros(64, 1))
    assert "squeeze the last axis" in refused(losses.gan_d_loss, torch.zeros(64, 1), torch.zeros(64, 1))


def test_values_are_described_on_one_short_line() -> None:
    assert describe(torch.zeros(2, 3)) == "a tensor of shape (2, 3) and type torch.float32"
    assert describe("a\n  b") == r"'a\n  b'" and describe(3) == "3"
    assert describe(np.eye(2)) == "array([[1., 0.], [0., 1.]])"
    assert describe([10**9] * 9).startswith("list [1000000000, 1000000000") and len(describe("a" * 99)) <= 65
    assert refused(require, False, "a", "words as words", "b") == "a: got words as words, expected b"


def core() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield each public function, constructor and method that is written in the core, but not in `checks` itself."""
    for package in (helpers, figures):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(info.name)).items():
                own = getattr(value, "__module__", "") == info.name != "helpers.checks" and name[0] != "_"
                for key, function in [("", value), *(vars(value).items() if inspect.isclass(value) else ())]:
                    if own and inspect.isfunction(function) and (key[:1] != "_" or key == "__init__"):
                        yield f"{info.name}.{name}.{key}", function


CORE = dict(core())


def test_every_public_function_of_the_core_is_checked_and_every_argument_annotated() -> None:
    modules = {name.split(".")[-3] for name in CORE}
    assert modules >= {"claims", "data", "losses", "metrics", "models", "sampling", "seed", "train", "plots", "widgets"}
    assert len(CORE) > 80
    assert not {name for name, function in CORE.items() if not getattr(function, "is_checked", False)}
    for name, function in CORE.items():
        strict = any(part in name for part in (".losses.", ".metrics.", ".data.Mix"))
        bare = ("Tensor", "int", "float") if strict else ()  # which would say too little
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.name == "self" or parameter.annotation not in (*bare, parameter.empty), (name, parameter)


RING, NETWORK, PAIRS = data.ring(), models.mlp((2, 2)), ROWS[:, :2]
STEEP, OTHER = ROWS.clone().requires_grad_(), torch.ones(6, requires_grad=True)
RUNS, STILL = ROWS.expand(2, 6, 3), {"x": ROWS, "steps": 1, "step_size": 1, "noise": 0}
TRAIN_TEST = {"train_x": ROWS, "train_y": LABELS, "test_x": ROWS, "test_y": LABELS}
DIGITS = data.digits("test")[0][::125]
WHITE = {"images": [DIGITS / 2 + 0.5, DIGITS * 127.5 + 127.5]}  # as other libraries have them
# Nine numbers in [−3, 3]: none are farther apart than 6 · √9, or in mean square than 6².
BOUNDED = {"generator": NETWORK, "autoencoder": models.AutoEncoder(nn.Linear(1, 1), nn.Identity(), 3.0), "numbers": 9}
LARGEST = {"degrees": 180, "scale": 0.99, "shift": 0.99, "shear": 0.99, "strength": 1}
BEYOND = {"degrees": [-1, 181], "scale": [-1, 1], "shift": [-1, 1], "shear": [-1, 1], "strength": [-0.1, 1.1]}
PLAYED = train.make_game(NETWORK, models.mlp((2, 1), scalar=True)), train.gan(), lambda: PAIRS, lambda: PAIRS
CASES: list[tuple[Callable[..., Any], dict[str, Any], dict[str, list[Any]]]] = [
    (data.Mixture(ROWS, 1.0).log_prob, {"x": ROWS}, {"x": [PAIRS, ROWS[:, :1], torch.ones(())]}),
    (data.grid, {"side": 2}, {"side": [1, 2.5]}),
    (data.augment, {"images": PICTURES, "rng": RNG, **LARGEST}, BEYOND | WHITE),
    (data.augment, {"images": DIGITS, "rng": RNG}, {"images": [DIGITS[..., 1:]]}),  # a rotation would shear them
    (data.rgb32, {"images": DIGITS}, WHITE),
    (metrics.digit_features, {"images": DIGITS}, WHITE),
    (partial(plots.picture_grid, plots.figure()[1]), {"images": DIGITS}, WHITE),
    (partial(data.pairs, rng=RNG), {"labels": LABELS, "n": 4}, {"n": [1, 3], "labels": [LABELS * 0, LABELS[:5]]}),
    (losses.r1_penalty, {"logits": STEEP.sum(-1), "real": STEEP}, {"real": [ROWS, STEEP[:2]], "logits": [OTHER * 2]}),
    (losses.reconstruction_energy, {"autoencoder": lambda x: x, "x": ROWS}, {"autoencoder": [lambda x: x[:, :1]]}),
    (partial(losses.reconstruction_energy, nn.Identity()), {"x": ROWS}, {"x": [ROWS[0]]}),
    (losses.pull_away, {"codes": ROWS}, {"codes": [ROWS[:1]]}),
    (losses.pull_away_unsquared, {"codes": ROWS}, {"codes": [ROWS[:1]]}),
    (losses.pair_margin_loss, {"distance": ROWS[:, 0], "same": SAME, "margin": 1}, {"distance": [-ROWS[:, 0]]}),
    (losses.sup_con, {"embeddings": ROWS, "labels": LABELS, "temperature": 0.5}, {"labels": [torch.arange(6)]}),
    (metrics.nearest_mode, {"samples": PAIRS, "mixture": RING}, {"samples": [ROWS, ROWS[:, :1]]}),
    (metrics.jensen_shannon, {"p": ROWS, "q": ROWS, "cell": 0.1}, {"p": [-ROWS], "q": [-ROWS, PAIRS, ROWS[0]]}),
    (partial(metrics.jensen_shannon, ROWS, cell=0.1), {"q": ROWS}, {"q": [ROWS * 9]}),  # more than 1 in all
    (metrics.frechet_distance, {"a": ROWS, "b": ROWS}, {"a": [ROWS[:1]], "b": [ROWS[:1]]}),
    (metrics.precision_recall, {"real": ROWS, "fake": ROWS}, {"real": [ROWS[:3]], "fake": [ROWS[:3]]}),
    (
        metrics.accuracy,
        {"predictions": SAME, "labels": SAME},
        {"labels": [SAME[:5], SAME[:, None]], "predictions": [SAME * 0.9, SAME - 1, SAME / 0, SAME * 1j]},
    ),
    (metrics.best_threshold, {"scores": ROWS[:, 0], "same": SAME}, {"same": [SAME * 0, SAME * 0 + 1]}),
    (metrics.auroc, {"scores": ROWS[:, 0], "positive": SAME}, {"positive": [SAME * 0, SAME * 0 + 1]}),
    (metrics.knn_accuracy, {**TRAIN_TEST, "k": 6}, {"k": [7]}),
    (metrics.linear_probe, TRAIN_TEST, {"train_y": [LABELS * 0]}),
    (metrics.t_interval, {"values": ROWS[0]}, {"values": [ROWS[0, :1]], "level": [0, 1, 95]}),
    (metrics.verdict, {"low": 1, "high": 1}, {"high": [-1]}),
    (metrics.wilson_interval, {"successes": 5, "n": 5}, {"successes": [6]}),
    (models.BatchedLinear(2, 3, [RNG]).forward, {"x": PAIRS[None]}, {"x": [ROWS[None], PAIRS.expand(2, 6, 2)]}),
    (models.mlp, {"sizes": (2, 1), "scalar": True}, {"sizes": [(2,), (2, 3)]}),
    (partial(models.mlp, (2, 2, 2)), {}, {"seeds": [[0, 0]], "activation": [nn.ReLU()]}),
    (models.Generator(latent=4).forward, {"z": torch.zeros(2, 4)}, {"z": [torch.zeros(2, 3)]}),
    (models.mlp_autoencoder, {"sizes": (4, 2), "pictures": (1, 2, 2)}, {"pictures": [(1, 2, 3)]}),
    (partial(models.mlp_autoencoder, (4, 2), [0]), {}, {"pictures": [(1, 2, 2)]}),
    (models.Encoder, {}, {"size": [7]}),
    (models.Encoder().forward, {"x": PICTURES}, {"x": [PICTURES[..., :27], PICTURES.repeat(1, 3, 1, 1)]}),
    (
        train.make_game,
        {"generator": NETWORK, "discriminator": models.mlp((2, 1))},
        {"discriminator": [NETWORK, nn.Sequential(NETWORK, nn.ReLU())]},
    ),
    (train.make_ebgan, {**BOUNDED, "margin": 18}, {"margin": [18.01]}),
    (train.make_ebgan, {**BOUNDED, "margin": 36, "kind": "mse"}, {"margin": [36.01]}),
    (partial(sampling.langevin, torch.sum, ROWS, 1, 0.1), {"rng": RNG}, {"rng": [None, [RNG] * 5]}),
    (partial(sampling.langevin, **STILL), {"energy": torch.sum}, {"energy": [lambda x: OTHER]}),
    (models.BatchedBatchNorm(2, 3).forward, {"x": RUNS}, {"x": [RUNS[:, :1], RUNS[:1]]}),
    (partial(train.fit, *PLAYED, steps=1), {"device": None}, {"device": ["gpu", "", "cuda:99", "meta", "hpu"]}),
    (seed.torch_seed, {"seed": 0}, {"seed": [-1]}),
    (partial(seed.seed_everything, 0), {}, {"threads": [10**6]}),
    (lambda batch: draw_pairs(Arm(batch=batch), torch.zeros(4, 3, 1, 8, 8), RNG), {"batch": 4}, {"batch": [5]}),
]


@pytest.mark.parametrize(("function", "good", "bad"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_what_an_annotation_cannot_say(function: Any, good: dict[str, Any], bad: dict[str, list[Any]]) -> None:
    function(**good)  # if this failed, the others might be refused for another reason
    for name, values in bad.items():
        for value in values:
            assert refused(function, **{**good, name: value}).startswith(f"{name}: ")


FOUR, PLAIN = torch.rand(6, 4), torch.tensor([0, 1, 0, 1, 0, 1])
FLAT = torch.full((4, 2), NAN)


def refuses(call: Callable[[], Any], expected: str = "") -> None:
    with pytest.raises((ValueError, Diverged), match=expected):
        call()


@pytest.mark.parametrize("scale", [1e20, 1e30, 1e-24, 1e-38])
def test_n_embeddings_of_any_length_have_their_direction(scale: float) -> None:
    codes = torch.eye(2) + 0.3
    for loss in (losses.pull_away, losses.pull_away_unsquared, lambda x: losses.nt_xent(x, x, 0.5)):
        torch.testing.assert_close(loss(codes * scale), loss(codes))
    assert losses.pull_away(codes * scale).item() == pytest.approx(0.192, abs=5e-4)
    assert metrics.retrieval_accuracy(codes * scale, codes * scale) == 1
    assert metrics.knn_accuracy(FOUR * scale, PLAIN, FOUR * scale, PLAIN, 1) == 1


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_n_metrics_take_each_kind_of_float(kind: torch.dtype) -> None:
    rows = FOUR.to(kind)
    assert metrics.knn_accuracy(rows, PLAIN, rows, PLAIN, 1) == 1 and metrics.precision_recall(rows, FOUR) == (1, 1)
    assert metrics.linear_probe(rows, PLAIN, rows, PLAIN) == metrics.linear_probe(*(rows.float(), PLAIN) * 2)
    assert metrics.class_probabilities(torch.ones(2, 64, dtype=kind)).sum().item() == pytest.approx(2)
    assert metrics.nearest_mode(data.ring().centers.to(kind), data.ring()).tolist() == [*range(8)]


def test_y_what_is_not_finite_does_not_pass() -> None:
    picture = torch.full((2, 1, 28, 28), math.nan)
    for network, x in (
        (models.mlp((2, 2)), FLAT),
        (models.mlp((2, 2), [0]), FLAT[None]),
        (models.Generator(2), FLAT),
        *((network(), picture) for network in (models.Discriminator, models.Encoder, models.DigitClassifier)),
    ):
        refuses(lambda network=network, x=x: network(x), "NaN or infinite")
    with pytest.raises(Diverged, match=r"^step 1: .*NaN or infinite"):
        train.fit_encoder(models.mlp((2, 2)), lambda e, x: e(x).square().mean(), lambda: [FLAT], 2)
    with pytest.raises(Diverged, match=r"^step 1: a weight is NaN or infinite"):  # by a root's slope at 0
        train.fit_encoder(models.mlp((2, 2)), lambda e, x: (0 * e(x)).sum().sqrt(), lambda: [FOUR[:, :2]], 1)
    large = torch.full((4,), 300.0).half()
    refuses(lambda: losses.least_squares_d_loss(large, large), "NaN or infinite")
    for number in (1e300, 10**400):
        refuses(lambda n=number: losses.ebgan_d_loss(FOUR[0], FOUR[0], n), "margin: got .* no larger")
        refuses(lambda n=number: losses.cosine_bce(FOUR, FOUR, PLAIN, scale=n), "scale")
        refuses(lambda n=number: levels.pair_margin_loss(n), "margin")


def test_errors_from_the_depths_of_torch_are_told_at_the_surface() -> None:
    network = models.mlp((4, 2))
    sparse, meta = FOUR.to_sparse(), FOUR.to("meta")
    for x in (None, FOUR.double(), FOUR.half(), FOUR[:, :3], FOUR.int(), sparse, meta, FOUR.cfloat()):
        refuses(lambda x=x: network(x), "x: got")
    for x in (sparse, meta):
        refuses(lambda x=x: losses.nt_xent(x, x, 0.5), "a: got")
        refuses(lambda x=x: train.embed(network, x), "x: got")
        refuses(lambda x=x: metrics.effective_number(x), "labels: got")
    with torch.no_grad():
        assert sampling.langevin(lambda x: x.square().sum(-1), FOUR, 1, 0.5, noise=0).abs().max() == 0
        refuses(lambda: train.fit_encoder(network, lambda e, x: e(x).mean(), lambda: [FOUR], 1), "loss: .*gradient")
    refuses(lambda: train.embed(network, FOUR[0, 0]), "x: got .*rows")
    game = train.make_game(models.mlp((2, 4)), models.mlp((4, 1), scalar=True))
    for draw in ("sample_real", "sample_noise"):
        sources = {"sample_real": lambda: FOUR, "sample_noise": lambda: FOUR[:, :2]}
        refuses(lambda s=sources | {draw: list}: train.fit(game, train.gan(), steps=1, **s), f"{draw}: got .*tensor")
    assert models.ScaledEncoder(network, scale=1e-300).log_scale.isfinite()
    assert seed.seed_everything(np.int64(3)).initial_seed() == 3
    for energy in (lambda x: FOUR[:, 0], lambda x: 3.0):
        refuses(lambda e=energy: sampling.langevin(e, FOUR, 1, 0.5, 0), "energy: ")
    refuses(lambda: data.load("mnist", "train", None), "root: ")
    refuses(lambda: ebgan_digits.run(0, "a", "gan", 1, 0, 4, 0.2, pull_away=0.5), "pull_away: ")
