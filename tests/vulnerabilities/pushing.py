"""Pushes to a registry, as `docker push` and `oras push` do."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any
from urllib.request import Request, urlopen

from local.registry import Registry
from tests.vulnerabilities.images import config, digest, layer

_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
_OCI = "application/vnd.oci.image.manifest.v1+json"


def push_image(registry: Registry, repository: str) -> str:
    """Push the image of `images`; returns its reference by digest."""
    content = layer()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _DOCKER,
        "config": _blob(
            registry, repository, "application/vnd.docker.container.image.v1+json", config(content)
        ),
        "layers": [
            _blob(
                registry,
                repository,
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                gzip.compress(content, mtime=0),
            )
        ],
    }
    pushed = _manifest(registry, repository, "1", manifest)
    return f"{registry.address}/{repository}@{pushed}"


def push_database(registry: Registry, repository: str, tarball: bytes) -> str:
    """Push a database of Trivy's as the artifact it is published as; returns its reference."""
    kind = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
    title = {"org.opencontainers.image.title": "db.tar.gz"}
    manifest = {
        "schemaVersion": 2,
        "mediaType": _OCI,
        "artifactType": "application/vnd.aquasec.trivy.config.v1+json",
        "config": _blob(registry, repository, "application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [{**_blob(registry, repository, kind, tarball), "annotations": title}],
    }
    _manifest(registry, repository, "2", manifest)
    return f"{registry.address}/{repository}:2"


def _blob(registry: Registry, repository: str, kind: str, content: bytes) -> dict[str, Any]:
    start = f"http://{registry.address}/v2/{repository}/blobs/uploads/"
    place = _ask(registry, "POST", start, b"").headers["Location"]
    joint = "&" if "?" in place else "?"
    _ask(registry, "PUT", f"{place}{joint}digest={digest(content)}", content)
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def _manifest(registry: Registry, repository: str, tag: str, manifest: dict[str, Any]) -> str:
    url = f"http://{registry.address}/v2/{repository}/manifests/{tag}"
    body = json.dumps(manifest).encode()
    reply = _ask(registry, "PUT", url, body, manifest["mediaType"])
    return str(reply.headers["Docker-Content-Digest"])


def _ask(
    registry: Registry, method: str, url: str, body: bytes, kind: str = "application/octet-stream"
) -> Any:
    login = f"{registry.username}:{registry.password.reveal()}".encode()
    headers = {
        "Authorization": f"Basic {base64.b64encode(login).decode()}",
        "Content-Type": kind,
    }
    with urlopen(Request(url, body, headers, method=method), timeout=30) as reply:  # noqa: S310  (loopback)
        return reply
