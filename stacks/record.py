"""The record beside a built folder: of what it was made, and what it held when it was."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def digest(*parts: bytes) -> str:
    """One name for all of `parts`, in their order."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def contents(folder: Path) -> str:
    """One name for every file in `folder`, and what is in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(*(f"{p.relative_to(folder)}\n".encode() + p.read_bytes() for p in files))


def stands(folder: Path, made_of: str) -> bool:
    """Whether `folder` was made of this and is as it was."""
    record = _beside(folder)
    return folder.is_dir() and record.exists() and record.read_text() == _told(folder, made_of)


def write(folder: Path, made_of: str) -> None:
    """Note that `folder` was made of this."""
    _beside(folder).write_text(_told(folder, made_of))


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.made")


def _told(folder: Path, made_of: str) -> str:
    return f"{made_of} {contents(folder)}\n"
