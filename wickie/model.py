"""
The nouns: what is rotated, what is found, and what became of it. No I/O.

Plain frozen dataclasses, because the rotation function imports this module cold and every
dependency it does without is start-up time and zip size saved.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any

from wickie.credentials import Sensitive


class Verdict(enum.StrEnum):
    """Whether the system that issued a credential still honours it."""

    LIVE = "LIVE"
    DEAD = "DEAD"
    UNKNOWN = "UNKNOWN"
    """The question got no answer (timeout, TLS, throttling); never to be read as DEAD."""


class Stage(enum.StrEnum):
    """Where a version of a secret stands in its life, by its staging label."""

    PENDING = "PENDING"
    CURRENT = "CURRENT"
    PREVIOUS = "PREVIOUS"
    RETIRED = "RETIRED"
    """It carries no label any more: nothing may use it, and nothing should honour it."""

    @property
    def label(self) -> str:
        """The Secrets Manager staging label; RETIRED is the absence of one."""
        return f"AWS{self.value}"

    @classmethod
    def of(cls, labels: list[str]) -> Stage:
        """Read a version's stage off its labels; CURRENT wins over a PENDING left beside it."""
        for stage in (cls.CURRENT, cls.PENDING, cls.PREVIOUS):
            if stage.label in labels:
                return stage
        return cls.RETIRED


class Severity(enum.StrEnum):
    """How bad a finding is, in the words of SARIF viewers and Security Hub."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFORMATIONAL = "INFORMATIONAL"


@dataclass(frozen=True)
class Location:
    """Where text was read, in SARIF's terms: an artifact URI and a line in it (from 1)."""

    uri: str
    line: int | None = None


@dataclass(frozen=True)
class ManagedVersion:
    """The version of a managed secret that a piece of text turned out to be."""

    arn: str
    version_id: str
    stage: Stage
    encoding: str = "raw"
    honeytoken: bool = False
    """Whether nobody may use the secret."""


@dataclass(frozen=True)
class Suppression:
    """Why a finding does not count. It is reported all the same."""

    by: str
    """`wickie.yaml`, or the file that says so."""
    reason: str
    owner: str = ""
    until: date | None = None


@dataclass(frozen=True)
class Finding:
    """A credential seen where it should not be. Carries no plaintext, ever."""

    id: str
    """Keyed digest of rule, value and artifact: the same when lines move or a commit is added."""
    rule_id: str
    title: str
    severity: Severity
    location: Location
    source: str
    """Kind of the source it came from: `s3`, `git`, `ecs-task-definition`, …"""
    value_key: str = ""
    """Keyed digest of value and territory: the same wherever in a bucket it stands."""
    managed: ManagedVersion | None = None
    verdict: Verdict = Verdict.UNKNOWN
    suppressed_by: Suppression | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True)
class Gap:
    """Something that was to be scanned and could not be read, and why."""

    uri: str
    reason: str


@dataclass(frozen=True)
class ScanResult:
    """What one run of a scan saw, and what it could not see."""

    run_id: str
    started: datetime
    finished: datetime
    bytes_scanned: int
    artifacts: int
    """How many objects, files, blobs or definitions were read, or known from an earlier scan."""
    unchanged: int = 0
    """How many of them were known, and not read again."""
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notices: tuple[str, ...] = ()
    """What a person should see to: suppressions that have ended, or that are not honoured."""


class RotationState(enum.StrEnum):
    """How an emergency or requested rotation ended."""

    ROTATED = "ROTATED"
    ROLLED_BACK = "ROLLED_BACK"
    FAILED = "FAILED"
    DEBOUNCED = "DEBOUNCED"
    """Not done: the same secret was rotated moments ago."""
    CAPPED = "CAPPED"
    """Not done: more rotations this hour than the configuration allows; a person must look."""
    NOT_BEGUN = "NOT_BEGUN"
    """Not done: the run over many secrets was stopped before this one."""


class RepairState(enum.StrEnum):
    """How a rotation stands that may have got stuck, and what its repair did about it."""

    SOUND = "SOUND"
    """AWSCURRENT is honoured, and no rotation waits."""
    UNDER_WAY = "UNDER_WAY"
    """A rotation began moments ago: left alone."""
    FINISHED = "FINISHED"
    """The system honours AWSPENDING: promoted."""
    CANCELLED = "CANCELLED"
    """It does not, or never had a value: a new rotation may start."""
    RESTORED = "RESTORED"
    """It honours AWSPREVIOUS alone, which a person wanted back in use."""
    STUCK = "STUCK"
    """A person has to decide; nothing was changed."""
    UNKNOWN = "UNKNOWN"
    """The system could not be asked; nothing was changed."""


class SettleState(enum.StrEnum):
    """What became of the value that the one in use has superseded."""

    RETIRED = "RETIRED"
    KEPT = "KEPT"
    NOTHING = "NOTHING"
    """There is none."""


@dataclass(frozen=True)
class Answer:
    """What a rotation function says of its secret: a verdict on a version, and why."""

    verdict: Verdict
    detail: str = ""
    strategy: str = ""
    state: str = ""
    """A `RepairState` or `SettleState`, of the actions that have one."""


class DependentState(enum.StrEnum):
    """Whether something that uses a secret came back with its new value."""

    REFRESHED = "REFRESHED"
    UNHEALTHY = "UNHEALTHY"


@dataclass(frozen=True)
class DependentOutcome:
    """What became of one user of a rotated secret."""

    name: str
    state: DependentState
    detail: str = ""


@dataclass(frozen=True)
class TimelineEntry:
    """One step of a rotation as it happened; the leak-to-dead picture is drawn from these."""

    step: str
    at: datetime
    detail: str = ""


@dataclass(frozen=True)
class RotationOutcome:
    """What one run of the rotation procedure did. Versions are ids, never values."""

    secret: str
    state: RotationState
    reason: str
    """Why it was started: `requested`, `leak`, …"""
    strategy: str = ""
    from_version: str | None = None
    to_version: str | None = None
    old_credential: Verdict = Verdict.UNKNOWN
    new_credential: Verdict = Verdict.UNKNOWN
    dependents: tuple[DependentOutcome, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    warnings: tuple[str, ...] = ()
    """What a person should see to, though the rotation went as it did."""
    error: str | None = None
    seconds: float = 0.0


def to_jsonable(value: object) -> Any:
    """Turn a record of this module into what `json.dumps` takes; a `Sensitive` is refused."""
    if isinstance(value, Sensitive):
        raise TypeError("a Sensitive value is not to be serialised")
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_jsonable(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {key: to_jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_jsonable(item) for item in value]
    return value
