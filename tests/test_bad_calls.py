"""Bad calls of the core, made by hypothesis: one or two arguments of a good call become something hostile.

Each ends in a right value, a `ValueError` in the course's wording or, if numbers overflow, in `Diverged`.
"""

import inspect
import math
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from helpers import claims, data, losses, metrics, models, sampling, seed, train
from helpers.checks import Diverged, Kind, Range
from helpers.figures import levels, plots, tables, widgets

RNG, ROWS, LABELS = torch.Generator().manual_seed(0), torch.rand(6, 4), torch.tensor([0, 1, 0, 1, 0, 1])
DIGITS = data.digits("test")[0][::125]
hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies
LENGTHS = {"N": 6, "M": 6, "n": 6, "d": 4, "C": 1, "H": 28, "W": 28, "K": 6, "*S": 2, "T": 6, "S": 2, "side": 5}
BAD: list[Any] = [
    *(None, True, "1", b"1", [], {}, (1, 2), 1j, object(), math.nan, math.inf, 10**400, 10**20, 1e300, -1e300),
    *(1e-300, -1, 0, 1, 0.5, nn.ReLU(), torch.ones(()), torch.ones(0), torch.ones(1, 1), ROWS, ROWS[0], -ROWS),
    *(ROWS.double(), ROWS.bfloat16(), ROWS.half() * 6e4, ROWS * 1e38, ROWS * 1e-44, ROWS.int(), LABELS, LABELS - 1),
    *(LABELS.bool(), ROWS / 0, ROWS.to_sparse(), ROWS.to("meta"), ROWS.cfloat(), ROWS.numpy(), 0 * ROWS),
    *(DIGITS, DIGITS * 127.5, DIGITS.double()),
]
# What an annotation does not say: (function, argument) to a good value.
SPECIAL: dict[tuple[str, str], Any] = {
    ("reconstruction_energy", "autoencoder"): lambda x: x * 0.5,
    ("reconstruction_energy", "x"): ROWS,
    ("langevin", "energy"): lambda x: x.square().sum(),
    ("pairs", "n"): 4,
    ("load", "root"): "nowhere",
    ("claim", "holds"): True,
    ("mlp_autoencoder", "pictures"): None,
    ("nearest_mode", "samples"): ROWS[:, :2],
    ("modes_covered", "samples"): ROWS[:, :2],
    ("sample_precision", "samples"): ROWS[:, :2],
    ("fit_encoder", "loss"): lambda encoder, x: encoder(x).square().mean(),
    ("fit_encoder", "sample_batch"): lambda: [ROWS],
    ("side_by_side", "tasks"): [dict],
    ("scrub", "frames"): [np.zeros((4, 4)), np.ones((4, 4))],
    ("scrub", "alt"): "from black to white",
    ("scrub", "captions"): None,
    ("runs", "steps"): [*range(6)],
    ("diagram", "boxes"): {"a": (0.2, 0.5, "red"), "b": (0.8, 0.5, "blue")},
    ("diagram", "arrows"): [("a", "b", "to")],
    ("diagram", "gradients"): [("b", "a", "back")],
}
# What an argument of this name is, wherever it occurs: made anew for each call, as calls change it.
FRESH: dict[str, Callable[[], Any]] = {
    "ax": lambda: Figure().subplots(),
    "network": lambda: models.mlp((4, 2)),
    "generator": lambda: models.mlp((4, 4)),
    "discriminator": lambda: models.mlp((4, 1), scalar=True),
    "autoencoder": lambda: models.mlp_autoencoder((4, 2)),
    "encoder": lambda: models.mlp((4, 2)),
    "game": lambda: train.make_game(models.mlp((4, 4)), models.mlp((4, 1), scalar=True)),
    "method": train.gan,
    "sample_real": lambda: lambda: ROWS,
    "sample_noise": lambda: lambda: ROWS,
    "watch": lambda: None,
    "average": lambda: None,
    "device": lambda: None,
    "color": lambda: "red",
    "text": lambda: "a sentence",
    "measured": lambda: "a number",
    "label": lambda: "a name",
}


def good(hint: Any) -> Any:
    parts = get_args(hint)
    if get_origin(hint) is Annotated and isinstance(parts[1], Kind):
        kind: Kind = parts[1]
        axes = [axis for axis in kind.axes if axis not in ("*S", "...")] or ["N"]
        shape = [int(axis) if axis.isdigit() else LENGTHS.get(axis, 4) for axis in axes]
        if "float" in kind.words:
            return torch.rand(shape) * 2 - 1 if "H" in axes or "28" in axes else torch.rand(shape)
        return LABELS.expand(shape)
    if get_origin(hint) is Annotated:
        span: Range = parts[1]
        return max(span.low, 1) if span.whole else min(span.high, max(0.5, span.low))
    simple = {torch.Generator: RNG, data.Mixture: data.ring(), torch.Tensor: ROWS, bool: False, float: 0.5, int: 2}
    if get_origin(hint) in (Union, UnionType, Literal, tuple):
        found = parts[0] if get_origin(hint) is Literal else good(parts[0])
        return tuple(map(good, parts)) if get_origin(hint) is tuple else found
    return simple[hint] if hint in simple else [2, 4] if "Sequence" in str(hint) and "Seed" not in str(hint) else [0, 1]


def calls(module: Any) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    """Return a module's functions that can be called with values of their annotations alone, each with such values."""
    found = []
    for name, function in vars(module).items():
        own = getattr(function, "is_checked", False) and function.__module__ == module.__name__
        if own and name != "explore":  # whose sliders ipywidgets reads
            hints = get_type_hints(inspect.unwrap(function), include_extras=True)
            known = inspect.signature(function).parameters.values()
            arguments = [one for one in known if one.kind != one.VAR_KEYWORD]
            found.append((function, {one.name: start(name, one, hints[one.name]) for one in arguments}))
    return found


def start(function: str, argument: inspect.Parameter, hint: Any) -> Any:
    """Return a good value of an argument."""
    if (function, argument.name) in SPECIAL:
        return SPECIAL[function, argument.name]
    usual = FRESH.get(argument.name) or argument.default
    return usual if callable(usual) and usual is not argument.empty else good(hint)


def right(function: Callable[..., Any], result: Any, given: dict[str, Any]) -> bool:
    """Say whether a result holds finite numbers only and is, for losses, the same in double precision."""
    parts = result if isinstance(result, tuple) else [result]
    if not all(torch.as_tensor(part).isfinite().all() for part in parts if isinstance(part, float | torch.Tensor)):
        return False
    if function.__module__ != losses.__name__:
        return True
    floats = {name: x.double() for name, x in given.items() if isinstance(x, torch.Tensor) and x.is_floating_point()}
    return torch.allclose(result.double(), function(**given | floats).double(), rtol=0.05, atol=1e-2)


CORE = losses, metrics, data, models, sampling, seed, train, claims, levels, plots, tables, widgets
MODULES = {module: found for module in CORE if (found := calls(module))}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.split(".")[-1])
@hypothesis.settings(max_examples=80, derandomize=True, deadline=None, database=None)
@hypothesis.given(choice=st.data())
def test_bad_calls_end_in_a_right_value_or_a_clear_error(module: Any, choice: Any) -> None:
    function, given = choice.draw(st.sampled_from(MODULES[module]))
    given = {name: value() if any(value is one for one in FRESH.values()) else value for name, value in given.items()}
    for name in choice.draw(st.sets(st.sampled_from([*given]), min_size=1, max_size=2) if given else st.just(set())):
        given = given | {name: choice.draw(st.sampled_from(BAD))}
    try:
        result = function(**given)
    except (ValueError, Diverged) as error:
        assert "got" in str(error) or isinstance(error, Diverged), error
    except FileNotFoundError:  # as `load` should say
        assert function is data.load
    else:
        assert right(function, result, given)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("module", [losses, metrics])
def test_on_cuda_a_function_returns_what_it_returns_on_the_cpu(module: Any) -> None:
    for function, given in calls(module):
        there = {name: x.cuda() for name, x in given.items() if isinstance(x, torch.Tensor)}
        if there and function is not losses.r1_penalty:  # which wants logits that were computed from the pictures
            found = function(**given | there)
            assert module is metrics or found.is_cuda
            torch.testing.assert_close(found, function(**given), check_device=False)
