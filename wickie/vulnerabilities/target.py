"""What can be scanned for vulnerabilities, and how each is laid out for a scanner to read."""

from __future__ import annotations

import enum
import re
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, SourceError
from wickie.model import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

_BY_DIGEST: Final = re.compile(r"(?P<name>\w[^@\s]*)@sha256:[0-9a-f]{64}")
_TAG: Final = re.compile(r":[^:/@]+$")
_MOST_BYTES: Final = 1 << 30
"""Unzipped; Lambda itself takes 250 MB of a function and its layers."""
_MOST_FILES: Final = 200_000
_BLOCK: Final = 1 << 20


class Kind(enum.StrEnum):
    """The kinds of targets, by their names in wickie.yaml."""

    IMAGE = "image"
    """In a registry, by digest: a tag may move between one scanner and the next."""
    IMAGE_ARCHIVE = "image-archive"
    DIRECTORY = "directory"
    LOCK_FILE = "lock-file"
    SBOM = "sbom"
    LAMBDA_ZIP = "lambda-zip"


@dataclass(frozen=True)
class Target:
    """One thing to scan."""

    kind: Kind
    reference: str
    """An image by digest, or a path."""

    def __post_init__(self) -> None:
        if self.kind is Kind.IMAGE and not _BY_DIGEST.fullmatch(self.reference):
            raise ConfigError(
                f"image {self.reference} is not named by digest; write …@sha256:… (a tag may move)"
            )

    @property
    def name(self) -> str:
        """What findings are kept under: it outlives the digest of one build."""
        if self.kind is Kind.IMAGE:
            return _TAG.sub("", self.reference.partition("@")[0])
        return self.reference

    def place(self, path: str, line: int | None = None) -> Location:
        """Where in it a package was found; an empty path is the whole target."""
        path = path.strip("/")
        if not path or self.kind is Kind.LOCK_FILE:
            return Location(self.name, line)
        joint = "/" if self.kind is Kind.DIRECTORY else "#"
        return Location(f"{self.name.rstrip('/')}{joint}{path}", line)


def guessed(text: str) -> Target:
    """What a person means by a name: a path, told by what it looks like, or an image."""
    path = Path(text)
    if path.is_dir():
        return Target(Kind.DIRECTORY, text)
    if path.suffix == ".zip":
        return Target(Kind.LAMBDA_ZIP, text)
    if path.suffix == ".tar":
        return Target(Kind.IMAGE_ARCHIVE, text)
    if path.name.endswith((".cdx.json", "bom.json", ".spdx.json")):
        return Target(Kind.SBOM, text)
    if not path.is_file() and "@" not in text:
        raise ConfigError(f"{text} is neither here nor an image by digest (…@sha256:…); correct it")
    return Target(Kind.LOCK_FILE if path.is_file() else Kind.IMAGE, text)


@contextmanager
def laid_out(target: Target) -> Iterator[str]:
    """
    Give what a scanner is to read: an absolute path, or the reference of an image.

    A Lambda package is unpacked for as long. Raises `SourceError` where there is nothing.
    """
    if target.kind is Kind.IMAGE:
        yield target.reference
        return
    path = Path(target.reference).absolute()
    if not (path.is_dir() if target.kind is Kind.DIRECTORY else path.is_file()):
        raise SourceError(f"{target.reference}: no such {target.kind.value}; correct the path")
    if target.kind is not Kind.LAMBDA_ZIP:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="wickie-lambda-") as folder:
        _unpack(path, Path(folder))
        yield folder


def _unpack(archive: Path, folder: Path) -> None:
    """Unzip, links as plain files, and never outside of `folder` nor beyond the budget."""
    left = _MOST_BYTES
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > _MOST_FILES:
                raise SourceError(f"{archive} holds {len(members):,} files; too many to unpack")
            for member in members:
                left -= _extract(opened, member, folder, left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise SourceError(f"{archive} cannot be unzipped ({type(error).__name__})") from None


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, left: int) -> int:
    path = (folder / member.filename).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SourceError(f"{opened.filename} holds {member.filename!r}, outside of itself")
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(member) as source, path.open("wb") as target:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > left:
                raise SourceError(f"{opened.filename} unzips to more than {_MOST_BYTES >> 20} MiB")
            target.write(block)
    # Of programs in Go a scanner reads what they were built from, if they may be run.
    path.chmod(0o755)
    return written
