"""Bad arguments: every public function says which one, what came and what it expects, with a `ValueError`.

The table has one row per function: arguments that work, then pairs of an argument and a value that must be refused.
"""

import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import helpers
from helpers import claims, data, losses, metrics, models, plots, seed, train, widgets

NAN, INF = math.nan, math.inf
SOURCE = torch.Generator().manual_seed(0)
RING = data.ring()
ROWS = torch.rand(6, 3, generator=SOURCE)
PICTURES = torch.zeros(2, 1, 28, 28)
NETWORK = models.mlp((2, 1), scalar=True)
AX = Figure().add_subplot()
GAME = train.make_game(models.mlp((2, 2)), NETWORK)
NOT_A_COUNT = [0, -1, 1.5, "2", True, None]
NOT_POSITIVE = [0, -1.0, NAN, INF, "1", True, None]
NOT_LOGITS = [
    torch.tensor([NAN]),
    torch.tensor([INF, 0]),
    torch.zeros(0),
    torch.tensor(1.0),
    torch.zeros(2, 2, 2),
    torch.zeros(2, dtype=torch.long),
    [0.0, 1.0],
    np.zeros(2),
    None,
]
NOT_ROWS = [torch.zeros(3), torch.zeros(0, 3), torch.full((4, 3), NAN), torch.ones(4, 3).int(), [[0.0]], None]
NOT_A_SOURCE = [None, 3, [], [SOURCE, 3], np.random.default_rng(0)]
NOT_PICTURES = [
    torch.zeros(2, 28, 28),
    torch.zeros(0, 1, 28, 28),
    torch.full((1, 1, 28, 28), NAN),
    torch.zeros(1, 3, 28, 28),
    None,
]


@dataclass
class Row:
    """A function, arguments that it takes, and values that it must refuse, by argument."""

    function: Callable[..., Any]
    good: dict[str, Any]
    bad: dict[str, list[Any]]


def row(function: Callable[..., Any], good: dict[str, Any], **bad: list[Any]) -> Row:
    return Row(function, good, bad)


SEEDS = [
    row(seed.seed_everything, {"seed": 0}, seed=[-1, 2**32, 1.0, "a", None, True], threads=NOT_A_COUNT),
    row(seed.generators, {"seeds": [0]}, seeds=[[], 5, None]),
]
DATA = [
    row(
        data.Mixture,
        {"centers": ROWS, "std": 0.1},
        centers=NOT_ROWS,
        std=NOT_POSITIVE,
    ),
    row(RING.sample, {"n": 3, "generator": SOURCE}, n=NOT_A_COUNT, generator=NOT_A_SOURCE),
    row(RING.log_prob, {"x": ROWS[:, :2]}, x=[ROWS, torch.zeros(0, 2), torch.tensor([NAN, 0]), [0.0, 0.0], None]),
    row(
        data.noise,
        {"n": 3, "d": 2, "generator": SOURCE},
        n=NOT_A_COUNT,
        d=NOT_A_COUNT,
        generator=NOT_A_SOURCE,
    ),
    row(data.ring, {}, modes=NOT_A_COUNT, radius=NOT_POSITIVE, std=NOT_POSITIVE),
    row(data.grid, {}, side=[1, *NOT_A_COUNT], width=NOT_POSITIVE, std=NOT_POSITIVE),
    row(data.digits, {"split": "test"}, split=["val", "", 0, None, ["test"]]),
    row(data.load, {}, name=["MNIST", "", None, 3], split=["val", None]),
]
# A set that is not there raises FileNotFoundError, so this one has no arguments that work.
NOTHING_WORKS = {data.load: {"name": "mnist", "split": "test", "root": "nowhere"}}
LOSSES = [
    row(
        losses.gan_d_loss,
        {"real_logits": torch.zeros(2, 3), "fake_logits": torch.zeros(2, 4)},
        real_logits=NOT_LOGITS,
        fake_logits=[torch.zeros(4), torch.zeros(3, 3), torch.zeros(1, 4), *NOT_LOGITS],
    ),
    row(losses.gan_g_loss, {"fake_logits": torch.zeros(3)}, fake_logits=NOT_LOGITS),
]
MODELS = [
    row(
        models.BatchedLinear,
        {"in_features": 2, "out_features": 3, "sources": [SOURCE]},
        in_features=NOT_A_COUNT,
        out_features=NOT_A_COUNT,
        sources=[[]],
    ),
    row(
        models.BatchedLinear(2, 3, [SOURCE, SOURCE]).forward,
        {"x": torch.zeros(2, 5, 2)},
        x=[torch.zeros(5, 2), torch.zeros(1, 5, 2), torch.zeros(2, 5, 3)],
    ),
    row(
        models.mlp,
        {"sizes": (2, 1)},
        sizes=[(), (2,), (2, 0), (2, 1.5), (2, -1, 1), 5, None, "ab"],
        seeds=[[], 5],
    ),
    row(models.mlp, {"sizes": (2, 1), "scalar": True}, sizes=[(2, 3)]),
    row(
        models.Generator,
        {},
        latent=NOT_A_COUNT,
        hidden=NOT_A_COUNT,
        channels=[(1,), (1, 2, 3), (0, 1), (1, 1.5), 5, None],
    ),
    row(
        models.Generator(latent=4, hidden=4).forward,
        {"z": torch.zeros(2, 4)},
        z=[torch.zeros(2, 3), torch.zeros(4), torch.zeros(1, 2, 4)],
    ),
    row(models.Discriminator, {}, channels=[(1,), (1, 2, 3), (0, 1), (1, 1.5), 5, None], hidden=NOT_A_COUNT),
    row(
        models.Discriminator().forward,
        {"x": PICTURES},
        x=[PICTURES[0], torch.zeros(2, 3, 28, 28), PICTURES[..., :27]],
    ),
    row(models.DigitClassifier().forward, {"x": PICTURES}, x=[PICTURES[0], torch.zeros(2, 1, 32, 32)]),
    row(models.DigitClassifier().features, {"x": PICTURES}, x=[PICTURES[0], torch.zeros(2, 1, 32, 32)]),
]
TRAIN = [
    row(
        train.make_game,
        {"generator": models.mlp((2, 2)), "discriminator": NETWORK},
        generator=[None, torch.zeros(2), models.mlp],
        discriminator=[None, "mlp"],
        lr=NOT_POSITIVE,
        d_lr=NOT_POSITIVE[:-1],  # None is the default: the generator's rate
        betas=[0.5, (0.5,), (0.5, 0.9, 0.9), (-0.1, 0.9), (0.5, 1.0), (NAN, 0.9), None],
    ),
    row(
        train.fit,
        {
            "game": GAME,
            "sample_real": lambda: torch.zeros(2, 2),
            "sample_noise": lambda: torch.zeros(2, 2),
            "steps": 1,
            "device": "cpu",
        },
        steps=NOT_A_COUNT,
        d_steps=NOT_A_COUNT,
        g_steps=NOT_A_COUNT,
        every=NOT_A_COUNT,
    ),
    row(train.side_by_side, {"tasks": [lambda: 1]}, tasks=[[], ()], workers=NOT_A_COUNT),
]
PLANE = ROWS[:, :2]
NOT_A_LEVEL = [0, 1, -0.5, 95, NAN, "0.95", None]
METRICS = [
    row(metrics.nearest_mode, {"samples": PLANE, "mixture": RING}, samples=[ROWS, *NOT_ROWS], widths=NOT_POSITIVE),
    row(
        metrics.modes_covered,
        {"samples": PLANE, "mixture": RING},
        samples=[ROWS, *NOT_ROWS],
        share=[*NOT_POSITIVE, 1.01],
        widths=NOT_POSITIVE,
    ),
    row(
        metrics.sample_precision, {"samples": PLANE, "mixture": RING}, samples=[ROWS, *NOT_ROWS], widths=NOT_POSITIVE
    ),
    row(metrics.digit_features, {"images": PICTURES}, images=[*NOT_PICTURES, PICTURES[..., :27]]),
    row(metrics.digit_probabilities, {"images": PICTURES}, images=[*NOT_PICTURES, PICTURES[..., :27]]),
    row(metrics.frechet_distance, {"a": ROWS, "b": ROWS}, a=[ROWS[:1], *NOT_ROWS], b=[ROWS[:1], PLANE, *NOT_ROWS]),
    row(
        metrics.inception_score,
        {"probabilities": torch.eye(3)},
        probabilities=[torch.ones(4, 3), torch.tensor([[1.5, -0.5]]), torch.zeros(4, 3), *NOT_ROWS],
    ),
    row(
        metrics.precision_recall,
        {"real": ROWS, "fake": ROWS},
        real=[ROWS[:3], *NOT_ROWS],
        fake=[ROWS[:3], PLANE, *NOT_ROWS],
        neighbours=NOT_A_COUNT,
    ),
    row(
        metrics.jensen_shannon,
        {"p": ROWS, "q": ROWS, "cell": 0.1},
        p=[-ROWS, torch.full((6, 3), NAN), None],
        q=[-ROWS, PLANE, ROWS[0], torch.full((6, 3), INF), None],
        cell=NOT_POSITIVE,
    ),
    row(
        metrics.t_interval,
        {"values": ROWS[0]},
        values=[torch.ones(1), torch.ones(0), ROWS, torch.tensor([1, 2]), torch.tensor([NAN, 1]), [1.0, 2.0], None],
        level=NOT_A_LEVEL,
    ),
    row(
        metrics.wilson_interval,
        {"successes": 3, "n": 5},
        successes=[-1, 6, 2.0, True, None],
        n=NOT_A_COUNT,
        level=NOT_A_LEVEL,
    ),
]
NOT_POINTS = [ROWS, *NOT_ROWS[:-1]]  # None draws nothing
PLOTS = [
    row(plots.figure, {}, columns=NOT_A_COUNT, rows=NOT_A_COUNT, height=NOT_POSITIVE),
    row(
        plots.samples,
        {"ax": AX, "real": PLANE, "fake": None},
        real=NOT_POINTS,
        fake=NOT_POINTS,
        limit=NOT_POSITIVE,
    ),
    row(plots.lattice, {}, limit=NOT_POSITIVE, side=[1, *NOT_A_COUNT]),
    row(plots.surface, {"ax": AX, "values": torch.zeros(3, 3)}, values=[ROWS, *NOT_ROWS], limit=NOT_POSITIVE),
    row(plots.picture_grid, {"ax": AX, "images": PICTURES}, images=NOT_PICTURES, columns=NOT_A_COUNT),
    row(
        plots.runs,
        {"ax": AX, "steps": [0, 1], "values": torch.zeros(2, 3), "color": "k", "label": "real"},
        values=[torch.zeros(3, 2), *NOT_ROWS],
    ),
]
FRAMES = [np.zeros((4, 4)), np.ones((4, 4))]
OTHERS = [
    row(
        claims.claim,
        {"text": "a", "holds": True, "measured": "b"},
        text=["", "  ", None, 3],
        holds=[1, "yes", None, [True], np.array([True, False])],
        measured=["", 0.3, None],
    ),
    row(
        widgets.scrub,
        {"frames": FRAMES, "alt": "a square", "label": "Step"},
        frames=[[], FRAMES[:1], [*FRAMES, np.zeros((4, 5))], [*FRAMES, b"no picture"], [*FRAMES, np.zeros(4)]],
        alt=["", ["one"], 3, ["one", ""], None],
        label=["", " ", 3, None],
        captions=[["one"], "ab", ["one", 2]],
        fps=[*NOT_POSITIVE, 61],
    ),
    row(widgets.explore, {"function": lambda noise: noise, "noise": (0, 1)}, sliders=[{}]),
]
TABLE = [*SEEDS, *DATA, *LOSSES, *MODELS, *TRAIN, *METRICS, *PLOTS, *OTHERS]

EXEMPT = {
    "train.Game": "a plain record; make_game checks",
    "train.History": "a plain record of what fit measured",
    "train.gan_d_step": "networks and losses check what they are given",
    "train.gan_g_step": "networks and losses check what they are given",
    "train.progress": "hands its arguments to tqdm",
    "train.sample": "the network checks its noise",
    "widgets.Html": "made by scrub and explore only",
}


def name_of(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}".removeprefix("helpers.")


def cases() -> Iterator[Any]:
    """Give each bad value a test of its own."""
    for line in TABLE:
        for argument, values in line.bad.items():
            for number, value in enumerate(values):
                yield pytest.param(line, argument, value, id=f"{name_of(line.function)}-{argument}{number}")


def shown(value: object) -> list[str]:
    """Return the ways in which a message may say what came."""
    if isinstance(value, torch.Tensor):
        return [f"shape {tuple(value.shape)} and type {value.dtype}"]
    if isinstance(value, str | list | tuple | dict):
        # Of a collection it is enough to say which one does not fit, how many there are, or what is wrong with one.
        faults = ["none", "an empty text", "pictures of", "bytes that are no picture", "an array of shape"]
        return [repr(value)[:50], *map(repr, value), str(len(value)), *faults]
    return [repr(value)[:50]]


def call(line: Row, **changes: Any) -> Any:
    """Call a row's function with some arguments changed; `sliders` stands for all of them."""
    given = {**line.good, **NOTHING_WORKS.get(line.function, {}), **changes}
    if "sliders" in changes:
        given = {"function": given["function"]}
    return line.function(**given)


@pytest.mark.parametrize(
    "line", [line for line in TABLE if line.function not in NOTHING_WORKS], ids=lambda r: name_of(r.function)
)
def test_the_good_arguments_are_good(line: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """If these failed, the bad ones might be refused for another reason."""
    monkeypatch.delenv("COURSE_BUILD", raising=False)
    threads = torch.get_num_threads()
    call(line)
    torch.set_num_threads(threads)
    plt.close("all")


@pytest.mark.parametrize(("line", "argument", "value"), list(cases()))
def test_a_bad_argument_is_named_with_what_came_and_what_is_expected(line: Row, argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}(\[\d+\])?: got .+, expected .+") as caught:
        call(line, **{argument: value})
    given = re.match(r"\S+ got (.+), expected ", str(caught.value), re.DOTALL)[1]
    assert any(text in given for text in shown(value)), str(caught.value)


# --- nothing is forgotten ----------------------------------------------------------------------------


def takes_arguments(function: Callable[..., Any]) -> bool:
    return any(name != "self" for name in inspect.signature(function).parameters)


def public_callables() -> Iterator[str]:
    """Name every public function, constructor and method of the helpers that takes arguments."""
    for info in pkgutil.iter_modules(helpers.__path__):
        module = importlib.import_module(f"helpers.{info.name}")
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            if info.name.startswith("_") or name.startswith("_") or not own:
                continue
            if inspect.isfunction(value) and takes_arguments(value):
                yield name_of(value)
            elif inspect.isclass(value):
                if takes_arguments(value):
                    yield name_of(value)
                for key, method in vars(value).items():
                    if inspect.isfunction(method) and not key.startswith("_") and takes_arguments(method):
                        yield name_of(method)


def test_every_public_function_is_in_the_table() -> None:
    found = set(public_callables())
    tested = {name_of(line.function) for line in TABLE}
    assert len(found) > 30, "found hardly any function: is this looking at the helpers?"
    assert not found - tested - set(EXEMPT), "add a row to the table for each"
    assert not set(EXEMPT) - found, "no longer there, or not public: remove the exemption"
    assert not tested & set(EXEMPT), "tested after all: remove the exemption"


def test_every_row_names_arguments_that_exist() -> None:
    for line in TABLE:
        names = set(inspect.signature(line.function).parameters)
        assert set(line.bad) <= names, name_of(line.function)
