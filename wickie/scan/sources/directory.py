"""Files under a directory."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan.chunk import OVERLAP, SIZE, Artifact, Chunk
from wickie.scan.unpacking import is_packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.aws import Clients

# Compressed, and the `git` source reads what they hold; .git/config is worth a look.
_SKIPPED: Final = os.path.join(".git", "objects")  # noqa: PTH118  (compared with os.walk's text)


def open_directory(options: Mapping[str, Any], clients: Clients) -> Directory:  # noqa: ARG001
    """Open the directory, or single file, at `path`."""
    return Directory(Path(options["path"]))


@dataclass(frozen=True)
class Directory:
    """Every regular file below a path. Links are not followed; devices and pipes are left out."""

    kind: ClassVar[str] = "directory"

    path: Path

    @property
    def uri(self) -> str:
        """See `Source`."""
        return self.path.as_posix()

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        if self.path.is_file():
            yield from self._file(str(self.path))
        elif self.path.is_dir():
            yield from self._walk()
        else:
            raise SourceError(f"no file or directory {self.path}; correct the path")

    def _walk(self) -> Iterator[Artifact | Gap]:
        unreadable: list[OSError] = []
        for folder, folders, files in os.walk(self.path, onerror=unreadable.append):
            folders[:] = sorted(
                name
                for name in folders
                if not os.path.join(folder, name).endswith(_SKIPPED)  # noqa: PTH118  (speed)
            )
            for name in sorted(files):
                yield from self._file(os.path.join(folder, name))  # noqa: PTH118  (speed)
        yield from (Gap(_uri(error.filename), _reason(error)) for error in unreadable)

    def _file(self, path: str) -> Iterator[Artifact | Gap]:
        uri = _uri(path)
        try:
            status = os.lstat(path)
        except OSError as error:
            yield Gap(uri, _reason(error))
            return
        if stat.S_ISREG(status.st_mode):
            # A change that leaves size and times alone is for whoever sets the clock back.
            version = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
            read = partial(self._read, path, uri)
            yield Artifact(uri, uri, self.kind, read, version, size=status.st_size)

    def _read(self, path: str, uri: str) -> Iterator[Chunk | Gap]:
        try:
            # O_NONBLOCK: to open a pipe would otherwise wait for whoever writes to it.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                if os.fstat(descriptor).st_size > SIZE + OVERLAP:
                    yield from unpacked(file, uri, uri, self.kind)
                elif is_packed(data := file.read()):
                    yield from unpacked(io.BytesIO(data), uri, uri, self.kind)
                else:
                    yield Chunk(data, uri, uri, self.kind)
        except OSError as error:
            yield Gap(uri, _reason(error))


def _uri(path: str) -> str:
    """The path as text that can be written anywhere: names of files need not be UTF-8."""
    text = path if path.isascii() else os.fsencode(path).decode(errors="replace")
    return text.removeprefix("./")


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
