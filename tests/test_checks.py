"""Arguments: checked against annotations, for every public function of the core, and in one wording."""

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import helpers
from helpers import data, figures, losses, metrics, models, sampling, seed, train
from helpers.checks import (
    Binary,
    Count,
    Decay,
    Finite,
    Float,
    Images,
    Int,
    NonNegative,
    Number,
    Positive,
    Range,
    Seed,
    Share,
    Whole,
    check_calls,
    checked,
    describe,
    require,
)

NAN, INF = math.nan, math.inf
RNG = torch.Generator()
ROWS = torch.rand(6, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 0, 1, 2, 2])
NOT_A_TENSOR = [None, 3, [0.0, 1.0], np.zeros(2)]
NOT_A_NUMBER = [None, "1", True, NAN, INF, -INF, [1], torch.tensor(1.0), np.bool_(True)]


def taking(hint: Any) -> Callable[[Any], Any]:
    """Return a checked function of one argument, `x`, that gives it back."""

    def same(x: Any) -> Any:
        return x

    same.__annotations__["x"] = hint
    return checked(same)


def refused(call: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Return what a refusal says, after a look at its three parts."""
    with pytest.raises(ValueError, match=r"^\w+(\[\d+\])?: got .+, expected .+") as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- each kind of annotation -----------------------------------------------------------------------

KINDS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "Float": (
        Float("N d"),
        [ROWS, torch.full((1, 1), NAN), ROWS.half(), ROWS.double()],
        [ROWS[0], ROWS[None], ROWS[:0], ROWS.int(), ROWS.bool(), ROWS.cfloat(), *NOT_A_TENSOR],
    ),
    "Finite": (Finite("N"), [ROWS[0]], [ROWS, torch.tensor([NAN]), torch.tensor([0, -INF]), LABELS, *NOT_A_TENSOR]),
    "Finite of any shape": (Finite("..."), [ROWS, ROWS[0], ROWS[0, 0], ROWS[None, None]], [ROWS[:0], INF * ROWS]),
    "Finite with axes before": (Finite("... N d"), [ROWS, ROWS[None], ROWS[None, None]], [ROWS[0], ROWS[0, 0]]),
    "Images": (
        Images("N 1 28 28"),
        [torch.ones(2, 1, 28, 28), torch.full((2, 1, 28, 28), -1.0)],
        [torch.ones(2, 3, 28, 28), torch.ones(2, 1, 28, 27), torch.ones(28, 28), torch.full((2, 1, 28, 28), 255.0)]
        + [torch.full((2, 1, 28, 28), value) for value in (NAN, -1.02, 1.02)],
    ),
    "Int": (Int("N"), [LABELS, LABELS.bool(), LABELS.to(torch.uint8)], [LABELS.float(), LABELS[None], *NOT_A_TENSOR]),
    "Binary": (
        Binary("N"),
        [LABELS % 2, LABELS.bool(), (LABELS % 2).double()],
        [LABELS, LABELS % 2 * 2 - 1, torch.full((6,), 0.5), torch.tensor([NAN, 1]), *NOT_A_TENSOR],
    ),
    "Whole": (Whole, [0, 5, np.int64(3)], [-1, 1.0, *NOT_A_NUMBER]),
    "Count": (Count, [1, 5, np.int32(3)], [0, -1, 1.5, 2.0, *NOT_A_NUMBER]),
    "Seed": (Seed, [0, 2**32 - 1], [-1, 2**32, 1.0, b"01", *NOT_A_NUMBER]),
    "Number": (Number, [-1.5, 3, np.float32(2), np.int64(2)], [1j, *NOT_A_NUMBER]),
    "Positive": (Positive, [1e-300, 3], [0, 0.0, -1, *NOT_A_NUMBER]),
    "NonNegative": (NonNegative, [0, 0.0, 3], [-1e-9, *NOT_A_NUMBER]),
    "Share": (Share, [0, 0.5, 1], [-0.1, 1.1, *NOT_A_NUMBER]),
    "Decay": (Decay, [0, 0.999], [1, 1.0, -0.1, *NOT_A_NUMBER]),
    "Literal": (Literal["a", "b"], ["a", "b"], ["c", "", None, 3, ["a"], np.str_("c")]),
    "a class": (nn.Module, [nn.Identity()], [None, nn.Identity, 3, ROWS]),
    "a float": (float, [1, 0.5, np.float32(2)], [1j, *NOT_A_NUMBER]),
    "bool": (bool, [True, False], ["no", 1, 0, None]),
    "a callable": (Callable[[Tensor], Tensor], [len, nn.Identity()], [None, 3, "len"]),
    "one of two": (Count | None, [None, 3], [0, "3"]),
    "a sequence": (Sequence[Count], [[1], (1, 2), range(1, 4)], [[], (), 5, None, "ab", b"ab", [1, 0], [1.5], {1}]),
    "a pair": (tuple[Count, Positive], [(1, 0.5), [2, 3]], [(1,), (1, 1, 1), (0, 1), (1, 0), 5, None]),
    "anything": (Any, [None, 3, ROWS], []),
}
GOOD = [(name, value) for name, (_, values, _) in KINDS.items() for value in values]
BAD = [(name, value) for name, (_, _, values) in KINDS.items() for value in values]


@pytest.mark.parametrize(("name", "value"), GOOD, ids=lambda part: part if isinstance(part, str) else "")
def test_what_an_annotation_says_passes(name: str, value: Any) -> None:
    assert taking(KINDS[name][0])(value) is value


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda part: part if isinstance(part, str) else "")
def test_all_else_is_named_with_what_came_and_what_is_expected(name: str, value: Any) -> None:
    message = refused(taking(KINDS[name][0]), value)
    assert message.startswith(f"x: got {describe(value)}, expected ")


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (Float("N d"), ROWS[0], "a float tensor of shape (N, d), not empty"),
        (Float("*S N"), LABELS, "a float tensor of shape (*S, N), not empty, S runs or none"),
        (Count, 0, "a whole number of at least 1"),
        (Positive, 0, "a finite number above 0"),
        (Share, 2, "a finite number of at least 0, at most 1"),
        (Decay, 1, "a finite number of at least 0, below 1"),
        (Range(2, whole=True), 1, "a whole number of at least 2"),
        (Number, NAN, "a finite number"),
        (Literal["a", "b"], 3, "one of 'a', 'b'"),
        (Count | None, 0, "a whole number of at least 1 or None"),
        (Sequence[Count], [], "a sequence of at least one, each a whole number of at least 1"),
        (Sequence[Count], [3, 0], "a whole number of at least 1"),
        (tuple[Any, Any], 3, "a sequence of 2, each of any kind"),
        (nn.Module, 3, "a Module"),
    ],
)
def test_what_is_expected_in_words(hint: Any, value: Any, expected: str) -> None:
    hint = Annotated[int, hint] if isinstance(hint, Range) else hint
    assert refused(taking(hint), value) == f"x: got {describe(value)}, expected {expected}"


# --- lengths of axes -------------------------------------------------------------------------------


@checked
def two(a: Finite("*S N d"), b: Finite("*S M d"), labels: Int("N") | None = None, **more: float) -> tuple[int, ...]:
    return a.shape


def test_an_axis_has_one_length_in_all_arguments() -> None:
    a, b = torch.ones(6, 3), torch.ones(4, 3)
    assert two(a, b) == two(a, b, LABELS, more="unchecked") == (6, 3)
    assert refused(two, a, torch.ones(4, 2)).endswith("S runs or none, *S = 0, d = 3")
    assert refused(two, a, b, LABELS[:5]).startswith("labels: ")
    assert refused(two, b=torch.ones(4, 2), a=a).startswith("b: ")
    assert two(torch.ones(6, 2), torch.ones(4, 2)) == (6, 2)  # nothing is kept from call to call


def test_the_axis_of_runs_may_be_missing_but_not_on_one_side() -> None:
    a, b = torch.ones(5, 6, 3), torch.ones(5, 4, 3)
    assert two(a, b) == (5, 6, 3)
    for first, second in ((a, b[0]), (a[0], b), (a, b[:4]), (a[:1], b)):
        assert refused(two, first, second).startswith("b: ")
    assert refused(two, torch.ones(1, 5, 6, 3), b).startswith("a: ")


@pytest.mark.parametrize("loss", [losses.gan_g_loss, losses.ebgan_g_loss, losses.critic_g_loss])
def test_a_trailing_axis_of_one_is_not_read_as_runs(loss: Callable[[Tensor], Tensor]) -> None:
    assert loss(torch.zeros(4, 64)).shape == (4,)
    assert "squeeze the last axis" in refused(loss, torch.zeros(64, 1))
    assert "squeeze the last axis" in refused(losses.gan_d_loss, torch.zeros(64, 1), torch.zeros(64, 1))


def test_a_default_passes_and_a_late_annotation_is_found() -> None:
    @checked
    def late(x: "Later" = None, n: Count = 0) -> int:  # type: ignore[name-defined]  # noqa: F821
        return n

    late.__wrapped__.__globals__["Later"] = int
    assert late() == 0 and late(3) == 0
    assert refused(late, "3").startswith("x: ") and refused(late, n=-1).startswith("n: ")
    with pytest.raises(TypeError):  # Python's own words for a missing argument
        taking(Count)()


def test_check_calls_wraps_what_is_public_and_the_modules_own() -> None:
    class Thing:
        def __init__(self, n: Count) -> None:
            self.n = n

        def grow(self, by: Positive) -> float:
            return self.n + by

        def _quiet(self, by: Positive) -> float:
            return self.n + by

    def _hidden(n: Count) -> int:
        return n

    module = {"__name__": __name__, "Thing": Thing, "_hidden": _hidden, "require": require, "N": 3}
    check_calls(module)
    assert refused(Thing, 0).startswith("n: ") and refused(Thing(1).grow, 0).startswith("by: ")
    assert (Thing(1)._quiet(0), module["_hidden"](0)) == (1, 0)
    assert module["require"] is require and module["N"] == 3


def test_values_are_described_on_one_short_line() -> None:
    assert describe(torch.zeros(2, 3)) == "a tensor of shape (2, 3) and type torch.float32"
    assert describe("a\n  b") == r"'a\n  b'" and describe(3) == "3"
    assert describe(np.eye(2)) == "array([[1., 0.], [0., 1.]])"
    assert describe([10**9] * 9).startswith("list [1000000000, 1000000000") and len(describe("a" * 99)) <= 65
    with pytest.raises(ValueError, match=r"^a: got words as words, expected b$"):
        require(False, "a", "words as words", "b")


# --- nothing is forgotten --------------------------------------------------------------------------


def core() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield each public function, constructor and method that is written in the core, but not in `checks` itself."""
    for package in (helpers, figures):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in vars(module).items():
                own = getattr(value, "__module__", "") == module.__name__ != "helpers.checks"
                if name[0] == "_" or info.ispkg or not own:
                    continue
                if inspect.isfunction(value):
                    yield f"{info.name}.{name}", value
                for key, method in vars(value).items() if inspect.isclass(value) else ():
                    if inspect.isfunction(method) and (key[0] != "_" or key == "__init__"):
                        yield f"{info.name}.{name}.{key}", method


CORE = dict(core())


def test_every_public_function_of_the_core_is_checked() -> None:
    modules = {name.split(".")[0] for name in CORE}
    assert modules >= {"claims", "data", "losses", "metrics", "models", "sampling", "seed", "train"}
    assert modules >= {"plots", "widgets"} and len(CORE) > 80
    bare = {name for name, function in CORE.items() if not getattr(function, "is_checked", False)}
    assert not bare


def test_every_argument_of_the_core_is_annotated_with_more_than_a_bare_tensor_or_number() -> None:
    for name, function in CORE.items():
        bare = ("Tensor", "int", "float") if name.startswith(("losses", "metrics", "data.Mix")) else ()
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.name == "self" or parameter.annotation is not parameter.empty, name
            assert parameter.annotation not in bare, f"{name}: {parameter.name}"


# --- what an annotation cannot say -----------------------------------------------------------------

PICTURES, RING, NETWORK = torch.zeros(2, 1, 28, 28), data.ring(), models.mlp((2, 2))
SAME, STEEP, OTHER = LABELS % 2, ROWS.clone().requires_grad_(), torch.ones(6, requires_grad=True)
BOUNDED = models.mlp_autoencoder((4, 2), pictures=(1, 2, 2))
CASES: list[tuple[Callable[..., Any], dict[str, Any], dict[str, list[Any]]]] = [
    (data.Mixture(ROWS, 1.0).log_prob, {"x": ROWS}, {"x": [ROWS[:, :2], ROWS[:, :1]]}),
    (data.grid, {"side": 2}, {"side": [1]}),
    (
        data.augment,
        {"images": PICTURES, "rng": RNG, "degrees": 180, "scale": 0.99, "shift": 0.99, "shear": 0.99, "strength": 1},
        {"degrees": [-1, 181], "scale": [-0.1, 1], "shift": [-0.1, 1], "shear": [-0.1, 1], "strength": [-0.1, 1.1]},
    ),
    (
        data.pairs,
        {"labels": LABELS, "n": 4, "rng": RNG},
        {"n": [1, 3], "labels": [LABELS * 0, LABELS[:5], torch.arange(6)]},
    ),
    (
        losses.r1_penalty,
        {"logits": STEEP.square().sum(-1), "real": STEEP},
        {"real": [ROWS, STEEP[:2]], "logits": [OTHER * 2]},
    ),
    (losses.reconstruction_energy, {"autoencoder": lambda x: x, "x": ROWS}, {"autoencoder": [lambda x: x[:, :1]]}),
    (losses.pull_away, {"codes": ROWS}, {"codes": [ROWS[:1]]}),
    (losses.pull_away_unsquared, {"codes": ROWS}, {"codes": [ROWS[:1]]}),
    (losses.pair_margin_loss, {"distance": ROWS[:, 0], "same": SAME, "margin": 1}, {"distance": [-ROWS[:, 0]]}),
    (losses.sup_con, {"embeddings": ROWS, "labels": LABELS, "temperature": 0.5}, {"labels": [torch.arange(6)]}),
    (metrics.nearest_mode, {"samples": ROWS[:, :2], "mixture": RING}, {"samples": [ROWS, ROWS[:, :1]]}),
    (metrics.jensen_shannon, {"p": ROWS, "q": ROWS, "cell": 0.1}, {"p": [-ROWS], "q": [-ROWS, ROWS[:, :2], ROWS[0]]}),
    (metrics.frechet_distance, {"a": ROWS, "b": ROWS}, {"a": [ROWS[:1]], "b": [ROWS[:1]]}),
    (metrics.precision_recall, {"real": ROWS, "fake": ROWS}, {"real": [ROWS[:3]], "fake": [ROWS[:3]]}),
    (metrics.accuracy, {"predictions": SAME, "labels": SAME}, {"labels": [SAME[:5], [SAME, SAME], SAME[:, None]]}),
    (metrics.best_threshold, {"scores": ROWS[:, 0], "same": SAME}, {"same": [SAME * 0, SAME * 0 + 1]}),
    (metrics.auroc, {"scores": ROWS[:, 0], "positive": SAME}, {"positive": [SAME * 0, SAME * 0 + 1]}),
    (metrics.knn_accuracy, {"train_x": ROWS, "train_y": LABELS, "test_x": ROWS, "test_y": LABELS}, {"k": [7]}),
    (
        metrics.linear_probe,
        {"train_x": ROWS, "train_y": LABELS, "test_x": ROWS, "test_y": LABELS},
        {"train_y": [LABELS * 0]},
    ),
    (metrics.t_interval, {"values": ROWS[0]}, {"values": [ROWS[0, :1]], "level": [0, 1, 95]}),
    (metrics.wilson_interval, {"successes": 5, "n": 5}, {"successes": [6]}),
    (
        models.BatchedLinear(2, 3, [RNG, RNG]).forward,
        {"x": torch.ones(2, 5, 2)},
        {"x": [torch.ones(1, 5, 2), torch.ones(2, 5, 3)]},
    ),
    (models.mlp, {"sizes": (2, 1), "scalar": True}, {"sizes": [(2,), (2, 3)]}),
    (models.Generator(latent=4, hidden=4).forward, {"z": torch.zeros(2, 4)}, {"z": [torch.zeros(2, 3)]}),
    (models.mlp_autoencoder, {"sizes": (4, 2), "pictures": (1, 2, 2)}, {"pictures": [(1, 2, 3)]}),
    (partial(models.mlp_autoencoder, (4, 2), [0]), {}, {"pictures": [(1, 2, 2)]}),
    (models.Encoder, {}, {"size": [7]}),
    (models.Encoder().forward, {"x": PICTURES}, {"x": [PICTURES[..., :27], PICTURES.repeat(1, 3, 1, 1)]}),
    (train.make_game, {"generator": NETWORK, "discriminator": models.mlp((2, 1))}, {"discriminator": [NETWORK]}),
    # No two pictures of four numbers in [−1, 1] are farther apart than 2 · √4, or in mean square than 2².
    (train.make_ebgan, {"generator": NETWORK, "autoencoder": BOUNDED, "margin": 4.0, "numbers": 4}, {"margin": [4.01]}),
    (
        train.make_ebgan,
        {"generator": NETWORK, "autoencoder": BOUNDED, "margin": 4.0, "numbers": 9, "kind": "mse"},
        {"margin": [4.01]},
    ),
    (
        sampling.langevin,
        {"energy": lambda x: x.sum(-1), "x": ROWS, "steps": 1, "step_size": 0.1, "rng": RNG},
        {"rng": [None, [RNG] * 5]},
    ),
    (seed.torch_seed, {"seed": 0}, {"seed": [-1]}),
]


@pytest.mark.parametrize(("function", "good", "bad"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_what_an_annotation_cannot_say(function: Any, good: dict[str, Any], bad: dict[str, list[Any]]) -> None:
    function(**good)  # if this failed, the others might be refused for another reason
    for name, values in bad.items():
        for value in values:
            assert refused(function, **{**good, name: value}).startswith(f"{name}: ")
