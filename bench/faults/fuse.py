"""What a fault is set to strike with: it counts a function's calls, and acts at one of them."""

from __future__ import annotations

import enum
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


class Died(BaseException):
    """What no `except Exception` of a function's can catch, as SIGKILL could not be."""


class Phase(enum.StrEnum):
    """When a fault strikes: the call was not made yet, or was answered and nobody knows."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Call:
    """One call to the outside."""

    number: int
    name: str
    aws: bool
    cut: Callable[[], Exception] = field(repr=False)
    """Cut the connection, and make what its driver then raises."""
    late: Callable[[], Exception] = field(repr=False)
    """Make what is raised when the answer is not waited for any longer."""
    refused: Callable[[str, str], Exception] = field(default=Exception, repr=False)
    """Make what is raised when AWS answers with an error of that code and text."""
    answered: bool = False
    """Whether an answer was read: a goodbye has none, and a refusal of AWS's raises."""


def _nothing(_fuse: Fuse, _call: Call) -> None:
    pass


class Fuse:
    """
    Sits in the path of one thread's calls, counts them, and acts at the one it is set to.

    Once dead, nothing that the function does on its way out reaches the outside.
    """

    def __init__(
        self,
        at: int | None = None,
        phase: Phase = Phase.BEFORE,
        act: Callable[[Fuse, Call], None] = _nothing,
    ) -> None:
        self._at, self._phase, self._act = at, phase, act
        self.calls: list[Call] = []
        self.blown = False
        self.seconds_left = 60.0
        self.calls_left: int | None = None
        """After so many more calls Lambda ends the function."""
        self._dead = self._inside = False
        self._asked: WeakKeyDictionary[socket.socket, Call] = WeakKeyDictionary()
        self.sockets: WeakSet[socket.socket] = WeakSet()

    def die(self) -> None:
        """Be killed, here and now."""
        self._dead = True
        raise Died

    def through(self, call: Callable[[int], Call], act: Callable[[], Any]) -> Any:
        """Make one call, with a boundary on either side; `call` is given its number."""
        with self._alone():
            made = self._begin(call)
            answer = act()
            self._reach(made, Phase.AFTER)
            return answer

    def write(
        self, sock: socket.socket, call: Callable[[int], Call], act: Callable[[], Any]
    ) -> Any:
        """Send: the first since an answer begins a call."""
        with self._alone():
            if sock not in self._asked:
                self._asked[sock] = self._begin(call)
            return act()

    def read(self, sock: socket.socket, act: Callable[[], Any]) -> Any:
        """Receive: the first since a request ends the call."""
        with self._alone():
            if self._dead:
                raise Died
            answer = act()
            if call := self._asked.pop(sock, None):
                self._reach(call, Phase.AFTER)
            return answer

    def bury(self) -> None:
        """Close what a dead process had open, as its kernel does, whoever still refers to it."""
        for sock in self.sockets if self._dead else ():
            if (descriptor := sock.detach()) >= 0:
                os.close(descriptor)

    @property
    def busy(self) -> bool:
        """Whether a call is being made, of which what lies beneath is a part."""
        return self._inside

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def _begin(self, call: Callable[[int], Call]) -> Call:
        if self._dead or self.calls_left == 0:
            self.die()
        if self.calls_left is not None:
            self.calls_left -= 1
        made = call(len(self.calls))
        self.calls.append(made)
        self._reach(made, Phase.BEFORE)
        return made

    def _reach(self, call: Call, phase: Phase) -> None:
        if phase is Phase.AFTER:
            self.calls[call.number] = replace(call, answered=True)
        if (call.number, phase) == (self._at, self._phase):
            self.blown = True
            self._act(self, call)
