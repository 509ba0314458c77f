"""Values made for one test, their prints, and sources on paper."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from wickie.errors import SourceError
from wickie.fingerprints import Fingerprint, entries
from wickie.model import Gap, Stage
from wickie.scan.chunk import Artifact, Chunk, Source
from wickie.scan.detectors import ManagedDetector

KEY = secrets.token_bytes(32)
SYMBOLS = string.ascii_letters + string.digits + string.punctuation
ALPHANUMERIC = string.ascii_letters + string.digits


def drawn(length: int = 32, alphabet: str = SYMBOLS) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def github_token() -> str:
    return f"ghp_{drawn(36, ALPHANUMERIC)}"


def busywork() -> str:
    """What takes Kingfisher some seconds."""
    return "\n".join(github_token() for _ in range(20_000))


def arn(name: str) -> str:
    return f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"


def prints(
    value: str, name: str = "shop/db", version: str = "v1", stage: Stage = Stage.CURRENT
) -> list[Fingerprint]:
    return [Fingerprint(arn(name), version, stage, *entry) for entry in entries(value, KEY)]


def managed(*values: str) -> ManagedDetector:
    return ManagedDetector(
        [each for n, value in enumerate(values) for each in prints(value, f"secret-{n}")], KEY
    )


def chunk(data: bytes, uri: str = "file") -> Chunk:
    return Chunk(data, uri, uri, "paper")


def unlike(size: int) -> bytes:
    """Lines of 18 bytes, of which there is no other like it."""
    return b"".join(b"lorem ip %08d\n" % number for number in range(size // 18 + 1))[:size]


@dataclass
class Paper:
    """A source of whatever it is given; text becomes one artifact each."""

    parts: Sequence[bytes | Gap | Chunk] = ()
    uri: str = "paper:1"
    kind: str = "paper"
    error: str = ""
    version: str = ""
    read: int = field(default=0, init=False)

    def artifacts(self) -> Iterator[Artifact | Gap]:
        for number, part in enumerate(self.parts):
            self.read += 1
            if isinstance(part, Gap):
                yield part
                continue
            each = chunk(part, f"{self.uri}/{number}") if isinstance(part, bytes) else part
            yield Artifact(each.uri, each.artifact, "paper", partial(iter, [each]), self.version)
        if self.error:
            raise SourceError(self.error)


def read(source: Source) -> list[Chunk | Gap]:
    """Everything a source holds."""
    return [
        part
        for artifact in source.artifacts()
        for part in ([artifact] if isinstance(artifact, Gap) else artifact.read())
    ]
