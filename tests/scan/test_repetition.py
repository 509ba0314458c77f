"""Text made to keep a scan busy costs little, and hides nothing."""

from __future__ import annotations

import time
from random import Random

import pytest

from tests.scan.paper import KEY, Paper, chunk, drawn, github_token, managed, unlike
from tests.scan.test_engine import Big, ids
from wickie.model import Gap
from wickie.scan import engine, intake
from wickie.scan.chunk import OVERLAP, SIZE, Chunk, Match
from wickie.scan.detectors import KingfisherDetector
from wickie.scan.repetition import Unrepeated


def scan(source, *detectors):
    return engine.scan([source], detectors, run_id="r")


def pieces(*chunks: Chunk) -> list[Chunk]:
    unrepeated = Unrepeated()
    return [piece for each in chunks for piece in unrepeated.of(each)]


@pytest.mark.parametrize("unit", [b"\0", b"ab\n", b"-----BEGIN PRIVATE KEY-----\n", unlike(5000)])
def test_what_repeats_itself_is_looked_at_once_and_everything_else_with_its_place(unit):
    before, run, after = unlike(150_000), unit * (SIZE // 2 // len(unit)), b"z\n" + unlike(200_000)
    text = before + run + after
    left = pieces(chunk(text))
    assert sum(len(piece.data) for piece in left) < len(text) - len(run) + 200_000
    for piece in left:
        assert text[piece.offset : piece.offset + len(piece.data)] == piece.data
        assert piece.first_line == 1 + text[: piece.offset].count(b"\n")
        assert piece.offset % 2 == 0
    assert [piece.more for piece in left] == [True] * (len(left) - 1) + [False]


def test_every_window_as_long_as_an_overlap_is_still_there():
    draw = Random(3)  # noqa: S311  (text)
    for _ in range(20):
        unit = bytes(draw.choices(b"abc\n", k=draw.randint(1, 3000)))
        text = unlike(draw.randint(0, 90_000)) + unit * (400_000 // len(unit)) + unlike(80_000)
        left = pieces(chunk(text))
        assert len(left) == 2
        for at in (*range(0, len(text) - OVERLAP, 7919), len(text) - OVERLAP):
            window = text[at : at + OVERLAP]
            assert any(window in piece.data for piece in left)


def test_a_run_that_goes_on_in_the_next_chunk_is_not_looked_at_again():
    unit = b"-----BEGIN RSA PRIVATE KEY-----\n!"
    text = unit * (4 * SIZE // len(unit))
    parts = [
        Chunk(text[at : at + SIZE + OVERLAP], "f", "f", "paper", at, 1, at + SIZE < len(text))
        for at in range(0, len(text), SIZE)
    ]
    first, *others = pieces(*parts)
    assert len(first.data) < 2 * OVERLAP
    assert sum(len(piece.data) for piece in others) < 2 * OVERLAP
    assert len(pieces(*(Chunk(p.data, f"{p.offset}", "f", "paper") for p in parts))) == 8


def test_text_that_does_not_repeat_itself_stays_one_chunk():
    whole = chunk(unlike(SIZE))
    assert pieces(whole) == [whole]
    short = chunk(b"ab" * 30_000)
    assert pieces(short) == [short]


def test_a_megabyte_of_one_header_hides_no_key_among_it(kingfisher):
    header, token, value = b"-----BEGIN RSA PRIVATE KEY-----\n", github_token(), drawn()
    leak = f"token={token}\npassword={value}\n".encode()
    text = header * 60_000 + leak + header * 60_000
    began = time.thread_time()
    found = scan(Big(text), managed(value), kingfisher)
    assert time.thread_time() - began < 2
    alone = scan(Big(leak), managed(value), kingfisher)
    assert set(ids(alone)) < set(ids(found))
    line = 60_001
    assert {f.location.line for f in found.findings if f.id in ids(alone)} <= {line, line + 1}


class GivesUp:
    """Gives up every text that it is shown, and notes how much of each that was."""

    version = "1"

    def __init__(self) -> None:
        self.looked: list[str] = []

    def detect(self, batch):
        for each in batch:
            if not each.spared:
                self.looked.append(each.uri)
                yield Gap(each.uri, "too much")

    def revised(self, finding):
        return finding


def test_what_a_detector_has_given_up_it_is_not_shown_again_and_is_one_gap():
    value, hurried = drawn(), GivesUp()
    result = scan(Big(unlike(20 * SIZE) + value.encode()), managed(value), hurried)
    assert len(hurried.looked) <= 3
    assert [gap.uri for gap in result.gaps] == ["big"]
    assert len(result.findings) == 1


def test_of_a_text_that_takes_too_long_the_beginning_is_told(monkeypatch):
    token, other = github_token(), github_token()
    text = f"a={token}\n".encode() + unlike(SIZE // 2) + f"a={other}\n".encode()
    hurried = KingfisherDetector(KEY, seconds=0)
    real = hurried._scan

    def slow(data, timeout):  # noqa: ARG001
        if len(data) > 70_000:
            raise TimeoutError
        return real(data)

    monkeypatch.setattr(hurried, "_scan", slow)
    gap, match = hurried.detect([chunk(text)])
    assert isinstance(match, Match)
    assert (match.finding.location.line, match.span[0]) == (1, 2)
    assert "from byte 65536 on, only managed secrets" in gap.reason


def test_of_a_text_full_of_credentials_the_first_are_told_and_the_rest_is_a_gap(
    kingfisher, monkeypatch
):
    monkeypatch.setattr(intake, "_MOST", 100)
    value = drawn()
    lines = "".join(f"password='{drawn()[:20]}x1'\n" for _ in range(2000))
    leaks = [lines.encode(), f"{lines}{value}\n".encode(), f"token={github_token()}".encode()]
    results = [scan(Paper(leaks), managed(value), kingfisher) for _ in range(2)]
    assert results[0].findings == results[1].findings
    told = [f for f in results[0].findings if not f.managed]
    assert len([f for f in told if f.location.uri == "paper:1/0"]) == 100
    assert {f.location.uri for f in results[0].findings if f.managed} == {"paper:1/1"}
    assert any(f.location.uri == "paper:1/2" for f in told)
    assert [gap.uri for gap in results[0].gaps] == ["paper:1/0", "paper:1/1"]
    assert "after these, only managed secrets" in results[0].gaps[0].reason
