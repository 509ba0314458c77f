"""
Writes bbolt files, which Trivy keeps its advisories in. For tests: it writes once and whole.

https://github.com/etcd-io/bbolt/blob/main/internal/common/page.go
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Union

Bucket = dict[str, Union[bytes, "Bucket"]]

_PAGE = 4096
_META, _LEAF, _FREELIST = 4, 2, 16
_MAGIC, _VERSION = 0xED0CDAED, 2
_HEADER = "<QHHI"
"""Of a page: its number, kind, elements, and how many pages more it takes."""


def write(root: Bucket, path: Path) -> None:
    """Write nested buckets as one file."""
    pages: list[tuple[int, bytes]] = []
    top = _page(root, pages)
    after = max(number + len(body) // _PAGE for number, body in pages)
    metas = b"".join(_meta(number, top, after) for number in (0, 1))
    freelist = struct.pack(_HEADER, 2, _FREELIST, 0, 0).ljust(_PAGE, b"\0")
    path.write_bytes(metas + freelist + b"".join(body for _, body in sorted(pages)))


def _page(bucket: Bucket, pages: list[tuple[int, bytes]]) -> int:
    """Add a bucket as one leaf, however long; return its number."""
    body = _elements(bucket, pages)
    number = pages[-1][0] + len(pages[-1][1]) // _PAGE if pages else 3
    size = -(-(len(body) + 16) // _PAGE)
    head = struct.pack(_HEADER, number, _LEAF, len(bucket), size - 1)
    pages.append((number, (head + body).ljust(size * _PAGE, b"\0")))
    return number


def _elements(bucket: Bucket, pages: list[tuple[int, bytes]]) -> bytes:
    index, data = b"", b""
    for position, (name, value) in enumerate(sorted(bucket.items())):
        key = name.encode()
        is_bucket = isinstance(value, dict)
        stored = struct.pack("<QQ", _page(value, pages), 0) if isinstance(value, dict) else value
        start = (len(bucket) - position) * 16 + len(data)
        index += struct.pack("<IIII", is_bucket, start, len(key), len(stored))
        data += key + stored
    return index + data


def _meta(number: int, top: int, after: int) -> bytes:
    body = struct.pack("<IIIIQQQQQ", _MAGIC, _VERSION, _PAGE, 0, top, 0, 2, after, number)
    head = struct.pack(_HEADER, number, _META, 0, 0)
    return (head + body + struct.pack("<Q", _fnv1a(body))).ljust(_PAGE, b"\0")


def _fnv1a(data: bytes) -> int:
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = ((digest ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return digest
