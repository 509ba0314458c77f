"""Compressed files are read as what they hold, within bounds."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from tests.scan.paper import drawn, managed
from wickie.aws import Clients
from wickie.model import Gap
from wickie.scan import engine
from wickie.scan.chunk import SIZE, Chunk
from wickie.scan.sources import open_source
from wickie.scan.unpacking import unpacked


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def parts(data: bytes, **options: int) -> list[Chunk | Gap]:
    return list(unpacked(io.BytesIO(data), "file", "file", "paper", **options))


def plain(data: bytes) -> dict[str, bytes]:
    return {part.uri: part.data for part in parts(data) if isinstance(part, Chunk)}


@pytest.mark.parametrize("data", [b"", b"x", b"PK", b"\x1f", b"plain text"])
def test_what_is_not_packed_is_read_as_it_is(data):
    assert plain(data) == {"file": data}


def test_gzip_files_are_read_with_all_their_members():
    assert plain(gzip.compress(b"one\n") + gzip.compress(b"two\n")) == {"file": b"one\ntwo\n"}


def test_zip_files_are_read_member_by_member_two_deep():
    inner = gzip.compress(b"compressed")
    assert plain(zipped(a=b"one", b=inner)) == {"file!a": b"one", "file!b": b"compressed"}
    assert plain(zipped(a=zipped(b=zipped(c=b"x"))))["file!a!b"].startswith(b"PK")


def test_a_bomb_ends_as_a_gap_after_what_was_read_of_it():
    *chunks, gap = parts(gzip.compress(bytes(8 * SIZE)), most=3 * SIZE)
    assert gap == Gap("file", "cannot be unpacked: it holds too much")
    assert len(chunks) <= 3


def test_broken_files_are_gaps():
    assert [type(part) for part in parts(b"\x1f\x8bnot gzip at all")] == [Gap]
    assert [type(part) for part in parts(b"PK\x03\x04not zip at all")] == [Gap]
    cut = parts(gzip.compress(drawn(500).encode())[:-20])
    assert isinstance(cut[-1], Gap)


def test_an_encrypted_member_is_a_gap_and_the_others_are_read():
    data = bytearray(zipped(a=b"one", b=b"two"))
    listed = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x01\x02"))
    data[listed + 8] |= 1  # the flag of a, the last but one in the table of contents
    gap, chunk = parts(bytes(data))
    assert isinstance(gap, Gap)
    assert (gap.uri, "encrypted" in gap.reason) == ("file!a", True)
    assert isinstance(chunk, Chunk)
    assert chunk.data == b"two"


def test_a_value_in_a_compressed_log_is_found_on_its_line(tmp_path):
    value = drawn()
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(b"one\ntwo\n" + value.encode()))
    (tmp_path / "large.gz").write_bytes(gzip.compress(bytes(3 * SIZE) + value.encode(), 0))
    source = open_source("directory", {"path": str(tmp_path)}, Clients())
    result = engine.scan([source], [managed(value)], run_id="r")
    assert [finding.location.uri for finding in result.findings] == [
        f"{tmp_path}/app.log.gz", f"{tmp_path}/large.gz",
    ]  # fmt: skip
    assert result.findings[0].location.line == 3
