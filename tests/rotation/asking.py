"""A client that signs in all the while, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.until import until
from wickie.model import Verdict


@dataclass
class Client:
    """What its sign-ins ended with, one after the other."""

    verdicts: list[Verdict] = field(default_factory=list)

    def goes_on(self, times: int = 4) -> None:
        """Wait until it has signed in some times more, however busy the machine is."""
        wanted = len(self.verdicts) + times
        until(lambda: len(self.verdicts) >= wanted)


@contextmanager
def signing_in(sign_in: Callable[[], Verdict], pause: float = 0.02) -> Iterator[Client]:
    """Sign in again and again; whatever that raises ends the client, which then is waited for."""
    client, stop = Client(), threading.Event()

    def run() -> None:
        while not stop.wait(pause):
            client.verdicts.append(sign_in())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield client
    finally:
        stop.set()
        thread.join()
