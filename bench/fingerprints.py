"""Recall of managed secrets by the way they are written, and false positives per gigabyte."""

from __future__ import annotations

import base64
import html
import json
import secrets
import shlex
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from bench.scan import corpus
from bench.values import KEY, fingerprints, printed, value
from wickie.scan import engine
from wickie.scan.chunk import Chunk, Match
from wickie.scan.detectors import KingfisherDetector, ManagedDetector
from wickie.scan.sources.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wickie.model import Gap

TITLE: Final = (
    "Managed secrets found, by where they were written (one planted in each of 100 texts)"
)

_PLANTED: Final = 100
_BYSTANDERS: Final = 1000

CONTEXTS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "environment file": lambda v: f"DB_PASSWORD={v}\n".encode(),
    "YAML": lambda v: f'  password: "{v}"\n'.encode(),
    "JSON": lambda v: json.dumps({"user": "app", "password": v}).encode(),
    "JSON, escaped slashes": lambda v: json.dumps({"password": v}).replace("/", "\\/").encode(),
    "JSON in JSON": lambda v: json.dumps(json.dumps({"password": v})).encode(),
    "URL": lambda v: f"postgres://app:{quote(v, safe='')}@db:5432/shop".encode(),
    "form": lambda v: f"user=app&password={quote_plus(v)}".encode(),
    "command line": lambda v: f"mysql -uroot -p{v} -h db\n".encode(),
    "shell": lambda v: f"export PASSWORD={shlex.quote(v)}\n".encode(),
    "XML, HTML": lambda v: f'<add key="pw" value="{html.escape(v)}"/>\n'.encode(),
    "log": lambda v: f"2026-01-01T00:00:00Z ERROR sign-in failed with {v}.\n".encode(),
    "UTF-16": lambda v: f"pw={v}\n".encode("utf-16"),
    "Basic authorization": lambda v: b"Basic " + base64.b64encode(f"app:{v}".encode()),
    "Kubernetes secret": lambda v: b"password: " + base64.b64encode(v.encode()),
}


def table() -> list[dict[str, object]]:
    """Plant values in text, look for them; then look for others where none is planted."""
    kingfisher = KingfisherDetector(KEY)
    bystanders = fingerprints(_BYSTANDERS - _PLANTED)
    rows: list[dict[str, object]] = []
    for name, write in CONTEXTS.items():
        values = [value() for _ in range(_PLANTED)]
        prints = [each for n, text in enumerate(values) for each in printed(n, text)]
        managed = ManagedDetector([*prints, *bystanders], KEY)
        chunks = [_planted(write(text)) for text in values]
        rows.append(
            {
                "context": name,
                "planted": _PLANTED,
                "found by fingerprint": _found(managed.detect(chunks)),
                "anything found by rules": _found(kingfisher.detect(chunks)),
            }
        )
    return [*rows, _false_positives()]


def _planted(text: bytes) -> Chunk:
    before = "lorem ipsum dolor sit amet\n" * secrets.randbelow(40) + "x" * secrets.randbelow(16)
    uri = secrets.token_hex(8)
    return Chunk(before.encode() + text + b"\nsed do eiusmod\n", uri, uri, "bench")


def _found(matches: Iterable[Match | Gap]) -> int:
    return len({match.chunk.uri for match in matches if isinstance(match, Match)})


def _false_positives() -> dict[str, object]:
    managed, begun = ManagedDetector(fingerprints(_BYSTANDERS), KEY), time.perf_counter()
    size, found = 0, 0
    while size < 10**9:
        result = engine.scan([Directory(corpus())], [managed], run_id="bench")
        size, found = size + result.bytes_scanned, found + len(result.findings)
    took = time.perf_counter() - begun
    return {
        "context": f"{size / 1e9:.2f} GB without any, {_BYSTANDERS:,} secrets, {took:.1f} s",
        "planted": 0,
        "found by fingerprint": found,
        "anything found by rules": "",
    }
