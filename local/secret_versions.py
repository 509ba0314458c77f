"""Versions of a secret and the staging labels that move between them."""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.models import FakeSecret

from local.world import current


def version_with(secret: Any, label: str) -> str | None:
    """Id of the version that `label` is attached to."""
    versions = list(secret.versions.items())
    return next((name for name, version in versions if label in version["version_stages"]), None)


def detach(secret: Any, label: str) -> None:
    """Take `label` from whichever version has it."""
    for version in secret.versions.values():
        version["version_stages"] = [s for s in version["version_stages"] if s != label]


def stage_pending(secret: Any, token: str) -> str:
    """Attach AWSPENDING to a new version that has no value yet."""
    detach(secret, "AWSPENDING")
    secret.versions[token] = {
        "createdate": int(current().clock.now()),
        "version_id": token,
        "version_stages": ["AWSPENDING"],
    }
    return token


def move(secret: Any, label: str, version_id: str) -> None:
    """Attach a label to one version only; AWSPREVIOUS follows AWSCURRENT."""
    old = version_with(secret, label)
    if old == version_id:
        return
    detach(secret, label)
    secret.versions[version_id]["version_stages"].append(label)
    if label == "AWSCURRENT" and old:
        move(secret, "AWSPREVIOUS", old)


def patch_secret() -> None:
    """What DescribeSecret tells, and which version is the default: the one with AWSCURRENT."""
    secret: Any = FakeSecret
    initialize, describe = secret.__init__, secret.to_dict

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        self.rotation_rules, self.rotation_due, self.rotating = {}, None, None
        initialize(self, *args, **kwargs)

    def to_dict(self: Any) -> dict[str, Any]:
        described: dict[str, Any] = describe(self)
        if self.rotation_requested:
            described["RotationRules"] = {
                "AutomaticallyAfterDays": self.auto_rotate_after_days
            } | self.rotation_rules
        for key in ("VersionIdsToStages", "SecretVersionsToStages"):
            if key in described:
                described[key] = {name: stages for name, stages in described[key].items() if stages}
        return described

    def reset_default_version(self: Any, version: dict[str, Any], version_id: str) -> None:
        self.versions.setdefault(version_id, version)
        for label in version["version_stages"]:
            move(self, label, version_id)
        self.versions[version_id] = version

    secret.__init__ = init
    secret.to_dict = to_dict
    secret.reset_default_version = reset_default_version
    secret.default_version_id = property(
        lambda self: version_with(self, "AWSCURRENT"), lambda _self, _value: None
    )
