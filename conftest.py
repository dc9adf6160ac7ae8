"""Give the chapters that nbval runs again the same environment as the ones that the site was built from."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from execute import kernel_environment


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Set the build's environment while nbval starts a kernel, which inherits it; then put the old one back."""
    if item.path.suffix != ".ipynb":
        return (yield)
    before = dict(os.environ)
    os.environ.update(kernel_environment())
    try:
        return (yield)
    finally:
        os.environ.clear()
        os.environ.update(before)
