"""
Whether what was found is live, asked of its issuer while it is in memory; the verdict is kept.

Only on request. Never of values of managed secrets, whose own rotation functions are asked, and
never of honeytokens, which nobody may use. What is clear is a verdict, anything else UNKNOWN.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from wickie.credentials import AccessKey, Sensitive
from wickie.model import Gap, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wickie.model import Finding
    from wickie.scan.chunk import Match
    from wickie.scan.issuers import Issuer

SECONDS: Final = 120.0
"""That a run may spend on asking, unless it is told otherwise."""
_PAUSE: Final = 0.5
"""Seconds between two questions: issuers take many at once for an attack."""


class Verification:
    """Asks each credential's issuer once in a run, one question at a time. Thread-safe."""

    def __init__(
        self,
        issuers: Iterable[Issuer],
        is_ours: Callable[[bytes], bool],
        seconds: float = SECONDS,
        *,
        pause: float = _PAUSE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Prepare to ask.

        Args:
            issuers: Who can be asked.
            is_ours: Whether a value is a managed secret's or a honeytoken's.
            seconds: That may be spent on it; the last question may take some more.
            pause: Seconds between two questions.
            clock: Tells the time.
            sleep: Waits.
        """
        self._issuers = {rule: issuer for issuer in issuers for rule in issuer.rules}
        self._is_ours = is_ours
        self._left = self._seconds = seconds
        self._pause = pause
        self._clock, self._sleep = clock, sleep
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, Verdict] = {}
        self._unasked: set[bytes] = set()
        self._asking = threading.Lock()

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left undone, to be told."""
        if not self._unasked:
            return ()
        told = (
            f"{len(self._unasked)} credentials were not verified, because the {self._seconds:g} s "
            f"for it were over; raise scan.verify.seconds in wickie.yaml"
        )
        return (told,)

    def is_stale(self, finding: Finding) -> bool:
        """Whether an earlier verdict on it says nothing about today."""
        return finding.managed is None and finding.rule_id in self._issuers

    def judged(self, seen: Sequence[Match | Gap]) -> list[Match | Gap]:
        """Put the verdict into each finding, and drop what it was asked with."""
        return [each if isinstance(each, Gap) else self._judged(each) for each in seen]

    def _judged(self, match: Match) -> Match:
        if match.credential is None or match.finding.managed:
            return match
        verdict = self._verdict(match.finding.rule_id, match.credential)
        return replace(match, finding=replace(match.finding, verdict=verdict), credential=None)

    def _verdict(self, rule: str, credential: Sensitive | AccessKey) -> Verdict:
        texts = _texts(credential)
        if rule not in self._issuers or any(self._is_ours(text) for text in texts):
            return Verdict.UNKNOWN
        # So that no plaintext is kept to know it again.
        name = blake2b(b" ".join(texts), key=self._key, digest_size=16).digest()
        with self._asking:
            if name not in self._known and self._left > 0:
                self._known[name] = self._asked(self._issuers[rule], credential)
            elif name not in self._known:
                self._unasked.add(name)
            return self._known.get(name, Verdict.UNKNOWN)

    def _asked(self, issuer: Issuer, credential: Sensitive | AccessKey) -> Verdict:
        begun = self._clock()
        if self._known:
            self._sleep(self._pause)
        try:
            return issuer.ask(credential)
        except Exception:  # noqa: BLE001  (its text may hold the value; there was no clear answer)
            return Verdict.UNKNOWN
        finally:
            self._left -= self._clock() - begun


def _texts(credential: Sensitive | AccessKey) -> tuple[bytes, ...]:
    """All its parts, in the clear."""
    if isinstance(credential, AccessKey):
        return credential.key_id.encode(), credential.secret_key.reveal().encode()
    return (credential.reveal().encode(),)
