"""Checks of arguments: each raises a `ValueError` that names the argument, what came and what is expected."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import torch
from torch import Tensor


def fail(name: str, given: object, expected: str) -> NoReturn:
    """Raise the `ValueError` that all checks share."""
    raise ValueError(f"{name}: got {given}, expected {expected}")


def describe(value: object) -> str:
    """Say what a value is in a few words: tensors by shape and type, short values as they are."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {value.dtype}"
    text = re.sub(r"\s*\n\s*", " ", repr(value))  # a message is one line
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:57]}..."


def check_tensor(name: str, value: Any, shape: str, *dims: int) -> Tensor:
    """Return `value` if it is a finite, non-empty float tensor with one of the numbers of dimensions `dims`.

    Args:
        name: the argument's name, for the message.
        value: what the caller passed.
        shape: the expected shape in words, for the message.
        *dims: the allowed numbers of dimensions; none given allows any.

    Returns:
        The same tensor.

    Raises:
        ValueError: if it is no tensor, not floating, of another rank, empty, or holds NaN or infinity.
    """
    expected = f"a finite, non-empty float tensor of shape {shape}"
    if not isinstance(value, Tensor) or not value.is_floating_point():
        fail(name, describe(value), expected)
    if (dims and value.dim() not in dims) or value.numel() == 0:
        fail(name, describe(value), expected)
    if not torch.isfinite(value).all():
        fail(name, f"{describe(value)} with NaN or infinite values", expected)
    return value


def check_codes(codes: Any) -> Tensor:
    """Return `codes`, `(N, d)` or `(S, N, d)`, if at least two of them can be compared."""
    if check_tensor("codes", codes, "(N, d) or (S, N, d)", 2, 3).shape[-2] < 2:
        fail("codes", describe(codes), "at least two codes")
    return codes


def check_int(name: str, value: Any, at_least: int) -> int:
    """Return `value` if it is a whole number of at least `at_least` (a bool is none)."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        fail(name, describe(value), f"a whole number of at least {at_least}")
    return value


def check_number(name: str, value: Any, low: float, high: float = math.inf, open_low: bool = False) -> float:
    """Return `value` as a float if it is finite and lies in [low, high], or in (low, high] with `open_low`."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < low or value > high or (open_low and value == low):
        edge = "" if low == -math.inf else f" {'above' if open_low else 'of at least'} {low:g}"
        upper = "" if high == math.inf else f" and at most {high:g}"
        fail(name, describe(value), f"a finite number{edge}{upper}")
    return float(value)


def check_generator(value: Any) -> torch.Generator:
    """Return the argument `generator` if it is one: torch would take `None` for its global source of randomness."""
    if not isinstance(value, torch.Generator):
        fail("generator", describe(value), "a torch.Generator")
    return value


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`."""
    options = tuple(choices)
    if value not in options:
        fail(name, describe(value), f"one of {', '.join(map(repr, options))}")
    return value
