"""Reads what AWS gives out by presigned URL: code of functions, layers of images."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from wickie.errors import ProviderError
from wickie.https import streamed
from wickie.model import Gap
from wickie.scan.sources.reading import refused
from wickie.scan.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.scan.chunk import Chunk


def downloaded(
    address: Callable[[], str | Gap], uri: str, artifact: str, source: str, most: int
) -> Iterator[Chunk | Gap]:
    """
    Read what archives hold that are downloaded; what cannot be had is a gap.

    Args:
        address: Asks AWS for the URL, which is a credential for some minutes.
        uri: Where a reader finds it.
        artifact: Its name without a version.
        source: The kind of the source.
        most: Bytes that may be unpacked of it.
    """
    try:
        url = address()
        if isinstance(url, Gap):
            yield url
            return
        with streamed(url) as stream:
            yield from unpacked(stream, uri, artifact, source, most)
    except (BotoCoreError, ClientError) as error:
        yield Gap(uri, refused(error))
    except ProviderError as error:
        yield Gap(uri, f"cannot be downloaded: {error}")
    except (OSError, http.client.HTTPException) as error:
        yield Gap(uri, f"broke off while it was read: {type(error).__name__}")
