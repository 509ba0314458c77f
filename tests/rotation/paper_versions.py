"""
Versions and labels of one secret on paper, and who holds its user: for thousands of events.

By the API reference of Secrets Manager: a label is on one version; UpdateSecretVersionStage
compares and swaps; AWSPREVIOUS follows AWSCURRENT; a version that has a value keeps it. What
moto and the real DynamoDB expressions do about it is for the other tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wickie.credentials import Credential, Sensitive
from wickie.errors import ProviderUnavailableError
from wickie.model import Stage


class _Exceptions:
    class ResourceNotFoundException(Exception):  # noqa: N818  (AWS's names)
        pass

    class ResourceExistsException(Exception):  # noqa: N818
        pass

    class InvalidParameterException(Exception):  # noqa: N818
        pass

    class InvalidRequestException(Exception):  # noqa: N818
        pass


@dataclass
class PaperVersions:
    """The client of a Secrets Manager that knows one secret. `boundary` comes before each call."""

    boundary: Callable[[], None]
    values: dict[str, str] = field(default_factory=dict)
    labels: dict[str, set[str]] = field(default_factory=dict)
    exceptions = _Exceptions
    ids: Iterator[int] = field(default_factory=itertools.count)

    def holder(self, label: str) -> str | None:
        return next((v for v, names in self.labels.items() if label in names), None)

    def stage(self, label: str) -> str:
        """Put a label on a new version that has no value: what RotateSecret does first."""
        version = f"v{next(self.ids)}"
        self.labels[version] = set()
        self._attach(label, version)
        return version

    def put_by_hand(self, value: str) -> str:
        """A person stores a value, which gives up a rotation under way."""
        if pending := self.holder("AWSPENDING"):
            self.labels[pending].discard("AWSPENDING")
        version = self.stage("AWSCURRENT")
        self.values[version] = value
        return version

    def tidy(self) -> None:
        """Take AWSPENDING off what is in use, as after a rotation that went well."""
        if (current := self.holder("AWSCURRENT")) is not None:
            self.labels[current].discard("AWSPENDING")

    def describe_secret(self, **_: str) -> dict[str, Any]:
        self.boundary()
        labelled = {v: sorted(names) for v, names in self.labels.items() if names}
        return {
            "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:one-AbCdEf",
            "VersionIdsToStages": labelled,
        }

    def list_secret_version_ids(self, **_: str) -> dict[str, Any]:
        self.boundary()
        now = datetime.now(UTC)
        return {"Versions": [{"VersionId": v, "CreatedDate": now} for v in self.values]}

    def get_secret_value(self, SecretId: str, VersionId: str) -> dict[str, Any]:  # noqa: ARG002, N803
        self.boundary()
        if VersionId not in self.values:
            raise _Exceptions.ResourceNotFoundException
        return {"SecretString": self.values[VersionId]}

    def put_secret_value(self, *, ClientRequestToken: str, SecretString: str, **_: Any) -> None:  # noqa: N803
        self.boundary()
        if self.values.setdefault(ClientRequestToken, SecretString) != SecretString:
            raise _Exceptions.ResourceExistsException
        self._attach("AWSPENDING", ClientRequestToken)

    def update_secret_version_stage(
        self,
        *,
        VersionStage: str,  # noqa: N803
        RemoveFromVersionId: str | None = None,  # noqa: N803
        MoveToVersionId: str | None = None,  # noqa: N803
        **_: str,
    ) -> None:
        self.boundary()
        if self.holder(VersionStage) != RemoveFromVersionId or MoveToVersionId not in {
            None,
            *self.labels,
        }:
            raise _Exceptions.InvalidParameterException
        assert MoveToVersionId or VersionStage != "AWSCURRENT", "it cannot be removed"
        if MoveToVersionId:
            self._attach(VersionStage, MoveToVersionId)
        elif RemoveFromVersionId:
            self.labels[RemoveFromVersionId].discard(VersionStage)

    def _attach(self, label: str, version: str) -> None:
        old = self.holder(label)
        if old == version:
            return
        if old is not None:
            self.labels[old].discard(label)
        self.labels[version].add(label)
        if label == "AWSCURRENT" and old is not None:
            self._attach("AWSPREVIOUS", old)
            self.labels[version].discard("AWSPREVIOUS")


@dataclass
class PaperLeases:
    """`Leases` of one user."""

    boundary: Callable[[], None]
    owner: tuple[str, str] | None = None
    kept: int = 0

    @contextmanager
    def held(
        self, user: Credential, secret: str, purpose: str, *, go_on: bool = False
    ) -> Iterator[None]:
        del user
        self.boundary()
        if self.owner not in (None, (secret, purpose)):
            raise ProviderUnavailableError("held")
        self.owner = secret, purpose
        try:
            yield
        except Exception:
            self.owner = None
            raise
        if not go_on:
            self.boundary()
            self.owner = None

    def give_back(self, user: Credential, secret: str, purpose: str) -> None:
        del user
        self.boundary()
        if self.owner == (secret, purpose):
            self.owner = None

    def keep(self, user: Credential, secret: str) -> None:
        del user, secret
        self.boundary()
        self.kept += 1


@dataclass
class PaperPrints:
    """`Fingerprints` of one secret: version to stage."""

    boundary: Callable[[], None]
    stages: dict[str, Stage] = field(default_factory=dict)

    def publish(self, arn: str, version_id: str, stage: Stage, value: Sensitive) -> None:
        del arn, value
        self.boundary()
        self.stages[version_id] = stage

    def restage(self, arn: str, stages: Mapping[str, Stage]) -> None:
        del arn
        self.boundary()
        self.stages = {version: stages.get(version, Stage.RETIRED) for version in self.stages}
