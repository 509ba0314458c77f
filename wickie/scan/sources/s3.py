"""Objects of a bucket."""

from __future__ import annotations

from collections import Counter
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

    from wickie.aws import Clients

PERMISSIONS: Final = ("s3:ListBucket", "s3:GetObject")
VERSION_PERMISSIONS: Final = ("s3:ListBucketVersions", "s3:GetObjectVersion")
"""Needed besides where every version is read."""

_LARGEST_MB: Final = 4096
_COLD: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Classes whose objects have to be restored before they can be read."""


def open_bucket(options: Mapping[str, Any], clients: Clients) -> Bucket:
    """Open the objects of `bucket` whose key starts with `prefix`."""
    return Bucket(
        clients.service("s3"),
        options["bucket"],
        options.get("prefix", ""),
        options.get("largest_mb", _LARGEST_MB) << 20,
        tuple(options.get("only", ())),
        tuple(options.get("skip", ())),
        options.get("versions", False),
    )


@dataclass(frozen=True)
class Bucket:
    """The current version of every object, or all; an object that cannot be read is a gap."""

    kind: ClassVar[str] = "s3"

    client: S3Client = field(repr=False)
    bucket: str
    prefix: str = ""
    largest: int = _LARGEST_MB << 20
    only: tuple[str, ...] = ()
    """How keys end that are read; none: any."""
    skip: tuple[str, ...] = ()
    """How keys end that are not."""
    versions: bool = False
    """Whether what was overwritten or deleted is read too."""

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"s3://{self.bucket}/{self.prefix}"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        cold = Counter[str]()
        permissions = PERMISSIONS + (VERSION_PERMISSIONS if self.versions else ())
        with reading(self.uri, permissions):
            for item in self._listed():
                if not self._wanted(item["Key"]):
                    continue
                if _is_cold(item):
                    cold[item["StorageClass"]] += 1
                else:
                    yield self._object(item)
        for name, count in cold.items():
            why = f"{count} objects in storage class {name}; restore them to have them scanned"
            yield Gap(self.uri, why)

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        where: dict[str, Any] = {"Bucket": self.bucket, "Prefix": self.prefix}
        where["OptionalObjectAttributes"] = ["RestoreStatus"]
        if self.versions:
            for page in self.client.get_paginator("list_object_versions").paginate(**where):
                yield from page.get("Versions", [])
        else:
            for listed in self.client.get_paginator("list_objects_v2").paginate(**where):
                yield from listed.get("Contents", [])

    def _wanted(self, key: str) -> bool:
        name = key.lower()
        return (not self.only or name.endswith(self.only)) and not name.endswith(self.skip)

    def _object(self, item: Mapping[str, Any]) -> Artifact | Gap:
        id_, size = f"s3://{self.bucket}/{item['Key']}", item["Size"]
        uri, which = id_, {"Key": item["Key"]}
        if self.versions and not item["IsLatest"]:
            uri, which = (
                f"{id_}?versionId={item['VersionId']}",
                which | {"VersionId": item["VersionId"]},
            )
        if size > self.largest:
            return Gap(uri, f"larger than {self.largest} bytes; raise largest_mb")
        read = partial(self._read, which, uri, id_) if size else partial(self._empty, uri, id_)
        small = 0 < size <= SIZE + OVERLAP
        version = f"{item['ETag']} {size}"
        return Artifact(uri, id_, self.kind, read, version, ahead=small, size=size)

    def _empty(self, uri: str, id_: str) -> Iterator[Chunk]:
        yield Chunk(b"", uri, id_, self.kind)

    def _read(self, which: Mapping[str, str], uri: str, id_: str) -> Iterator[Chunk | Gap]:
        try:
            body = self.client.get_object(Bucket=self.bucket, **which)["Body"]  # type: ignore[arg-type]  # its stubs want each by its name
            yield from unpacked(body, uri, id_, self.kind)
        except (BotoCoreError, ClientError) as error:
            yield Gap(uri, refused(error))


def _is_cold(item: Mapping[str, Any]) -> bool:
    restored = item.get("RestoreStatus", {})
    readable = restored.get("RestoreExpiryDate") and not restored.get("IsRestoreInProgress")
    return item.get("StorageClass") in _COLD and not readable
