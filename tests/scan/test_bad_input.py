"""Whatever lies in a directory has an outcome with a name, and the rest is scanned."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import resource
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scan.paper import drawn, github_token, managed
from tests.scan.test_unpacking import tarred, zipped
from wickie.aws import Clients
from wickie.model import ScanResult
from wickie.scan import engine
from wickie.scan.chunk import SIZE
from wickie.scan.detectors import KingfisherDetector
from wickie.scan.sources import open_source

VALUE = drawn()
_LEAK = f"password={VALUE}\n"


def encrypted() -> bytes:
    """A zip file whose one member has the flag of encryption."""
    data = bytearray(zipped(a=_LEAK.encode()))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def deep() -> bytes:
    """Zip files in zip files, eight deep."""
    data = _LEAK.encode()
    for _ in range(8):
        data = zipped(a=data)
    return data


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


FOUND: dict[str, Callable[[], bytes]] = {
    "plain": _LEAK.encode,
    "invalid-utf-8": lambda: b"\xff\xfe\xfa caf\xe9\n" + _LEAK.encode() + b"\x80\n",
    "utf-16": lambda: ("one\n" + _LEAK).encode("utf-16"),
    "utf-16-be": lambda: ("one\n" + _LEAK).encode("utf-16-be"),
    "binary": lambda: secrets.token_bytes(600_000) + _LEAK.encode() + secrets.token_bytes(99_999),
    "null-bytes": lambda: bytes(3 * SIZE) + _LEAK.encode() + bytes(SIZE),
    "long-line": lambda: b"x" * (24 * SIZE) + _LEAK.encode() + b"y" * (8 * SIZE),
    "no-last-newline": _LEAK.strip().encode,
    "many-newlines": lambda: b"\n" * (2 * SIZE) + _LEAK.encode(),
    "nested.tar.xz": lambda: lzma.compress(tarred(a=bz2.compress(_LEAK.encode()))),
    "pretends-to-be.zip": _LEAK.encode,
}
"""Where the value is found."""

GAPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "broken.gz": (lambda: b"\x1f\x8b" + secrets.token_bytes(999), "cannot be unpacked"),
    "cut.gz": (lambda: gzip.compress(secrets.token_bytes(9999))[:-50], "ended before"),
    "cut.bz2": (lambda: bz2.compress(secrets.token_bytes(9999))[:-50], "ends in the middle"),
    "broken.xz": (lambda: flipped(lzma.compress(secrets.token_bytes(9999)), 5000), "orrupt"),
    "cut.tar": (lambda: tarred(a=bytes(5000), b=bytes(5000))[:7000], "cannot be unpacked"),
    "broken.zip": (lambda: zipped(a=b"a" * 999)[:-40], "not a zip file"),
    "broken-member.zip": (lambda: flipped(zipped(a=b"a" * 999), 72), "cannot be unpacked"),
    "encrypted.zip": (encrypted, "is encrypted"),
    "deep.zip": (deep, "it lies in 6 others"),
    "image.zst": (lambda: b"\x28\xb5\x2f\xfd" + bytes(700), "cannot be unpacked"),
    "bomb.gz": (lambda: gzip.compress(bytes(40 * SIZE)), "it holds more than"),
    "bomb.zip": (lambda: zipped(a=bytes(20 * SIZE), b=bytes(20 * SIZE)), "it holds more than"),
}
"""What of it cannot be read, and the reason that is given."""


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of it in one directory, with what is not a file beside it."""
    monkeypatch.setattr("wickie.scan.sources.directory.unpacked", _within(16 * SIZE))
    for name, content in FOUND.items():
        (tmp_path / name).write_bytes(content())
    for name, (content, _) in GAPS.items():
        (tmp_path / name).write_bytes(content())
    (tmp_path / "empty").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def _within(most: int) -> Callable[..., object]:
    from wickie.scan.unpacking import unpacked  # noqa: PLC0415  (before it is replaced)

    return lambda *arguments: unpacked(*arguments, most)


def scan(folder: Path, *more: KingfisherDetector) -> ScanResult:
    source = open_source("directory", {"path": str(folder)}, Clients())
    return engine.scan([source], [managed(VALUE), *more], run_id="r")


def test_each_has_its_outcome_and_the_rest_is_scanned(
    corpus: Path, kingfisher: KingfisherDetector
) -> None:
    result = scan(corpus, kingfisher)
    found = {f.location.uri.removeprefix(f"{corpus}/") for f in result.findings if f.managed}
    assert {uri.partition("!")[0] for uri in found} == FOUND.keys()
    gaps = {gap.uri.removeprefix(f"{corpus}/").partition("!")[0]: gap.reason for gap in result.gaps}
    assert gaps.keys() == GAPS.keys()
    for name, (_, reason) in GAPS.items():
        assert reason in gaps[name], (name, gaps[name])
    assert len(result.gaps) == len(GAPS)


def test_what_may_not_be_read_or_vanishes_while_it_is_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "vanishing", "plain"):
        (tmp_path / name).write_text(_LEAK)
    real = os.open

    def opened(path: str, *arguments: int) -> int:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        if str(path).endswith("vanishing"):
            (tmp_path / "vanishing").unlink()
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", opened)
    result = scan(tmp_path)
    assert {gap.uri.rpartition("/")[2]: gap.reason for gap in result.gaps} == {
        "closed": "permission denied",
        "vanishing": "no such file or directory",
    }
    assert [f.location.uri for f in result.findings] == [f"{tmp_path}/plain"]


def test_a_file_that_shrinks_or_grows_while_it_is_read_is_read_as_it_is_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shrinking").write_bytes(bytes(4 * SIZE))
    (tmp_path / "growing").write_text("one\n")
    real = os.open

    def opened(path: str, *arguments: int) -> int:
        if str(path).endswith("shrinking"):
            (tmp_path / "shrinking").write_text("cut\n")
        if str(path).endswith("growing"):
            (tmp_path / "growing").write_text(_LEAK)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", opened)
    result = scan(tmp_path)
    assert (len(result.findings), result.gaps) == (1, ())
    assert result.bytes_scanned == len(_LEAK) + len("cut\n")


def test_a_token_in_a_long_line_is_found_by_rules_too(
    tmp_path: Path, kingfisher: KingfisherDetector
) -> None:
    token = github_token()
    text = b"a," * (10 * SIZE) + f" token={token} ".encode() + b"b," * SIZE
    (tmp_path / "minified.js").write_bytes(text)
    result = scan(tmp_path, kingfisher)
    assert [f.rule_id for f in result.findings] == ["betterleaks.github-pat"]
    assert result.gaps == ()


@pytest.mark.slow
def test_a_bomb_of_3_gb_is_a_gap_and_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(32 * SIZE)) * (3 << 5))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = scan(tmp_path)
    (gap,) = result.gaps
    assert "it holds more than 1073741824 bytes" in gap.reason
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < 64 * SIZE


@pytest.mark.slow
def test_a_line_of_2_gb_is_read_to_its_end_and_takes_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "line").open("wb") as file:
        file.seek(2 << 30)  # zeros, which take no place on the disk
        file.write(_LEAK.encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = scan(tmp_path)
    assert [finding.location.uri for finding in result.findings] == [f"{tmp_path}/line"]
    assert (result.gaps, result.bytes_scanned) == ((), (2 << 30) + len(_LEAK))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < 64 * SIZE
