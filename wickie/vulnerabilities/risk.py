"""
How much a vulnerability matters: severity, and how likely its exploitation is.

The formula is Grype's, so that findings of every scanner can be compared:
https://github.com/anchore/grype/blob/v0.116.0/grype/vulnerability/metadata.go
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass, field, replace
from statistics import mean
from typing import TYPE_CHECKING, Any, Final, Self

from wickie.errors import ConfigError
from wickie.model import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wickie.vulnerabilities.finding import Vulnerability

_SCORES: Final[Mapping[Severity, float]] = {
    Severity.CRITICAL: 9.0,
    Severity.HIGH: 7.5,
    Severity.MEDIUM: 5.0,
    Severity.LOW: 3.0,
    Severity.INFORMATIONAL: 0.5,
}
_KEV: Final = 1.05
_RANSOMWARE: Final = 1.1


@dataclass(frozen=True)
class Threats:
    """What is known of exploitation, by CVE."""

    epss: Mapping[str, float] = field(default_factory=dict)
    kev: Mapping[str, bool] = field(default_factory=dict)
    """Whether ransomware uses it."""

    @classmethod
    def load(cls, epss: Path | None, kev: Path | None) -> Self:
        """Read FIRST's `epss_scores-*.csv` (or .gz) and CISA's KEV catalogue in JSON."""
        return cls(_epss(epss) if epss else {}, _kev(kev) if kev else {})

    def weigh(self, found: Vulnerability) -> Vulnerability:
        """Add to a finding what is known, and the risk that follows."""
        epss = [self.epss[name] for name in found.names if name in self.epss]
        kev = [self.kev[name] for name in found.names if name in self.kev]
        known = [*epss, found.epss] if found.epss is not None else epss
        weighed = replace(
            found,
            epss=max(known, default=None),
            kev=found.kev or bool(kev),
            ransomware=found.ransomware or any(kev),
        )
        return replace(weighed, risk=risk(weighed))


def risk(found: Vulnerability) -> float | None:
    """From 0 to 100, or None where nothing is known of its exploitation."""
    if not found.kev and found.epss is None:
        return None
    threat = 1.0 if found.kev else found.epss or 0.0
    modifier = (_RANSOMWARE if found.ransomware else _KEV) if found.kev else 1.0
    scores = [score for score in found.cvss if score]
    severity = _SCORES[found.severity] / 10
    if scores:
        severity = mean((severity, mean(scores) / 10))
    return min(threat * severity * modifier, 1.0) * 100


def _epss(path: Path) -> Mapping[str, float]:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            rows = csv.DictReader(line for line in lines if not line.startswith("#"))
            scores = {row["cve"]: float(row["epss"]) for row in rows}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise _unreadable(path, "EPSS scores (CSV with cve, epss)", error) from None
    if not scores:
        raise ConfigError(f"{path} holds no EPSS scores; fetch it anew")
    return scores


def _kev(path: Path) -> Mapping[str, bool]:
    try:
        document: Any = json.loads(path.read_text())
        return {
            entry["cveID"]: entry.get("knownRansomwareCampaignUse", "").lower() == "known"
            for entry in document["vulnerabilities"]
        }
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _unreadable(path, "CISA's KEV catalogue (JSON)", error) from None


def _unreadable(path: Path, what: str, error: Exception) -> ConfigError:
    return ConfigError(f"{path} cannot be read as {what} ({type(error).__name__}); fetch it anew")
