"""One secret, put through one fault and then through Secrets Manager's retry."""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from bench.faults.arenas import Administered, Crowded
from bench.faults.boundaries import watched
from bench.faults.fuse import Died, Fuse
from wickie.rotation.driver import Step

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator

    from bench.faults.rotator import Rotator

_ATTEMPTS: Final = 3
"""AWS documents neither how often nor after what pause; one must do after a crash."""
_RIVAL_SECONDS: Final = 30


@dataclass
class Trial:
    """What a fault is given to play with, and what the invariants are asked about."""

    rotator: Rotator
    arn: str
    old: str
    """The value that was current before this rotation."""
    token: str
    older: str | None = None
    """The one before that, in a second rotation."""
    master: str | None = None
    errors: list[Exception] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    rivals: list[threading.Thread] = field(default_factory=list)
    unreachable: bool = False
    """Whether the fault was one of the network, which says nothing about a credential."""
    proof: str = field(default_factory=lambda: str(uuid.uuid4()))
    """The RotationToken, which no log may show."""

    @classmethod
    def begin(cls, rotator: Rotator) -> Self:
        """Make a secret with a live credential, and start its rotation."""
        aws, more = rotator.aws, {"team": "lighthouse"}
        master = None
        if isinstance(rotator.arena, Administered):
            master = more["masterarn"] = aws.store(rotator.arena.master())
        value = json.dumps(json.loads(rotator.arena.secret()) | more)
        arn = aws.store(value)
        trial = cls(rotator, arn, value, aws.begin(arn), master=master)
        if rotator.second:
            trial.renew()
        return trial

    def renew(self) -> None:
        """Finish the rotation in hand, and start the one that follows it."""
        self.retry()
        if self.errors:
            raise self.errors[0]
        aws, arena = self.rotator.aws, self.rotator.arena
        if isinstance(arena, Crowded):
            arena.let_pass()
        self.older, self.old = self.old, aws.value(self.arn, "AWSCURRENT") or ""
        self.token = aws.begin(self.arn)

    def attempt(self, fuse: Fuse | None = None, steps: Iterable[Step] = Step) -> bool:
        """Send steps until one fails, and say whether none did."""
        fuse = fuse or Fuse()
        event = {
            "SecretId": self.arn,
            "ClientRequestToken": self.token,
            "RotationToken": self.proof,
        }
        try:
            with self._listening(), watched(fuse):
                for step in steps:
                    self.rotator.function({"Step": step} | event, lambda: fuse.seconds_left)
        except Died:
            return False
        except Exception as error:  # noqa: BLE001  (what it may raise is for the invariants to say)
            self.errors.append(error)
            return False
        self.rotator.aws.tidy(self.arn)
        return True

    def retry(self) -> None:
        """Do what Secrets Manager does about a rotation that has not succeeded."""
        for rival in self.rivals:
            rival.join(_RIVAL_SECONDS)
        any(self.attempt() for _ in range(_ATTEMPTS))

    def texts(self) -> list[str]:
        """Everything that was said where people may read it."""
        told = ["".join(traceback.format_exception(error)) for error in self.errors]
        return [*told, *self.logged]

    def secrets(self) -> set[str]:
        """Everything that must not be said there."""
        aws, values = self.rotator.aws, list(self.rotator.aws.values(self.arn).values())
        if self.master:
            values += aws.values(self.master).values()
        return {self.proof, *(self.rotator.parse(value).secret.reveal() for value in values)}

    @contextmanager
    def _listening(self) -> Iterator[None]:
        handler, root = _Told(self.logged), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(level)


class _Told(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines
        self.setFormatter(logging.Formatter())

    def emit(self, record: Any) -> None:
        self._lines.append(self.format(record))
