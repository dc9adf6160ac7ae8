"""The one place where arguments are checked: against the annotations of what is called.

Each module of the core ends with `check_calls(globals())`. Shapes are written much as in jaxtyping:
in `Float("N 28")`, 28 is a length and N any, the same throughout one call; `Float("")` is a number.
Here `*S` is one axis that may be missing (S independent runs at once), `...` any number of axes.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from types import UnionType
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

Known = dict[str, int]  # the lengths of the axes that were met so far


class Diverged(ArithmeticError):
    """A training, a Langevin chain or a result whose numbers are no longer finite."""


def fail(name: str, given: object, expected: str) -> NoReturn:
    """Raise the `ValueError` of all checks: the argument's name, what came, what is expected."""
    words = given if isinstance(given, str) else describe(given)
    raise ValueError(f"{name}: got {words}, expected {expected}")


def require(holds: object, name: str, given: object, expected: str) -> None:
    """Raise that `ValueError` unless something holds: for what an annotation cannot say."""
    if not holds:
        fail(name, given, expected)


def describe(value: object) -> str:
    """Describe a value briefly: tensors by shape and type, short values as they are."""
    try:
        if isinstance(value, Tensor):
            odd = "" if _plain(value) else f", {value.layout} on {value.device}"
            return f"a tensor of shape {tuple(value.shape)} and type {value.dtype}{odd}"
        text = re.sub(r"\s*\n\s*", " ", repr(value))  # a message is one line
    except Exception:  # such as of a number with thousands of digits
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:57]}..."


@dataclass(frozen=True)
class Kind:
    """A kind of tensor; called with a shape, it gives an annotation."""

    words: str
    holds: Callable[[Tensor], bool]
    axes: tuple[str, ...] = ()

    def __call__(self, axes: str) -> Any:
        """Return the annotation, such as `Float("N d")`."""
        return Annotated[Tensor, replace(self, axes=tuple(axes.split()))]

    def problem(self, value: Any, known: Known) -> str | None:
        """Say what would have been right, or `None` if the value is."""
        good = isinstance(value, Tensor) and _plain(value) and value.numel() and self.holds(value)
        column = good and self.axes[:-1] == ("*S",) and value.shape[1:] == (1,)
        if good and not column and _fits(list(value.shape), list(self.axes), known):
            return None
        expected = f"{self.words} of shape ({', '.join(self.axes)}), not empty"
        expected += ", S runs or none" if self.axes[:1] == ("*S",) else ""
        if column:  # (N, 1) where (N,) is meant
            return f"{expected}; squeeze the last axis, or each row is read as a run of its own"
        met = [f"{axis} = {size or 'none'}" for axis, size in known.items() if axis in self.axes]
        return ", ".join([expected, *met]) if good else expected


def _fits(lengths: list[int], axes: list[str], known: Known) -> bool:
    """Say whether a shape fits the axes of a pattern, and note the lengths of those that fit."""
    if axes[:1] == ["*S"] and len(lengths) < len(axes):
        lengths = [0, *lengths]  # 0 says: no runs here, so none in the other arguments
    if "..." in axes:
        spot = axes.index("...")
        axes[spot : spot + 1] = ["..."] * (len(lengths) - len(axes) + 1)
    if len(axes) != len(lengths):
        return False
    trial = dict(known)
    for axis, length in zip(axes, lengths, strict=True):
        if axis != "..." and length != (int(axis) if axis.isdigit() else trial.get(axis, length)):
            return False
        trial[axis] = length
    known.update(trial)
    return True


FLOATS = torch.float32, torch.float64, torch.float16, torch.bfloat16


def _plain(x: Tensor) -> bool:  # can_cast to int64: whole numbers and truth values only
    usual = x.dtype in FLOATS or (torch.can_cast(x.dtype, torch.int64) and not x.is_quantized)
    return usual and x.layout == torch.strided and not (x.is_nested or x.is_meta)


def _finite(value: Tensor) -> bool:
    value = value.detach()  # a sum is quicker than a look at each number, but may overflow
    return value.dtype in FLOATS and bool(value.sum().isfinite() or value.isfinite().all())


def _in_range(value: Tensor) -> bool:  # 0.01: rounding; all ≥ 0 but varied is taken as [0, 1]
    low, high = value.detach().aminmax() if _finite(value) else (-torch.inf, torch.inf)
    return bool(low > -1.01 and high < 1.01 and (low < 0 or low == high))


Float = Kind("a float tensor", lambda x: x.dtype in FLOATS)  # NaN is refused in results instead
Finite = Kind("a finite float tensor", _finite)
Images = Kind("a float tensor with values in [−1, 1] (not [0, 1])", _in_range)
Int = Kind("a tensor of whole numbers", lambda x: torch.can_cast(x.dtype, torch.int64))
Classes = Kind("a tensor of 0, 1, 2, ...", lambda x: bool(((x >= 0) & (x == x.long())).all()))
Binary = Kind("a tensor of 0 and 1", lambda x: bool(((x == 0) | (x == 1)).all()))


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; without the ends themselves if `open_low` or `open_high`."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    whole: bool = False

    def problem(self, value: Any, _: Known) -> str | None:
        """Say what would have been right, or `None` if the value is."""
        kinds = int | np.integer if self.whole else int | float | np.integer | np.floating
        largest = 2**32 if self.whole else 1e15  # so that squares and their sums stay in float32
        number = isinstance(value, kinds) and not isinstance(value, bool) and abs(value) < math.inf
        if number and abs(value) <= largest:
            above = value > self.low if self.open_low else value >= self.low
            below = value < self.high if self.open_high else value <= self.high
            if above and below:
                return None
        noun = "a whole number" if self.whole else "a finite number"
        low = f" {'above' if self.open_low else 'of at least'} {self.low:.10g}"
        high = f", {'below' if self.open_high else 'at most'} {self.high:.10g}"
        noun += f" no larger than {largest:.10g}" * bool(number and abs(value) > largest)
        return noun + low * (self.low > -math.inf) + high * (self.high < math.inf)


Whole = Annotated[int, Range(0, whole=True)]
Count = Annotated[int, Range(1, whole=True)]
Seed = Annotated[int, Range(0, 2**32 - 1, whole=True)]  # what NumPy takes
Number = Annotated[float, Range()]
Positive = Annotated[float, Range(0, open_low=True)]
NonNegative = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
Beta = Annotated[float, Range(0, 1, open_high=True)]  # of Adam


def _problem(hint: Any, value: Any, known: Known) -> str | None:
    """Say what an annotation expects, or `None` if the value is that."""
    hint = Number if hint is float else hint  # whole numbers are fine
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return parts[1].problem(value, known)
    if origin in (Union, UnionType):
        found = [_problem(part, value, known) for part in parts]
        return None if None in found else " or ".join(found)
    if origin is Literal:
        good = isinstance(value, str) and value in parts
        return None if good else f"one of {', '.join(map(repr, parts))}"
    if origin in (Sequence, tuple):
        return _row_problem(parts, value, known)
    wanted = origin or hint
    right = hint is Any or (callable(value) if wanted is Callable else isinstance(value, wanted))
    good = right and (wanted is not Tensor or _plain(value))
    return None if good else "None" if wanted is type(None) else f"a {wanted.__name__}"


def _row_problem(parts: tuple[Any, ...], value: Any, known: Known) -> str | None:
    """Say what is wrong with a sequence: its type, its length, or its first wrong item."""
    several = len(parts) > 1
    row = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if not row or len(value) != (len(parts) if several else len(value) or 1):
        item = _problem(parts[0], None, {}) or "of any kind"  # offers None, to be told the kind
        return f"a sequence of {len(parts) if several else 'at least one'}, each {item}"
    hints = parts if several else parts * len(value)
    found = (_problem(hint, one, known) for hint, one in zip(hints, value, strict=True))
    return next(filter(None, found), None)


def _check_alike(network: nn.Module, given: dict[str, Any]) -> None:
    """Refuse numbers of another type, or on another device, than the network's weights."""
    for weight in [*network.parameters()][:1]:  # the first, if there is one
        for name, value in given.items():
            if isinstance(value, Tensor) and not torch.is_autocast_enabled(value.device.type):
                here, wanted = (f"{one.dtype} on {one.device}" for one in (value, weight))
                require(here == wanted, name, here, f"{wanted}, as the weights are")


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check a call's arguments against the annotations, and that its float results are finite."""
    parameters = inspect.signature(function).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.kind != one.VAR_KEYWORD}
    hints: dict[str, Any] = {}

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not hints:  # at the first call: an annotation may name what is defined further down
            hints.update(get_type_hints(function, include_extras=True))
        given, known = dict(zip(defaults, args, strict=False)) | kwargs, {}
        for name, default in defaults.items():
            said = name in given and name in hints and given[name] is not default
            problem = _problem(hints[name], given[name], known) if said else None
            if problem:
                fail(name, describe(given[name]), problem)
        if isinstance(self := given.get("self"), nn.Module) and function.__name__ != "__init__":
            _check_alike(self, given)
        result = function(*args, **kwargs)
        for part in result if isinstance(result, tuple) else (result,):
            number = isinstance(part, float) or getattr(part, "dtype", None) in FLOATS
            if number and "studies" not in call.__module__ and not _finite(torch.as_tensor(part)):
                raise Diverged(f"{function.__qualname__}: its result has NaN or infinite values")
        return result

    call.is_checked = True
    return call


def check_calls(module: dict[str, Any]) -> None:
    """Make a module's public functions, and its public classes' methods, `checked`."""
    for name, value in [*module.items()]:
        own = getattr(value, "__module__", None) == module["__name__"] and not name.startswith("_")
        if own and inspect.isfunction(value):
            module[name] = checked(value)
        elif own and inspect.isclass(value):
            for method, function in [*vars(value).items()]:
                if inspect.isfunction(function) and (method == "__init__" or method[0] != "_"):
                    setattr(value, method, checked(function))
