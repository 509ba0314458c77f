"""What a scan says of what it saw, of what it could not see, and of itself failing."""

from __future__ import annotations

import base64
import io
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import pytest

from tests.scan.paper import (
    ALPHANUMERIC,
    KEY,
    Paper,
    busywork,
    chunk,
    drawn,
    github_token,
    managed,
    prints,
    unlike,
)
from wickie.errors import NothingScannedError
from wickie.model import Gap, Severity, to_jsonable
from wickie.scan import engine
from wickie.scan.chunk import OVERLAP, SIZE, Artifact, Chunk, chunked
from wickie.scan.detectors import KingfisherDetector, ManagedDetector, open_detectors

RULE = "betterleaks.github-pat"


def scan(*sources, detectors=()):
    return engine.scan(sources, detectors, run_id="run")


@dataclass
class Big:
    """A source of one large artifact."""

    text: bytes
    uri: str = "paper:big"
    kind: str = "paper"

    def artifacts(self):
        chunks = partial(chunked, io.BytesIO(self.text), "big", "big", "paper")
        yield Artifact("big", "big", "paper", chunks)


def ids(result):
    return [finding.id for finding in result.findings]


def test_a_scan_says_how_much_it_read_and_when():
    times = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)])
    result = engine.scan([Paper([b"one", b""])], [], run_id="run", now=lambda: next(times))
    assert (result.run_id, result.artifacts, result.bytes_scanned) == ("run", 2, 3)
    assert (result.started.day, result.finished.day) == (1, 2)


def test_bytes_in_the_overlap_of_chunks_count_once():
    text = b"x" * (3 * SIZE + 5)
    result = scan(Big(text))
    assert (result.artifacts, result.bytes_scanned) == (1, len(text))


def test_an_unreadable_source_is_listed_and_the_scan_goes_on():
    value = drawn()
    result = scan(
        Paper([b"first"], error="gone"), Paper([value.encode()]), detectors=[managed(value)]
    )
    assert result.gaps == (Gap("paper:1", "gone"),)
    assert len(result.findings) == 1
    assert result.artifacts == 2


def test_an_unreadable_part_is_listed_and_the_source_read_on():
    gap = Gap("paper:1/x", "forbidden")
    value = drawn()
    result = scan(Paper([gap, value.encode()]), detectors=[managed(value)])
    assert (result.gaps, len(result.findings)) == ((gap,), 1)


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        ([], "name a target"),
        ([Paper(error="no such bucket")], "no such bucket"),
        ([Paper([Gap("s3://b/k", "forbidden")])], "s3://b/k: forbidden"),
        ([Paper([Gap(f"s3://b/{n}", "forbidden") for n in range(9)])], "and 6 more"),
    ],
)
def test_a_scan_that_could_read_nothing_is_an_error(sources, says):
    with pytest.raises(NothingScannedError, match=says):
        scan(*sources)


def test_an_empty_source_is_no_error():
    assert scan(Paper()).artifacts == 0


class Broken:
    def detect(self, batch):  # noqa: ARG002
        raise RuntimeError("out of order")


def test_a_detector_that_fails_ends_the_scan_loudly():
    with pytest.raises(RuntimeError, match="out of order"):
        scan(Paper([b"text"]), detectors=[Broken()])


def test_a_chunk_that_takes_kingfisher_too_long_is_a_gap_and_still_looked_at_by_others():
    value = drawn()
    hurried = KingfisherDetector(KEY, seconds=0.01)
    text = f"{busywork()}\n{value}".encode()
    result = scan(Paper([text]), detectors=[hurried, managed(value)])
    assert "took Kingfisher over" in result.gaps[0].reason
    assert len([found for found in result.findings if found.managed]) == 1


def test_reading_stays_a_few_batches_ahead_of_looking():
    source, release = Paper([unlike(SIZE)] * 50), threading.Event()

    class Slow:
        def detect(self, batch):  # noqa: ARG002
            release.wait(10)
            seen.append(source.read)
            return ()

    seen: list[int] = []
    threading.Timer(0.2, release.set).start()
    scan(source, detectors=[Slow()])
    assert seen[0] <= 8


def test_the_same_finding_in_an_artifact_is_reported_once_with_its_first_line(kingfisher):
    token = github_token()
    (finding,) = scan(
        Paper([f"a\ntoken={token}\nb\ntoken={token}\n".encode()]), detectors=[kingfisher]
    ).findings
    assert (finding.rule_id, finding.location.line) == (RULE, 2)
    assert (finding.source, finding.severity) == ("paper", Severity.HIGH)


def test_a_token_at_the_border_of_chunks_is_found_once_and_whole(kingfisher):
    token = github_token().encode()
    for at in (SIZE - 20, SIZE, SIZE + OVERLAP - 20, SIZE + OVERLAP - len(token)):
        filler = unlike(2 * SIZE)
        at_line = at // 18
        before, after = filler[: at_line * 18], filler[at_line * 18 :]
        text = before + b"token=" + token + b"\n" + after
        result = scan(Big(text), detectors=[kingfisher])
        alone = scan(Paper([chunk(b"token=" + token + b"\n", "big")]), detectors=[kingfisher])
        assert ids(result) == ids(alone)
        assert result.findings[0].location.line == at_line + 1


def test_identity_is_the_same_when_lines_move_and_differs_by_value_artifact_and_key(kingfisher):
    token, value = github_token(), drawn()
    detectors = [kingfisher, managed(value)]
    text = f"token={token}\npw={value}\n".encode()
    before = scan(Paper([text]), detectors=detectors)
    assert len(before.findings) == 2
    moved = scan(Paper([b"\n\n# moved\n" + text]), detectors=detectors)
    assert sorted(ids(moved)) == sorted(ids(before))
    elsewhere = scan(Paper([text], uri="paper:2"), detectors=detectors)
    another = scan(Paper([f"token={github_token()}\n".encode()]), detectors=detectors)
    other_key = scan(Paper([text]), detectors=[KingfisherDetector(bytes(32))])
    assert not set(ids(before)) & {*ids(elsewhere), *ids(another), *ids(other_key)}


def test_identity_of_a_managed_value_does_not_depend_on_stage_or_encoding():
    value = drawn()
    raw = scan(Paper([value.encode()]), detectors=[managed(value)])
    encoded = scan(Paper([base64.b64encode(value.encode())]), detectors=[managed(value)])
    assert raw.findings[0].managed.encoding == "raw"
    assert encoded.findings[0].managed.encoding == "base64-0"
    assert ids(raw) == ids(encoded)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_managed_value_replaces_what_rules_say_of_the_same_bytes(kingfisher, encoding):
    token = github_token()
    text = f"one\nurl=postgres://app:{token}@db:5432/shop\n".encode(encoding)
    assert scan(Paper([text]), detectors=[kingfisher]).findings
    detector = ManagedDetector(prints(token), KEY)
    (finding,) = scan(Paper([text]), detectors=[kingfisher, detector]).findings
    assert finding.managed
    assert finding.location.line == 2


def test_a_managed_value_leaves_other_findings_of_its_line_alone(kingfisher):
    value, token = drawn(32, ALPHANUMERIC), github_token()
    text = f"postgres://app:{value}@db:5432/shop token={token}\n".encode()
    result = scan(Paper([text]), detectors=[kingfisher, managed(value)])
    assert sorted(finding.rule_id for finding in result.findings) == [RULE, "wickie.managed-secret"]


def test_an_inline_ignore_is_honoured_in_its_own_artifact_only(kingfisher):
    ignored = f"token={github_token()} # kingfisher:ignore".encode()
    result = scan(
        Paper([ignored, f"token={github_token()}".encode(), ignored]), detectors=[kingfisher]
    )
    assert [finding.location.uri for finding in result.findings] == ["paper:1/1"]


def test_no_finding_holds_plaintext_however_it_is_written():
    value, token = drawn(40, ALPHANUMERIC), github_token()
    text = f"pw={value}\ntoken={token}\nurl=postgres://u:{drawn(30, ALPHANUMERIC)}@h/x\n"
    result = scan(Paper([text.encode()]), detectors=open_detectors(KEY, prints(value)))
    assert len(result.findings) == 3
    for written in (repr(result), json.dumps(to_jsonable(result)), repr(chunk(text.encode()))):
        for line in text.splitlines():
            assert not any(line[at : at + 8] in written for at in range(len(line) - 7))


def test_a_token_that_the_border_cuts_is_not_taken_for_another(kingfisher):
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "RS256", "typ": "JWT"}, {"sub": drawn(12, ALPHANUMERIC)})
    )
    token = f"{head}.{body}.{drawn(342, ALPHANUMERIC)}"
    assert scan(Paper([f"jwt={token[:-100]}".encode()]), detectors=[kingfisher]).findings
    filler = unlike(2 * SIZE)
    at = SIZE + OVERLAP - len(token) + 100
    text = filler[:at] + b"\njwt=" + token.encode() + b"\n" + filler[at:]
    result = scan(Big(text), detectors=[kingfisher])
    alone = scan(Paper([chunk(f"jwt={token}\n".encode(), "big")]), detectors=[kingfisher])
    assert ids(result) == ids(alone)


def test_a_small_artifact_that_turns_out_to_be_a_bomb_is_not_held_in_memory():
    held, most, text = [0], [0], unlike(1 << 20)

    def parts():
        for _ in range(40):
            held[0] += 1
            most[0] = max(most[0], held[0])
            yield Chunk(text, "bomb", "bomb", "paper", more=True)

    class Slow:
        version = "1"

        def detect(self, batch):
            held[0] -= len(batch)
            return []

        def revised(self, finding):
            return finding

    bomb = Artifact("bomb", "bomb", "paper", parts, ahead=True)
    source = SimpleNamespace(uri="bomb", kind="paper", artifacts=lambda: iter([bomb]))
    engine.scan([source], [Slow()], run_id="r")
    assert most[0] < 16
