"""How what AWS tells becomes an artifact, and what it refuses an error or a gap with a remedy."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan.chunk import SIZE, Artifact, Chunk, chunked
from wickie.scan.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")


@contextmanager
def reading(uri: str, permissions: Sequence[str]) -> Iterator[None]:
    """Raise `SourceError` where AWS does not let `uri` be read."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise SourceError(
            f"cannot read {uri}: {refused(error)}; it takes {', '.join(permissions)}"
        ) from None


def refused(error: Exception) -> str:
    """Say in one line why AWS did not answer."""
    if isinstance(error, ClientError):
        about = error.response["Error"]
        return " ".join(f"{about.get('Code')}: {about.get('Message', '')}".split())
    return " ".join(f"{type(error).__name__}: {error}".split())


def artifact_of(
    texts: Callable[[], Iterable[tuple[str, str | bytes] | Gap]],
    uri: str,
    source: str,
    *,
    artifact: str = "",
    version: str = "",
    at_hand: bool = False,
) -> Artifact:
    """
    Make an artifact of short texts, each with the name of the part of it that they are.

    Args:
        texts: Fetches them; what AWS refuses of them is a gap. Of bytes, it is looked at what
            gzip and zip files hold.
        uri: Where a reader finds it.
        source: The kind of the source.
        artifact: Its name without a revision, where `uri` has one.
        version: See `Artifact`.
        at_hand: Whether the listing had them already, and there is nothing to wait for.
    """
    name = artifact or uri

    def read() -> Iterator[Chunk | Gap]:
        yield Chunk(b"", uri, name, source)
        try:
            for text in texts():
                if isinstance(text, Gap):
                    yield text
                else:
                    yield from _chunks(*text, uri, name, source)
        except (BotoCoreError, ClientError) as error:
            yield Gap(uri, refused(error))

    return Artifact(uri, name, source, read, version, ahead=not at_hand)


def found(items: Callable[[], Iterable[T]], uri: str) -> Iterator[T | Gap]:
    """List what belongs to `uri`; where AWS refuses that, the rest of its source is still read."""
    try:
        yield from items()
    except (BotoCoreError, ClientError) as error:
        yield Gap(uri, refused(error))


def _chunks(
    part: str, text: str | bytes, uri: str, artifact: str, source: str
) -> Iterator[Chunk | Gap]:
    data = text.encode(errors="replace") if isinstance(text, str) else text
    if isinstance(text, str) and len(data) <= SIZE:
        # Nearly all are, and there are many: variables of functions.
        yield Chunk(data, uri, artifact, source, part=part)
        return
    opened = chunked if isinstance(text, str) else unpacked
    for chunk in opened(io.BytesIO(data), uri, artifact, source):
        yield chunk if isinstance(chunk, Gap) else replace(chunk, part=part)
