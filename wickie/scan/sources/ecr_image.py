"""Container images in ECR."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from botocore.exceptions import ClientError

from wickie.model import Gap
from wickie.scan.chunk import Artifact
from wickie.scan.sources.downloading import downloaded
from wickie.scan.sources.reading import artifact_of, reading, refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wickie.aws import Clients

PERMISSIONS: Final = (
    "ecr:DescribeRepositories",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)

_AT_ONCE: Final = 100
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html"""
_MANIFESTS: Final = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
_LARGEST_MB: Final = 4096
_SMALL: Final = 1 << 20
_MOST: Final = 16 << 30
"""Bytes unpacked of one layer."""


def open_registry(options: Mapping[str, Any], clients: Clients) -> Registry:
    """Open the images of repositories whose name starts with `prefix`."""
    return Registry(
        clients.service("ecr"),
        options.get("prefix", ""),
        options.get("newest"),
        options.get("largest_mb", _LARGEST_MB) << 20,
    )


@dataclass(frozen=True)
class Registry:
    """
    Manifest, configuration (with its history) and layers of every image, whatever its platform.

    A layer is read once, however many images have it: what a later layer deletes is in it still.
    """

    kind: ClassVar[str] = "ecr-image"

    client: Any = field(repr=False)
    prefix: str = ""
    newest: int | None = None
    """How many images of each repository are read; None for all."""
    largest: int = _LARGEST_MB << 20

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"{self.kind}:{self.prefix}*"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        seen: set[str] = set()
        with reading(self.uri, PERMISSIONS):
            for page in self.client.get_paginator("describe_repositories").paginate():
                for repository in page["repositories"]:
                    if repository["repositoryName"].startswith(self.prefix):
                        yield from self._repository(repository, seen)

    def _repository(
        self, repository: Mapping[str, Any], seen: set[str]
    ) -> Iterator[Artifact | Gap]:
        name, uri = repository["repositoryName"], repository["repositoryUri"]
        digests: list[str] = []
        for image in self._images(name):
            if image.get("imageStatus", "ACTIVE") == "ACTIVE":
                digests.append(image["imageDigest"])
            else:
                why = f"it is {image['imageStatus'].lower()}; restore it to have it scanned"
                yield Gap(f"{uri}@{image['imageDigest']}", why)
        for start in range(0, len(digests), _AT_ONCE):
            ids = [{"imageDigest": digest} for digest in digests[start : start + _AT_ONCE]]
            reply = self.client.batch_get_image(
                repositoryName=name, imageIds=ids, acceptedMediaTypes=list(_MANIFESTS)
            )
            for failure in reply.get("failures", []):
                digest = failure.get("imageId", {}).get("imageDigest")
                yield Gap(
                    f"{uri}@{digest}", f"{failure['failureCode']}: {failure['failureReason']}"
                )
            for image in reply["images"]:
                yield from self._image(name, uri, image, seen)

    def _images(self, name: str) -> Sequence[Mapping[str, Any]]:
        """The newest first."""
        pages = self.client.get_paginator("describe_images").paginate(repositoryName=name)
        images = [image for page in pages for image in page["imageDetails"]]
        images.sort(key=lambda image: image["imagePushedAt"], reverse=True)
        return images[: self.newest]

    def _image(
        self, name: str, uri: str, image: Mapping[str, Any], seen: set[str]
    ) -> Iterator[Artifact | Gap]:
        digest, text = image["imageId"]["imageDigest"], image["imageManifest"]
        at = f"{uri}@{digest}"
        yield artifact_of(lambda: [("manifest", text)], at, self.kind, artifact=uri, version=digest)
        manifest = json.loads(text)
        for blob in _blobs(manifest):
            if blob["digest"] in seen:
                continue
            seen.add(blob["digest"])
            yield self._blob(name, uri, blob)

    def _blob(self, name: str, uri: str, blob: Mapping[str, Any]) -> Artifact | Gap:
        digest, size = blob["digest"], blob.get("size", 0)
        at = f"{uri}@{digest}"
        if blob.get("urls"):
            return Gap(at, "a foreign layer: it lies in another registry")
        if size > self.largest:
            return Gap(at, f"it is larger than {self.largest} bytes; raise largest_mb")
        address = partial(self._address, name, digest, at)
        read = partial(downloaded, address, at, uri, self.kind, _MOST)
        return Artifact(at, uri, self.kind, read, digest, ahead=0 < size <= _SMALL)

    def _address(self, name: str, digest: str, at: str) -> str | Gap:
        try:
            reply = self.client.get_download_url_for_layer(repositoryName=name, layerDigest=digest)
        except ClientError as error:
            return Gap(at, refused(error))
        return str(reply["downloadUrl"])


def _blobs(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What an image's manifest names; a list of images for several platforms names none."""
    if "config" in manifest:
        yield manifest["config"]
    yield from manifest.get("layers", [])
    for layer in manifest.get("fsLayers", []):  # Docker's first format, with the history inside
        yield {"digest": layer["blobSum"]}
