"""What several tests need."""

from collections.abc import Iterator

import matplotlib
import pytest
import torch

matplotlib.use("agg")  # here, and not by a variable: kernels that tests start would inherit it, and show no figure


@pytest.fixture(autouse=True)
def _same_threads_afterwards() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def one_thread(_same_threads_afterwards: None) -> None:
    """Train with one thread: more change the last digits, and on a busy machine they wait for each other."""
    torch.set_num_threads(1)
