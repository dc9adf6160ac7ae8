"""Recorded studies, one module each: settings and seeds that were fixed beforehand, and `run`.

`python -m helpers.studies` lists them and says what each costs; `sweep` runs and stores them.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import cache, partial, wraps
from itertools import product
from typing import Any

import torch
from torch import Tensor

from helpers.checks import check_calls, require
from helpers.data import Rngs
from helpers.losses import reconstruction_energy

mean_square = partial(reconstruction_energy, kind="mse")


def grid(**lists: Iterable[Any]) -> list[dict[str, Any]]:
    """Combine every value of each setting with every value of the others; the last one changes fastest."""
    for name, values in lists.items():
        require(isinstance(values, list | tuple | range) and values, name, values, "a list of at least one value")
    return [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compute once, and give every caller a copy, to be changed at will; `function.shared` gives what is kept."""
    shared = cache(function)
    copied = wraps(function)(lambda *arguments: deepcopy(shared(*arguments)))
    copied.shared = shared
    return copied


def draw(rows: Tensor, n: int, rng: Rngs) -> Tensor:
    """Draw n of some rows, with replacement: (n, ...), or (S, n, ...) with a list of S generators."""
    if isinstance(rng, torch.Generator):
        return rows[torch.randint(len(rows), (n,), generator=rng)]
    return torch.stack([draw(rows, n, one) for one in rng])


check_calls(globals())
