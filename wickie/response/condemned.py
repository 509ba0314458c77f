"""Which builds a policy wants out of service, and since when a build may be for it to apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from wickie.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wickie.vulnerabilities.finding import Vulnerability

_SEVEREST_FIRST: Final = tuple(Severity)


@dataclass(frozen=True)
class Condemned:
    """Builds that should not be in service."""

    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why, by the digest of each."""
    younger_than: timedelta = timedelta.max
    """What is in service for longer is a person's to decide: its predecessor is older still."""

    @classmethod
    def by(
        cls,
        findings: Iterable[Vulnerability],
        severity: Severity,
        younger_than: timedelta,
        *,
        fix_available: bool,
    ) -> Condemned:
        """
        Take the findings as severe as that, or more, that nothing suppresses.

        With `fix_available`, only those that a newer version of the package would not have: else
        the way forward is shut, and the way back is seldom better.
        """
        reasons: dict[str, str] = {}
        for found in sorted(findings, key=lambda each: _SEVEREST_FIRST.index(each.severity)):
            too_mild = _SEVEREST_FIRST.index(found.severity) > _SEVEREST_FIRST.index(severity)
            if found.suppressed_by or too_mild or (fix_available and not found.fixed):
                continue
            fixed = f", fixed in {', '.join(found.fixed)}" if found.fixed else ", without a fix yet"
            what = f"{found.package} {found.installed} has {found.advisory}"
            why = f"{what} ({found.severity.lower()}{fixed})"
            for build in found.builds:
                reasons.setdefault(build, why)
        return cls(reasons, younger_than)

    def reason(self, builds: Iterable[str], since: datetime) -> str | None:
        """Why what is in service since then should not be; None where it may."""
        if datetime.now(UTC) - since > self.younger_than:
            return None
        return next((self.reasons[build] for build in builds if build in self.reasons), None)
