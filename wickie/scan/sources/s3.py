"""Objects of a bucket."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from botocore.exceptions import BotoCoreError, ClientError

from wickie.model import Gap
from wickie.scan.chunk import OVERLAP, SIZE, Chunk
from wickie.scan.sources.reading import reading, refused
from wickie.scan.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_s3 import S3Client

    from wickie.aws import Clients

PERMISSIONS: Final = ("s3:ListBucket", "s3:GetObject")

_LARGEST: Final = 4 << 30
_AT_ONCE: Final = 8
"""Small objects fetched together: S3 takes tens of milliseconds to answer for each."""


def open_bucket(options: Mapping[str, str], clients: Clients) -> Bucket:
    """Open the objects of `bucket` whose key starts with `prefix`."""
    return Bucket(clients.s3, options["bucket"], options.get("prefix", ""))


@dataclass(frozen=True)
class Bucket:
    """The current version of every object; an object that cannot be read is a gap."""

    kind: ClassVar[str] = "s3"

    client: S3Client = field(repr=False)
    bucket: str
    prefix: str = ""
    largest: int = _LARGEST

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"s3://{self.bucket}/{self.prefix}"

    def chunks(self) -> Iterator[Chunk | Gap]:
        """See `Source`."""
        with reading(self.uri, PERMISSIONS), ThreadPoolExecutor(_AT_ONCE) as pool:
            ahead: deque[Future[list[Chunk | Gap]]] = deque()
            for key, size in self._objects():
                if size <= SIZE + OVERLAP:
                    ahead.append(pool.submit(self._small, key, size))
                else:
                    yield from self._read(key, size)
                if len(ahead) > _AT_ONCE:
                    yield from ahead.popleft().result()
            for future in ahead:
                yield from future.result()

    def _objects(self) -> Iterable[tuple[str, int]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield item["Key"], item["Size"]

    def _small(self, key: str, size: int) -> list[Chunk | Gap]:
        return list(self._read(key, size))

    def _read(self, key: str, size: int) -> Iterator[Chunk | Gap]:
        uri = f"s3://{self.bucket}/{key}"
        if size > self.largest:
            yield Gap(uri, f"larger than {self.largest} bytes")
        elif not size:
            yield Chunk(b"", uri, uri, self.kind)
        else:
            try:
                body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
                yield from unpacked(body, uri, uri, self.kind)
            except (BotoCoreError, ClientError) as error:
                yield Gap(uri, refused(error))
