"""Every version of every file in a repository's history."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from glob import has_magic, iglob
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan.chunk import Artifact
from wickie.scan.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wickie.aws import Clients
    from wickie.scan.chunk import Source

_LARGEST: Final = 256 << 20
"""Bytes of one version of a file: they are in memory all at once."""


def open_repository(options: Mapping[str, Any], clients: Clients) -> Source:  # noqa: ARG001
    """Open the repository at `path`, with or without a work tree, or all that match it."""
    path, since = options["path"], options.get("since")
    if has_magic(path):
        return Repositories(path, since)
    return Repository(Path(path), since=since)


@dataclass(frozen=True)
class Repository:
    """
    All that any ref leads to: other branches, tags and stashes, and what was deleted since.

    Needs no git executable. A version of a file is read once, however many commits have it.
    """

    kind: ClassVar[str] = "git"

    path: Path
    largest: int = _LARGEST
    since: str | None = None
    """A commit; it and its ancestors are left out."""

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"git:{self.path.as_posix()}"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        try:
            for name, data, blob, origins, _staged, _unreachable, _raw, skipped in self._inputs():
                if skipped is not None:
                    yield Gap(f"{self.uri}@{blob}", skipped)
                else:
                    uri = f"{self.uri}@{_introduced(origins)}:{name}"
                    id_ = f"{self.uri}:{name}"
                    stream = io.BytesIO(data or b"")
                    read = partial(unpacked, stream, uri, id_, self.kind)
                    yield Artifact(uri, id_, self.kind, read, version=blob)
        except (OSError, RuntimeError, ValueError) as error:
            text = " ".join(str(error).split())
            remedy = "give the root of a complete clone"
            if self.since:
                remedy += f", in which there is a commit {self.since}"
            raise SourceError(
                f"cannot read the git repository {self.path}: {text}; {remedy}"
            ) from None

    def _inputs(self) -> Any:
        import kingfisher_sdk  # noqa: PLC0415  (slow; stacks ask for permissions alone)
        from kingfisher_sdk import _native  # noqa: PLC0415

        # `kingfisher_sdk.git_inputs` tells of what it skips by a warning only, and warnings
        # belong to the whole process.
        return _native.GitInputs(
            str(self.path),
            kingfisher_sdk.GitScope(refs=None, since_commit=self.since),
            discover=False,
            max_blob_size=self.largest,
            skip_missing_blobs=True,
        )


@dataclass(frozen=True)
class Repositories:
    """Every repository whose path matches a pattern, as of a shell."""

    kind: ClassVar[str] = "git"

    pattern: str
    since: str | None = None

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"git:{self.pattern}"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`. One that cannot be read is a gap."""
        found = [path for path in sorted(iglob(self.pattern)) if is_repository(Path(path))]  # noqa: PTH207  (the pattern may be absolute)
        if not found:
            raise SourceError(f"no git repository matches {self.pattern}; correct the path")
        for path in found:
            repository = Repository(Path(path), since=self.since)
            try:
                yield from repository.artifacts()
            except SourceError as error:
                yield Gap(repository.uri, str(error))


def is_repository(path: Path) -> bool:
    """Whether the root of a repository lies there, with or without a work tree."""
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
    return bare or (path / ".git").exists()


def _introduced(origins: Sequence[Any]) -> str:
    """The earliest commit that has this version of the file."""
    oldest = min(origins, key=lambda commit: (commit.committer[2], commit.id), default=None)
    return str(oldest.id) if oldest else "unknown"
