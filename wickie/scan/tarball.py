"""Reads tar files as they come, however many members they have, and says where one is broken."""

from __future__ import annotations

import tarfile
from typing import IO, TYPE_CHECKING, Final, Self, cast

from wickie.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.scan.chunk import Readable

_MAGIC: Final = slice(257, 262)
_PIECE: Final = 1 << 16
_LONGEST_HEADER: Final = 1 << 20
"""Bytes of a member's names and attributes, which tarfile reads as a whole."""
_HEADERS: Final = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


class Member(tarfile.TarInfo):
    """A member; unlike tarfile's own, a broken one is told from the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """See `tarfile.TarInfo`. `SourceError` where the archive is broken."""
        try:
            return super().fromtarfile(tarfile)
        except (_Truncated, _Invalid) as error:
            raise SourceError(f"the tar file is broken: {error}") from None

    def _proc_member(self, tarfile: tarfile.TarFile) -> Self:
        if self.type in _HEADERS and self.size > _LONGEST_HEADER:
            raise SourceError(f"a member has a header of {self.size} bytes")
        member: Self = super()._proc_member(tarfile)  # type: ignore[misc]  # not in its stubs
        return member

    @property
    def text(self) -> str:
        """Its name as text that can be written anywhere."""
        return self.name.encode(errors="surrogateescape").decode(errors="replace")


_Truncated: Final = tarfile.TruncatedHeaderError  # type: ignore[attr-defined]  # not in its stubs
_Invalid: Final = tarfile.InvalidHeaderError  # type: ignore[attr-defined]  # likewise


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar file, of any kind since 1988."""
    return head[_MAGIC] == b"ustar"


def members(stream: Readable) -> Iterator[tuple[Member, Readable]]:
    """List the regular files of a tar file, each to be read before the next is asked for."""
    file = cast("IO[bytes]", stream)
    with tarfile.open(fileobj=file, mode="r|", bufsize=_PIECE, tarinfo=Member) as archive:
        while member := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]  # it would remember them all
            if member.isreg() and (plain := archive.extractfile(member)):
                yield cast("Member", member), plain
