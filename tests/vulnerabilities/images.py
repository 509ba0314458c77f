"""Container images, made by hand: no engine is here to build them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

_STATUS = """Package: openssl
Status: install ok installed
Architecture: amd64
Version: 3.0.1-1
Maintainer: nobody
Description: test

"""
_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'
_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def python_package(name: str, version: str) -> dict[str, str]:
    """The file by which an installed package is recognised."""
    path = f"{name}-{version}.dist-info/METADATA"
    return {path: _METADATA.format(name=name, version=version)}


def layer(release: str = "12.5") -> bytes:
    """A Debian with an old OpenSSL, and an old Jinja2 in Python's packages."""
    packages = python_package("jinja2", "3.1.2")
    system = {"etc/os-release": _RELEASE, "etc/debian_version": f"{release}\n"}
    files = {**system, "var/lib/dpkg/status": _STATUS} | {
        f"usr/lib/python3/dist-packages/{path}": text for path, text in packages.items()
    }
    return _tar({name: text.encode() for name, text in files.items()})


def config(content: bytes) -> bytes:
    """The configuration of an image with one layer."""
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(content)]},
            "history": [{"created_by": "test"}],
        }
    ).encode()


def archive(path: Path, release: str = "12.5") -> Path:
    """What `docker save` writes."""
    content = layer(release)
    manifest = [{"Config": "config.json", "RepoTags": ["demo:1"], "Layers": ["layer.tar"]}]
    files = {"config.json": config(content), "layer.tar": content}
    path.write_bytes(_tar({**files, "manifest.json": json.dumps(manifest).encode()}))
    return path


def digest(content: bytes) -> str:
    """How registries name content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _tar(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as opened:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return written.getvalue()
