"""What a vulnerability is, whichever scanner saw it, and how findings that agree become one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003  (pydantic reads annotations, from a report)
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from wickie.model import Location, Severity, Suppression

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEVEREST_FIRST: Final = tuple(Severity)
_SEVERITIES: Final = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
    "NEGLIGIBLE": Severity.INFORMATIONAL,
    "INFORMATIONAL": Severity.INFORMATIONAL,
}


@dataclass(frozen=True)
class Vulnerability:
    """A package with a known weakness, in one place of one target."""

    id: str
    """Digest of package URL, advisory and location: the same from every scanner, every night."""
    advisory: str
    """The CVE where there is one, else the name its publisher gave it."""
    title: str
    severity: Severity
    purl: str
    """Package URL without qualifiers, in which scanners differ."""
    package: str
    installed: str
    target: str
    location: Location
    fixed: tuple[str, ...] = ()
    """Versions without it; empty: there is none yet."""
    aliases: tuple[str, ...] = ()
    cvss: tuple[float, ...] = ()
    """Base scores, one per publisher that gave one."""
    epss: float | None = None
    """Probability that it is exploited within 30 days, by FIRST's model."""
    kev: bool = False
    """In CISA's catalogue of those that are exploited."""
    ransomware: bool = False
    risk: float | None = None
    """0 to 100; None where neither EPSS nor KEV data say how likely exploitation is."""
    layer: str | None = None
    url: str = ""
    seen_by: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    """Digests (`sha256:…`) of the images or packages that it counts in; empty: it has none."""
    suppressed_by: Suppression | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None

    @property
    def names(self) -> frozenset[str]:
        """Everything it is called."""
        return frozenset({self.advisory, *self.aliases})


def severity_of(word: str) -> Severity:
    """A scanner's word for it; one that nobody has rated yet is MEDIUM, and does not go under."""
    return _SEVERITIES.get(word.upper(), Severity.MEDIUM)


def advisory_of(names: Iterable[str]) -> str:
    """The one of its names that scanners agree on: the CVE, else the first by alphabet."""
    known = sorted(filter(None, names))
    return next((name for name in known if name.startswith("CVE-")), known[0] if known else "")


def plain_purl(purl: str) -> str:
    """A package URL without qualifiers and subpath, in one spelling."""
    bare = unquote(purl.partition("#")[0].partition("?")[0])
    head, at, version = bare.rpartition("@") if "@" in bare else (bare, "", "")
    if head.startswith("pkg:pypi/"):
        head = head.lower().replace("_", "-")
    return f"{head}{at}{version}"


def vulnerability_id(purl: str, advisory: str, location: str) -> str:
    """What a finding is recognised by."""
    return hashlib.sha256("|".join((plain_purl(purl), advisory, location)).encode()).hexdigest()[
        :32
    ]


def merged(findings: Iterable[Vulnerability]) -> tuple[Vulnerability, ...]:
    """Each vulnerability once, with everybody who saw it."""
    known: dict[str, Vulnerability] = {}
    for finding in findings:
        seen = known.get(finding.id)
        known[finding.id] = _agreed(seen, finding) if seen else finding
    return tuple(known.values())


def _agreed(one: Vulnerability, other: Vulnerability) -> Vulnerability:
    """Where they differ, the worse counts; a fix is one whoever knows of it."""
    return replace(
        one,
        title=one.title or other.title,
        severity=min(one.severity, other.severity, key=_SEVEREST_FIRST.index),
        fixed=_both(one.fixed, other.fixed),
        aliases=_both(one.aliases, other.aliases),
        cvss=one.cvss or other.cvss,
        epss=max((e for e in (one.epss, other.epss) if e is not None), default=None),
        kev=one.kev or other.kev,
        ransomware=one.ransomware or other.ransomware,
        location=one.location if one.location.line else other.location,
        layer=one.layer or other.layer,
        url=one.url or other.url,
        seen_by=_both(one.seen_by, other.seen_by),
        builds=_both(*(each.builds for each in _held_against(one, other))),
        suppressed_by=one.suppressed_by if other.suppressed_by else None,
    )


def _held_against(one: Vulnerability, other: Vulnerability) -> tuple[Vulnerability, Vulnerability]:
    """Of two builds one of which is excused, only the other's."""
    if bool(one.suppressed_by) == bool(other.suppressed_by):
        return one, other
    return (other, other) if one.suppressed_by else (one, one)


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
