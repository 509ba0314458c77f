"""The print of a value: keyed hashes of its first windows, and a keyed digest of all of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from wickie.fingerprints.encodings import NAMES, encodings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_kms import KMSClient

    from wickie.model import Stage

WINDOW: Final = 8
STRIDE: Final = 8
SHORTEST: Final = WINDOW + STRIDE - 1
"""Bytes an encoded value needs so that one of its first windows begins at any eighth byte."""

_MESSAGE: Final = b"wickie fingerprint v1"
_WORD: Final = 2**64 - 1


def working_key(kms: KMSClient, key_id: str) -> bytes:
    """Derive the key of all prints: a MAC that only holders of kms:GenerateMac can ask for."""
    reply = kms.generate_mac(KeyId=key_id, MacAlgorithm="HMAC_SHA_256", Message=_MESSAGE)
    return reply["Mac"]


@dataclass(frozen=True)
class WindowHash:
    """
    A keyed 32-bit hash of eight bytes, in operations that numpy has too.

    Two rounds: one multiplication is linear, and a few known values would give its key away.
    """

    whiten: int
    first: int
    second: int

    @classmethod
    def of(cls, key: bytes) -> WindowHash:
        """Derive the constants from the working key; multipliers are odd, hence reversible."""
        derived = blake2b(key=key, person=b"wickie windows", digest_size=24).digest()
        whiten, first, second = struct.unpack("<3Q", derived)
        return cls(whiten, first | 1, second | 1)

    def __call__(self, window: bytes) -> int:
        mixed = (int.from_bytes(window, "little") ^ self.whiten) * self.first & _WORD
        mixed ^= mixed >> 32
        return (mixed * self.second & _WORD) >> 32


def digest(data: bytes | memoryview, key: bytes) -> bytes:
    """The keyed digest that settles whether `data` is an encoded managed value."""
    return blake2b(data, key=key, person=b"wickie digest", digest_size=16).digest()


@dataclass(frozen=True)
class Fingerprint:
    """The print of one encoding of one version of a secret."""

    arn: str
    version_id: str
    stage: Stage
    encoding: str
    length: int
    windows: tuple[int, ...]
    digest: bytes
    adopted: int = 0
    """When it was published, if the value was in use before that: seconds since 1970."""
    honeytoken: bool = False


_Entry = tuple[str, int, tuple[int, ...], bytes]
_ENTRY: Final = struct.Struct(f"<BI{STRIDE}I16s")


def entries(value: str, key: bytes) -> Iterator[_Entry]:
    """Print every encoding of `value` that is long enough: encoding, length, windows, digest."""
    hashed = WindowHash.of(key)
    for name, encoded in encodings(value).items():
        if len(encoded) >= SHORTEST:
            windows = tuple(hashed(encoded[i : i + WINDOW]) for i in range(STRIDE))
            yield name, len(encoded), windows, digest(encoded, key)


def pack(printed: Iterable[_Entry]) -> bytes:
    """Write entries as the table stores them, 53 bytes each."""
    return b"".join(
        _ENTRY.pack(NAMES.index(name), length, *windows, whole)
        for name, length, windows, whole in printed
    )


def unpack(stored: bytes) -> Iterator[_Entry]:
    """Read what `pack` wrote."""
    for code, length, *windows, whole in _ENTRY.iter_unpack(stored):
        yield NAMES[code], length, tuple(windows), whole
