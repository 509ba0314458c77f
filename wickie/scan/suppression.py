"""
What is not held against whoever is scanned: ignores with an owner and an end, and a baseline.

Nothing is dropped: what is suppressed is reported so. The value of a managed secret that is in use
cannot be suppressed, and no suppression keeps a leaked one from being replaced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError
from wickie.model import Stage, Suppression
from wickie.naming import same_secret
from wickie.scan.identity import key_name
from wickie.waivers import Waiver, ended

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wickie.model import Finding, ScanResult

_IN_USE: Final = (Stage.CURRENT, Stage.PENDING)
_FORMAT: Final = "wickie baseline 1"
_BASELINE_LASTS: Final = timedelta(days=365)
_PLANTED: Final = Suppression("wickie.yaml", "planted here, for whoever takes it")


@dataclass(frozen=True)
class Ignore(Waiver):
    """A waiver of one finding, by its id; or by its key, of a value wherever in a territory."""


@dataclass(frozen=True)
class Baseline(Waiver):
    """A waiver of everything that was known when it was made."""

    path: str = ""
    keys: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def by(self) -> str:
        """See `Waiver`."""
        return self.path

    def covers(self, finding: Finding) -> bool:
        """Whether the value was known, in the same territory."""
        return finding.value_key in self.keys


@dataclass(frozen=True)
class Planted:
    """The places where a honeytoken is to be found; anywhere else, somebody has copied it to."""

    name: str
    places: tuple[str, ...]

    def covers(self, finding: Finding) -> bool:
        """Whether it is this one, in such a place."""
        managed = finding.managed
        return (
            managed is not None
            and managed.honeytoken
            and same_secret(self.name, managed.arn)
            and any(fnmatchcase(finding.location.uri, place) for place in self.places)
        )


@dataclass(frozen=True)
class Suppressions:
    """Everything that is not held against the targets of one scan; the first that covers counts."""

    ignores: tuple[Ignore, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    planted: tuple[Planted, ...] = ()

    def apply(self, scan: ScanResult, today: date) -> ScanResult:
        """Mark what is suppressed, and tell what has ended and what is not honoured."""
        waivers: tuple[Waiver, ...] = (*self.ignores, *self.baselines)
        ignored = {each.about: each for each in reversed(self.ignores) if each.holds(today)}
        known = [each for each in self.baselines if each.holds(today)]
        findings, refused = [], dict[str, None]()
        for finding in scan.findings:
            by = _PLANTED if any(each.covers(finding) for each in self.planted) else None
            waiver: Waiver | None = ignored.get(finding.id) or ignored.get(finding.value_key)
            waiver = waiver or next((each for each in known if each.covers(finding)), None)
            if waiver and not by:
                if is_in_use(finding):
                    refused[_refusal(waiver, finding)] = None
                else:
                    by = waiver.suppression
            findings.append(replace(finding, suppressed_by=by))
        notices = (*scan.notices, *ended(waivers, today), *refused)
        return replace(scan, findings=tuple(findings), notices=notices)


def is_in_use(finding: Finding) -> bool:
    """Whether it is the value of a managed secret that somebody signs in with, or a honeytoken."""
    return finding.managed is not None and finding.managed.stage in _IN_USE


def write_baseline(findings: Iterable[Finding], owner: str, today: date, key: bytes) -> str:
    """Write down what is known, in JSON; what may not be suppressed is left out."""
    known = {
        finding.value_key: f"{finding.title} in {finding.location.uri}"
        for finding in findings
        if not is_in_use(finding)
    }
    document = {
        "format": _FORMAT,
        "key": key_name(key),
        "owner": owner,
        "reason": f"known on {today}",
        "until": str(today + _BASELINE_LASTS),
        "findings": dict(sorted(known.items(), key=lambda item: (item[1], item[0]))),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_baseline(path: Path, key: bytes) -> Baseline:
    """Read what `write_baseline` wrote with the same key. Raises `ConfigError`."""
    try:
        document: Any = json.loads(path.read_text())
        if document["format"] != _FORMAT:
            raise ConfigError(f"{path} is no baseline that this wickie reads; make it anew")
        if document["key"] != key_name(key):
            raise ConfigError(
                f"{path} was made with another key, so nothing in it can be recognised; scan with "
                f"the --config it was made with (without one: the same finding.key), or make it "
                f"anew with --baseline-out"
            )
        return Baseline(
            about=f"what {path} lists",
            owner=document["owner"],
            reason=document["reason"],
            until=date.fromisoformat(document["until"]),
            path=str(path),
            keys=frozenset(document["findings"]),
        )
    except OSError as error:
        raise ConfigError(f"cannot read baseline {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} cannot be read as a baseline ({type(error).__name__}); make it anew with "
            f"wickie scan --baseline-out"
        ) from None


def _refusal(waiver: Waiver, finding: Finding) -> str:
    managed = finding.managed
    assert managed  # noqa: S101  (what is in use is managed)
    name = managed.arn.partition(":secret:")[2] or managed.arn
    told = f"the ignore of {waiver.about} by {waiver.owner} does not cover"
    if managed.honeytoken:
        return f"{told} the honeytoken {name}; if it may lie there, say so under its planted"
    return f"{told} the {managed.stage} value of {name}, which is in use; rotate it"
