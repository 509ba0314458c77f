"""Managed secrets are found in every encoding, wherever they stand, and nothing else is."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import secrets
import shlex
from urllib.parse import quote, quote_plus

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scan.paper import KEY, SYMBOLS, arn, chunk, drawn, managed, prints
from wickie.fingerprints import WindowHash, encodings
from wickie.model import Severity, Stage
from wickie.scan.chunk import OVERLAP, SIZE, chunked
from wickie.scan.detectors.managed import ManagedDetector
from wickie.scan.detectors.windows import KnownWindows

CONTEXTS = {
    "environment file": lambda v: f"DB_PASSWORD={v}\n".encode(),
    "YAML": lambda v: f"  password: {v}\n".encode(),
    "JSON": lambda v: json.dumps({"user": "app", "password": v, "port": 5432}).encode(),
    "JSON with escaped slashes": lambda v: json.dumps({"p": v}).replace("/", "\\/").encode(),
    "JSON of Go": lambda v: (
        json.dumps({"p": v})
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .encode()
    ),
    "JSON in JSON": lambda v: json.dumps(json.dumps({"password": v})).encode(),
    "URL": lambda v: f"postgres://app:{quote(v, safe='')}@db.example.org:5432/shop".encode(),
    "form": lambda v: f"user=app&password={quote_plus(v)}".encode(),
    "single-quoted for a shell": lambda v: ("X='" + v.replace("'", "'\\''") + "'").encode(),
    "double-quoted for a shell": lambda v: (
        'X="' + "".join("\\" + c if c in '"\\$`' else c for c in v) + '"'
    ).encode(),
    "quoted by Python for a shell": lambda v: f"export X={shlex.quote(v)}".encode(),
    "argument": lambda v: f"mysql -uroot -p{v} -h db".encode(),
    "HTML": lambda v: f'<add key="pw" value="{html.escape(v)}"/>'.encode(),
    "UTF-16 LE": lambda v: f"pw={v}\n".encode("utf-16-le"),
    "UTF-16 BE": lambda v: f"pw={v}\n".encode("utf-16-be"),
    "Basic authorization": lambda v: (
        b"Authorization: Basic " + base64.b64encode(f"app:{v}".encode())
    ),
    "Kubernetes secret": lambda v: b"password: " + base64.b64encode(v.encode()),
    "base64 of a document": lambda v: base64.b64encode(f"a: b\npassword: {v}\nc: d".encode()),
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(f"user:{v}:".encode()),
    "binary": lambda v: os.urandom(100) + v.encode() + os.urandom(100),
}


def found(detector: ManagedDetector, *texts: bytes) -> set[tuple[int, str]]:
    batch = [chunk(text, str(number)) for number, text in enumerate(texts)]
    return {
        (int(match.chunk.uri), match.finding.managed.arn)
        for match in detector.detect(batch)
        if match.finding.managed
    }


@pytest.mark.slow
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=8, max_size=400))
def test_numpy_hashes_windows_as_pure_python_does(key, data):
    hashed = WindowHash.of(key)
    windows = KnownWindows(hashed, np.empty(0, np.uint32))
    words = np.frombuffer(data, "<u8", count=len(data) // 8)
    mixed, spare = np.empty((2, len(words)), np.uint64)
    windows._mix(words, mixed, spare)
    assert (mixed >> np.uint64(32)).tolist() == [
        hashed(data[at : at + 8]) for at in range(0, len(words) * 8, 8)
    ]


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_value_is_found_in_every_context_at_any_offset(context):
    value = drawn()
    detector = managed(value)
    for offset in range(24):
        text = secrets.token_bytes(offset) + CONTEXTS[context](value) + b"\n"
        assert found(detector, text) == {(0, arn("secret-0"))}


@pytest.mark.slow
@given(st.text(SYMBOLS, min_size=24, max_size=64), st.binary(max_size=40), st.binary(max_size=9))
def test_every_encoding_of_any_value_is_found_between_any_bytes(value, before, after):
    detector = managed(value)
    for encoded in encodings(value).values():
        assert found(detector, before + encoded + after) == {(0, arn("secret-0"))}


def test_values_are_told_apart_among_a_thousand():
    values = [drawn() for _ in range(1000)]
    detector = managed(*values)
    picked = list(range(0, 1000, 1000 // len(CONTEXTS)))
    texts = [write(values[n]) for n, write in zip(picked, CONTEXTS.values(), strict=True)]
    assert found(detector, *texts) == {(i, arn(f"secret-{n}")) for i, n in enumerate(picked)}


def test_a_value_with_one_character_changed_is_not_found():
    value = drawn()
    detector = managed(value)
    for position in range(len(value)):
        other = next(c for c in SYMBOLS if c != value[position])
        near = value[:position] + other + value[position + 1 :]
        assert not found(detector, b"pw=" + near.encode() + b"\n")


def test_a_value_cut_short_or_split_between_artifacts_is_not_found():
    value = drawn().encode()
    detector = managed(value.decode())
    assert not found(detector, value[:-1], value[:16], value[16:], b"", value[1:])


def test_nothing_is_found_in_random_bytes():
    detector = managed(*(drawn() for _ in range(100)))
    assert not found(detector, os.urandom(4 << 20))


def test_a_value_with_a_line_break_does_not_match_across_two_artifacts():
    detector = managed("first-half-of-a-value\nsecond-half-of-a-value")
    assert not found(detector, b"first-half-of-a-value", b"second-half-of-a-value")


@pytest.mark.parametrize("at", [SIZE - 16, SIZE, SIZE + OVERLAP - 16, SIZE + OVERLAP, 2 * SIZE - 1])
def test_a_value_at_the_border_of_chunks_is_found_on_its_line(at):
    value = drawn()
    filler = (b"x" * 99 + b"\n") * (3 * SIZE // 100)
    text = filler[:at] + b"=" + value.encode() + b"=" + filler[at:]
    chunks = list(chunked(io.BytesIO(text), "big", "big", "paper"))
    assert len(chunks) == 3
    lines = {m.finding.location.line for c in chunks for m in managed(value).detect([c])}
    assert lines == {text[:at].count(b"\n") + 1}


@pytest.mark.parametrize(
    ("stage", "severity"),
    [
        (Stage.CURRENT, Severity.CRITICAL),
        (Stage.PENDING, Severity.CRITICAL),
        (Stage.PREVIOUS, Severity.HIGH),
        (Stage.RETIRED, Severity.INFORMATIONAL),
    ],
)
def test_the_stage_decides_how_bad_it_is(stage, severity):
    value = drawn()
    detector = ManagedDetector(prints(value, stage=stage), KEY)
    (match,) = detector.detect([chunk(b"\n\npw=" + value.encode())])
    assert (match.finding.severity, match.finding.managed.stage) == (severity, stage)
    assert match.finding.rule_id == "wickie.managed-secret"
    assert match.finding.location.line == 3


def test_a_value_that_two_secrets_share_is_found_as_both():
    value = drawn()
    detector = managed(value, value)
    assert found(detector, value.encode()) == {(0, arn("secret-0")), (0, arn("secret-1"))}


def test_without_prints_nothing_is_looked_at():
    assert list(ManagedDetector([], KEY).detect([chunk(b"text")])) == []
