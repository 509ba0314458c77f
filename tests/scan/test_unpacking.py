"""Compressed files are read as what they hold, within bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import secrets
import sys
import tarfile
import tracemalloc
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


def tarred(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folder, link = tarfile.TarInfo("folder"), tarfile.TarInfo("link")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "a"
        archive.addfile(folder)
        archive.addfile(link)
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def test_zip_files_are_read_member_by_member():
    inner = gzip.compress(b"compressed")
    assert plain(zipped(a=b"one", b=inner)) == {"file!a": b"one", "file!b": b"compressed"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_tar_files_are_read_member_by_member_however_they_are_compressed(pack):
    large = secrets.token_bytes(SIZE // 2)
    data = pack(tarred(a=b"one", b=zipped(c=b"x"), large=large, **{"n" * 150: b"long"}))
    assert plain(data) == {
        "file!a": b"one", "file!b!c": b"x", "file!large": large, f"file!{'n' * 150}": b"long",
    }  # fmt: skip


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_are_read_with_all_their_members(pack):
    assert plain(pack(b"one\n") + pack(b"two\n")) == {"file": b"one\ntwo\n"}
    cut = parts(pack(drawn(5000).encode())[:-20])
    assert isinstance(cut[-1], Gap)
    assert "cannot be unpacked" in cut[-1].reason


@pytest.mark.parametrize("layout", ["docker", "oci"])
def test_an_image_that_was_saved_is_read_layer_by_layer(layout):
    layer = tarred(**{"app/config.yml": b"password", "app/lib.jar": zipped(inner=b"class")})
    if layout == "docker":
        image = tarred(**{"manifest.json": b"[]", "1/layer.tar": layer})
        at = "file!1/layer.tar"
    else:
        image = tarred(**{"index.json": b"{}", "blobs/sha256/1": gzip.compress(layer)})
        at = "file!blobs/sha256/1"
    found = plain(image)
    assert found[f"{at}!app/config.yml"] == b"password"
    assert found[f"{at}!app/lib.jar!inner"] == b"class"


def test_zstd_is_read_where_python_can_and_a_gap_where_it_cannot():
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415

        assert plain(zstd.compress(tarred(a=b"one"))) == {"file!a": b"one"}
    else:
        (gap,) = parts(b"\x28\xb5\x2f\xfd" + bytes(99))
        assert gap == Gap("file", "cannot be unpacked: zstd takes Python 3.14")


def test_what_lies_too_deep_is_a_gap_and_what_lies_beside_it_is_read():
    deep = b"x"
    for _ in range(7):
        deep = zipped(a=deep, beside=b"y")
    found = parts(deep)
    assert [part.uri for part in found if isinstance(part, Gap)] == ["file" + "!a" * 6]
    texts = [part.uri for part in found if isinstance(part, Chunk) and part.data == b"y"]
    assert sorted(map(len, texts)) == [len("file" + "!a" * n + "!beside") for n in range(6)]


def test_a_bomb_ends_as_a_gap_after_what_was_read_of_it():
    *chunks, gap = parts(gzip.compress(bytes(8 * SIZE)), most=3 * SIZE)
    assert gap == Gap("file", f"cannot be unpacked: it holds more than {3 * SIZE} bytes")
    assert len(chunks) <= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "pack",
    [
        lambda: zipped(**{f"m{n}": bytes(SIZE) for n in range(30)}),
        lambda: tarred(**{f"m{n}": gzip.compress(bytes(SIZE)) for n in range(30)}),
        lambda: bz2.compress(bytes(30 * SIZE)),
        lambda: lzma.compress(bytes(30 * SIZE)),
    ],
    ids=["zip", "tar", "bzip2", "xz"],
)
def test_a_bomb_in_many_pieces_is_one_gap_and_takes_no_memory(pack):
    bomb = pack()
    tracemalloc.start()
    gaps = 0
    for part in unpacked(io.BytesIO(bomb), "file", "file", "paper", most=10 * SIZE):
        gaps += isinstance(part, Gap)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert gaps == 1
    assert peak < 16 * SIZE  # xz has a dictionary of 8


def test_a_zip_file_of_too_many_members_is_a_gap(monkeypatch):
    monkeypatch.setattr("wickie.scan.unpacking._MEMBERS", 3)
    (gap,) = parts(zipped(**{f"m{n}": b"" for n in range(9)}))
    assert gap == Gap("file", "cannot be unpacked: a zip file of more than 3 members")


def test_a_tar_file_that_breaks_off_is_a_gap_after_what_was_read():
    whole = tarred(a=b"one", b=bytes(2000), c=b"three")
    cut = parts(whole[: whole.index(b"b".ljust(100, b"\0")) + 900])
    assert next(part.data for part in cut if isinstance(part, Chunk)) == b"one"
    assert isinstance(cut[-1], Gap)
    damaged = bytearray(whole)
    damaged[whole.index(b"c".ljust(100, b"\0")) + 150] ^= 1  # its checksum
    assert "the tar file is broken" in getattr(parts(bytes(damaged))[-1], "reason", "")


def test_a_header_that_would_fill_the_memory_is_a_gap():
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 31
    (gap,) = parts(header.tobuf(tarfile.USTAR_FORMAT) + bytes(4096))
    assert isinstance(gap, Gap)
    assert "a header of 2147483648 bytes" in gap.reason


def test_a_broken_member_of_a_zip_file_is_a_gap_and_the_others_are_read():
    data = bytearray(zipped(a=secrets.token_bytes(1000), b=b"two"))
    data[data.index(b"PK\x03\x04", 1) + 500] ^= 0xFF
    *first, chunk = parts(bytes(data))
    assert [part.uri for part in first if isinstance(part, Gap)] == ["file!a"]
    assert isinstance(chunk, Chunk)
    assert chunk.data == b"two"


def test_broken_files_are_gaps():
    assert [type(part) for part in parts(b"\x1f\x8bnot gzip at all")] == [Gap]
    assert [type(part) for part in parts(b"PK\x03\x04not zip at all")] == [Gap]
    cut = parts(gzip.compress(drawn(500).encode())[:-20])
    assert isinstance(cut[-1], Gap)


@pytest.mark.parametrize(
    "pack",
    [
        lambda data: zipped(a=data, b=zipped(c=data)),
        lambda data: tarred(a=data, **{"n" * 150: data}),
        lambda data: gzip.compress(tarred(a=data)),
        bz2.compress,
        lzma.compress,
    ],
    ids=["zip", "tar", "tar.gz", "bzip2", "xz"],
)
def test_damage_anywhere_is_read_or_a_gap_and_never_ends_the_scan(pack):
    draw = random.Random(1)  # noqa: S311  (not a secret)
    whole = pack(draw.randbytes(300) + bytes(300))
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(draw.choice((1, 1, 4, 40))):
            damaged[draw.randrange(4, len(damaged))] = draw.randrange(256)
        assert parts(bytes(damaged), most=4 * SIZE)


def test_members_that_a_zip_file_no_longer_lists_are_a_gap_and_an_empty_one_is_none():
    data = bytearray(zipped(a=b"one", b=b"two"))
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = bytes(4)  # the size of the table of contents
    data[end + 16 : end + 20] = end.to_bytes(4, "little")
    assert parts(bytes(data)) == [
        Gap(
            "file",
            "cannot be unpacked: its table of contents is broken: 3 members are missing",
        )
    ]
    assert plain(tarred()) == plain(zipped()) == {"file": b""}


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
