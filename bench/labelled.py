"""
Recall and precision on CredData, whose lines people have labelled, beside Kingfisher's own rules
and detect-secrets. None of it is here: `CREDDATA` names a folder with its `snapshot.json` and
`meta`, and git directories of some of its repositories as `repositories/<owner>+<name>`;
`DETECT_SECRETS` the command of an installation of detect-secrets.

Only labelled lines count, and no UUIDs, which are credentials in the eyes of few. A line is found
where anything is said of it. https://github.com/Samsung/CredData
"""

from __future__ import annotations

import binascii
import csv
import io
import json
import os
import subprocess
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import kingfisher_sdk

from bench.faults.arenas import Unavailable
from bench.values import KEY
from wickie.scan.chunk import Match, chunked
from wickie.scan.detectors import KingfisherDetector
from wickie.scan.overlap import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TITLE: Final = "CredData: lines that were labelled credentials, or not, and are found"

_SECONDS: Final = 60
"""That detect-secrets may take for a file."""


@dataclass(frozen=True)
class _Labelled:
    """A file, and its lines by whether they hold a credential."""

    name: str
    path: Path
    true: list[tuple[int, int]]
    false: list[tuple[int, int]]


def _files(folder: Path, into: Path) -> Iterator[_Labelled]:
    """Every labelled file of the repositories that are there, as it was when it was labelled."""
    for number, url in json.loads((folder / "snapshot.json").read_text()).items():
        name = url.removeprefix("https://github.com/").replace("/", "+")
        repository = folder / "repositories" / name
        if not repository.exists():
            continue
        rows = defaultdict[str, list[dict[str, str]]](list)
        short = f"{binascii.crc32(binascii.unhexlify(number)):08x}"
        with (folder / "meta" / f"{short}.csv").open() as meta:
            for row in csv.DictReader(meta):
                rows[row["FileID"]].append(row)
        for path in _git(repository, "ls-tree", "-rz", "--name-only", number[:40]).split(b"\0"):
            if labels := rows.get(sha256(path).hexdigest()[:8]):
                copy = into / name / path.decode()
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(_git(repository, "show", f"{number[:40]}:{path.decode()}"))
                yield _Labelled(name, copy, _lines(labels, true=True), _lines(labels, true=False))


def _git(repository: Path, *command: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(repository), *command], check=True, capture_output=True
    ).stdout


def _lines(labels: list[dict[str, str]], *, true: bool) -> list[tuple[int, int]]:
    return [
        (int(row["LineStart"]), int(row["LineEnd"]))
        for row in labels
        if (row["GroundTruth"] == "T") is true and row["Category"] != "UUID"
    ]


def _wickie(detector: KingfisherDetector, path: Path) -> Iterator[tuple[int, int]]:
    for chunk in chunked(io.BytesIO(path.read_bytes()), "", "", "bench"):
        for match in settled(list(detector.detect([chunk]))):
            if isinstance(match, Match):
                if match.span is None:
                    yield (match.finding.location.line or 1,) * 2
                    continue
                # Not the finding's own line: a value that is repeated is one finding.
                start, end = match.span
                first = chunk.first_line + chunk.data.count(b"\n", 0, start)
                yield first, first + chunk.data.count(b"\n", start, end)


def _kingfisher(scanner: kingfisher_sdk.Scanner, path: Path) -> Iterator[tuple[int, int]]:
    for chunk in chunked(io.BytesIO(path.read_bytes()), "", "", "bench"):
        for found in scanner.scan(chunk.data, timeout=60):
            if found.visible:
                place = found.location
                yield chunk.first_line - 1 + place["line"], chunk.first_line - 1 + place["end_line"]


def _detect_secrets(command: str, path: Path) -> list[tuple[int, int]] | None:
    """None where it does not end in time. It sees nothing outside of where it is started."""
    told = [command, "scan", "--all-files", "--no-verify", path.name]
    try:
        done = subprocess.run(
            told, check=True, capture_output=True, timeout=_SECONDS, cwd=path.parent
        )
    except subprocess.TimeoutExpired:
        return None
    results = json.loads(done.stdout)["results"]
    return [(each["line_number"],) * 2 for found in results.values() for each in found]


@dataclass
class _Tally:
    found: int = 0
    credentials: int = 0
    wrong: int = 0
    unended: tuple[str, ...] = ()

    def add(self, file: _Labelled, said: list[tuple[int, int]] | None) -> None:
        if said is None:
            self.unended += (f"{file.name}/{file.path.name}",)
        self.credentials += len(file.true)
        self.found += sum(_is_told(line, said or ()) for line in file.true)
        self.wrong += sum(_is_told(line, said or ()) for line in file.false)


def _is_told(line: tuple[int, int], said: Sequence[tuple[int, int]]) -> bool:
    return any(first <= line[1] and last >= line[0] for first, last in said)


def table() -> list[dict[str, object]]:
    """Let each look at every file."""
    folder, command = os.environ.get("CREDDATA"), os.environ.get("DETECT_SECRETS")
    if not folder:
        raise Unavailable("no labelled text; CREDDATA=<folder>, see bench/labelled.py")
    detector = KingfisherDetector(KEY)
    scanner = kingfisher_sdk.Scanner(
        kingfisher_sdk.Rules(), policy=kingfisher_sdk.DetectionPolicy()
    )
    ways: dict[str, Callable[[Path], list[tuple[int, int]] | None]] = {
        "wickie": lambda path: list(_wickie(detector, path)),
        "Kingfisher SDK alone": lambda path: list(_kingfisher(scanner, path)),
    }
    if command:
        ways["detect-secrets"] = lambda path: _detect_secrets(command, path)
    with tempfile.TemporaryDirectory() as into, ThreadPoolExecutor(2) as pool:
        files = list(_files(Path(folder), Path(into)))
        tallies = {name: defaultdict[str, _Tally](_Tally) for name in ways}
        for name, way in ways.items():
            for file, said in zip(files, pool.map(way, (f.path for f in files)), strict=True):
                tallies[name][file.name].add(file, said)
                tallies[name]["all"].add(file, said)
    return [
        {
            "repository": repository,
            "credentials": tallies["wickie"][repository].credentials,
            **{name: _told(tallies[name][repository]) for name in ways},
            "did not end": ", ".join(tallies[list(ways)[-1]][repository].unended),
        }
        for repository in sorted(tallies["wickie"], key=lambda name: (name == "all", name))
    ]


def _told(tally: _Tally) -> str:
    told = tally.found + tally.wrong
    precision = f"{tally.found / told:.0%}" if told else "-"
    return f"{tally.found / max(tally.credentials, 1):.0%} of them, {precision} right"
