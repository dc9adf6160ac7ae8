"""A manager of kernels whose client misses no answer: for whoever runs notebooks with live widgets.

jupyter_client sends past the event loop (`Session.send` shadows the socket). ZeroMQ tells of an answer once; if that
happens while a message is sent, such as the state of a widget, nobody is woken, and a cell waits for ever. Whoever asks
again finds the answer.
"""

from __future__ import annotations

import math
import time
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

AGAIN = 1.0  # seconds after which it asks again


class PatientChannel(AsyncZMQSocketChannel):
    """A channel that asks again for a message, until it has one or its time is over."""

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message; raise Empty if none has come in so many seconds (None: wait)."""
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await super().get_msg(max(0.0, min(AGAIN, end - time.monotonic())))
            except Empty:
                if time.monotonic() >= end:
                    raise


class PatientClient(AsyncKernelClient):
    """A client whose answers come over such a channel."""

    shell_channel_class = Type(PatientChannel)


class PatientManager(AsyncKernelManager):
    """A manager that makes such clients."""

    client_factory = Type(PatientClient)
