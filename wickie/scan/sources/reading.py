"""How AWS's refusals become errors and gaps that name a remedy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from wickie.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
