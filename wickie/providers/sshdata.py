"""How SSH-2 writes what it says: RFC 4251 §5."""

from __future__ import annotations

import struct


def string(data: bytes | str) -> bytes:
    """A string: its length, and its bytes."""
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


def names(*texts: str) -> bytes:
    """A name-list."""
    return string(",".join(texts))


class Reader:
    """What is left of a message. A field that is not there is a `struct.error`."""

    def __init__(self, data: bytes) -> None:
        self.data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """Bytes of a known number."""
        taken = self.data[self._at : self._at + size]
        if len(taken) != size:
            raise struct.error("a message ends too early")
        self._at += size
        return taken

    def byte(self) -> int:
        """One byte; a boolean is one too."""
        return self.take(1)[0]

    def number(self) -> int:
        """A uint32."""
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        """A string; the bytes of an mpint are told in the same way."""
        return self.take(self.number())

    def text(self) -> str:
        """A string that people may read, in one line."""
        return " ".join(self.string().decode(errors="replace").split())

    def names(self) -> list[str]:
        """A name-list."""
        return self.text().split(",")


def mpint(data: bytes) -> bytes:
    """A positive integer of any size."""
    data = data.lstrip(b"\0")
    return string(b"\0" + data if data and data[0] & 0x80 else data)
