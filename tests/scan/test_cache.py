"""What did not change is not looked at again, and what was found in it is told again."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from tests.scan.paper import KEY, busywork, drawn, github_token, prints
from wickie.model import Gap, Stage
from wickie.scan import engine
from wickie.scan.cache import ScanCache
from wickie.scan.chunk import Artifact, Chunk
from wickie.scan.detectors import Detector, KingfisherDetector, ManagedDetector
from wickie.scan.sources.reading import artifact_of


@dataclass
class Shelf:
    """Artifacts by name, with text and version, and which of them were read."""

    texts: dict[str, tuple[str, str]]
    uri: str = "shelf:"
    kind: str = "shelf"
    read: list[str] = field(default_factory=list)
    broken: str = ""

    def artifacts(self) -> Iterator[Artifact | Gap]:
        for name, (text, version) in self.texts.items():
            yield Artifact(name, name, self.kind, lambda n=name, t=text: self._read(n, t), version)

    def _read(self, name: str, text: str) -> Iterator[Chunk | Gap]:
        self.read.append(name)
        yield Chunk(text.encode(), name, name, self.kind)
        if name == self.broken:
            yield Gap(name, "cut off")


class Night:
    """Scans of one place after another, each with what the one before stored."""

    def __init__(self) -> None:
        self.stored = b""

    def scan(self, source, *detectors: Detector, key: bytes = KEY):
        cache = ScanCache(detectors, key, self.stored)
        result = engine.scan([source], detectors, run_id="r", cache=cache)
        self.stored = cache.dump()
        return result


@pytest.fixture
def night() -> Night:
    return Night()


def test_only_what_changed_is_read_the_second_night(night, kingfisher):
    token = github_token()
    texts = {"a": (f"token={token}", "1"), "b": ("nothing", "1"), "c": ("old", "1")}
    first = night.scan(Shelf(texts), kingfisher)
    second = Shelf(texts | {"c": ("new", "2"), "d": ("more", "1")})
    result = night.scan(second, kingfisher)
    assert second.read == ["c", "d"]
    assert result.findings == first.findings != ()
    assert (result.artifacts, result.unchanged) == (4, 2)


def test_what_takes_no_version_is_known_by_its_text(night, kingfisher):
    def shelf(text: str):
        texts = [artifact_of(lambda: [("A", text), ("B", "b")], "env", "shelf")]
        return replace(Shelf({}), uri="shelf:env"), texts

    for text, unchanged in (("A=1", 0), ("A=1", 1), ("A=2", 0)):
        source, artifacts = shelf(text)
        source.artifacts = lambda listed=artifacts: iter(listed)
        assert night.scan(source, kingfisher).unchanged == unchanged


def test_what_could_not_be_read_whole_is_read_again(night, kingfisher):
    shelf = Shelf({"a": ("text", "1")}, broken="a")
    assert night.scan(shelf, kingfisher).gaps
    assert night.scan(shelf, kingfisher).gaps
    assert shelf.read == ["a", "a"]


def test_a_chunk_that_a_detector_gave_up_on_is_looked_at_again(night):
    hurried = KingfisherDetector(KEY, seconds=0.01)
    shelf = Shelf({"a": (busywork(), "1")})
    assert night.scan(shelf, hurried).gaps
    assert night.scan(shelf, hurried).gaps


def test_a_managed_value_has_the_stage_that_it_has_today(night):
    value = drawn()
    shelf = Shelf({"log": (f"pw={value}", "1")})
    for stage in (Stage.CURRENT, Stage.PREVIOUS, Stage.RETIRED):
        result = night.scan(shelf, ManagedDetector(prints(value, stage=stage), KEY))
        (finding,) = result.findings
        assert finding.managed.stage is stage
        assert stage.value in finding.title
    assert shelf.read == ["log"]
    assert night.scan(shelf, ManagedDetector([], KEY)).findings == ()


def test_a_value_that_was_in_use_before_its_print_is_looked_for_everywhere(night):
    value, shelf = drawn(), None
    shelf = Shelf({"log": (f"pw={value}", "1")})
    assert not night.scan(shelf, ManagedDetector([], KEY)).findings
    made_by_rotation = ManagedDetector(prints(drawn()), KEY)
    night.scan(shelf, made_by_rotation)
    assert shelf.read == ["log"]
    adopted = [replace(each, adopted=1764000000) for each in prints(value)]
    assert night.scan(shelf, ManagedDetector(adopted, KEY)).findings
    assert shelf.read == ["log", "log"]


def test_another_detector_looks_at_everything(night, kingfisher):
    shelf = Shelf({"a": ("text", "1")})
    night.scan(shelf, kingfisher)
    night.scan(shelf, kingfisher, ManagedDetector([], KEY))
    assert shelf.read == ["a", "a"]


def test_what_is_gone_is_forgotten(night, kingfisher):
    night.scan(Shelf({f"file-{n}": ("text", "1") for n in range(1000)}), kingfisher)
    full = len(night.stored)
    night.scan(Shelf({"file-1": ("text", "1")}), kingfisher)
    assert len(night.stored) < full / 10


@pytest.mark.parametrize("damage", [b"", b"x", b"x" * 99])
def test_a_cache_that_others_wrote_is_not_believed(night, kingfisher, caplog, damage):
    shelf = Shelf({"a": ("text", "1")})
    night.scan(shelf, kingfisher)
    night.stored = damage or night.stored[:-1] + bytes([night.stored[-1] ^ 1])
    night.scan(shelf, kingfisher)
    assert shelf.read == ["a", "a"]
    assert "read anew" in caplog.text


def test_no_plaintext_is_in_the_cache(night, kingfisher):
    token = github_token()
    night.scan(Shelf({"a": (f"token={token}", "1")}), kingfisher)
    texts = zlib.decompress(night.stored[40:])
    assert b"github" in texts
    assert token.encode() not in texts
