"""Objects of a bucket."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from botocore.exceptions import BotoCoreError, ClientError

from wickie.model import Gap
from wickie.scan.chunk import OVERLAP, SIZE, Artifact, Chunk
from wickie.scan.sources.reading import reading, refused
from wickie.scan.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

    from wickie.aws import Clients

PERMISSIONS: Final = ("s3:ListBucket", "s3:GetObject")

_LARGEST: Final = 4 << 30


def open_bucket(options: Mapping[str, Any], clients: Clients) -> Bucket:
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

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix
        )
        with reading(self.uri, PERMISSIONS):
            for page in pages:
                for item in page.get("Contents", []):
                    yield self._object(item)

    def _object(self, item: ObjectTypeDef) -> Artifact | Gap:
        uri, size = f"s3://{self.bucket}/{item['Key']}", item["Size"]
        if size > self.largest:
            return Gap(uri, f"larger than {self.largest} bytes")
        read = partial(self._read, item["Key"], uri) if size else partial(self._empty, uri)
        small = 0 < size <= SIZE + OVERLAP
        return Artifact(uri, uri, self.kind, read, f"{item['ETag']} {size}", ahead=small)

    def _empty(self, uri: str) -> Iterator[Chunk]:
        yield Chunk(b"", uri, uri, self.kind)

    def _read(self, key: str, uri: str) -> Iterator[Chunk | Gap]:
        try:
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            yield from unpacked(body, uri, uri, self.kind)
        except (BotoCoreError, ClientError) as error:
            yield Gap(uri, refused(error))
