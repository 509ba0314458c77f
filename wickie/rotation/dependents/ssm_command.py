"""
Instances on which an SSM document of the customer's own is run.

Only such a document: whoever may send an AWS-* one is administrator of its instances, and flows
shall not be. It is given the secret's ARN and version, never the value, which Run Command would
keep and show: https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from wickie.asking import Patience, asking
from wickie.model import DependentOutcome, DependentState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_ssm.type_defs import CommandTypeDef

    from wickie.rotation.dependents import Declared

SECRET: Final = "SecretId"  # noqa: S105  (the name of a document's parameter)
VERSION: Final = "VersionId"
_UNDER_WAY: Final = frozenset({"Pending", "InProgress", "Cancelling"})
_DONE: Final = "Success"
_SHOWN: Final = 5


@dataclass(frozen=True)
class SsmCommand:
    """Well when the document has succeeded on every instance that was meant."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = (
        "secretsmanager:DescribeSecret",
        "ssm:DescribeDocument",
        "ssm:ListCommandInvocations",
        "ssm:ListCommands",
        "ssm:SendCommand",
    )
    OPTIONS: ClassVar[tuple[str, ...]] = (
        "document",
        "instances",
        "tags",
        "parameters",
        "timeout_seconds",
    )
    EXCLUSIVE: ClassVar[bool] = True

    entry: Declared = field(repr=False)
    document: str
    instances: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    patience: Patience = field(default=Patience(300), repr=False)

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """See `Kind`."""
        options = entry.options
        return cls(
            entry,
            options["document"],
            options.get("instances", ()),
            options.get("tags", {}),
            options.get("parameters", {}),
            Patience(options.get("timeout_seconds", 300), longest=5),
        )

    @property
    def name(self) -> str:
        where = ", ".join([*self.instances, *(f"{k}={v}" for k, v in self.tags.items())])
        return f"SSM document {self.document} on {where}"

    def check(self) -> None:
        """Raise `NotFoundError` if the document does not exist."""
        with asking(self.name):
            self.entry.clients.ssm.describe_document(Name=self.document)

    def refresh(self, version: str) -> DependentOutcome:
        """
        Send the command, unless one for this version is under way or has succeeded, and wait.

        Like every command that Run Command keeps, ours is known by its comment: the rotation's
        own event and a leak response may both come here; the second only waits.
        """
        sent = self._sent(version)
        if sent is None or sent["Status"] not in {*_UNDER_WAY, _DONE}:
            sent = self._send(version)
        command = sent["CommandId"]
        ended = self.patience.until(lambda: self._ended(command))
        if ended is None:
            why = f"did not end within {self.patience.seconds:.0f} s"
        elif not ended.get("TargetCount"):
            why = "no instance is meant by it; correct its tags"
        elif ended["Status"] == _DONE:
            return DependentOutcome(self.name, DependentState.REFRESHED, f"command {command}")
        else:
            why = f"ended {ended['Status']}"
        ill = self._ill(command)
        detail = f"command {command} {why}" + f": {ill}" * bool(ill)
        return DependentOutcome(self.name, DependentState.UNHEALTHY, detail)

    def _targets(self) -> dict[str, Any]:
        if self.instances:
            return {"InstanceIds": list(self.instances)}
        return {"Targets": [{"Key": f"tag:{k}", "Values": [v]} for k, v in self.tags.items()]}

    def _is_meant_by(self, command: CommandTypeDef) -> bool:
        """Whether it is for the same instances; in which order a reply lists them is open."""
        if self.instances:
            return set(command.get("InstanceIds", ())) == set(self.instances)
        tags = {target["Key"]: target["Values"] for target in command.get("Targets", ())}
        return tags == {f"tag:{k}": [v] for k, v in self.tags.items()}

    def _comment(self, version: str) -> str:
        return f"wickie {version}"

    def _sent(self, version: str) -> CommandTypeDef | None:
        """The latest command that was sent for `version` to the same instances."""
        with asking(self.name):
            pages = self.entry.clients.ssm.get_paginator("list_commands").paginate(
                Filters=[{"key": "DocumentName", "value": self.document}]
            )
            ours = [
                command
                for page in pages
                for command in page["Commands"]
                if command.get("Comment") == self._comment(version) and self._is_meant_by(command)
            ]
        return max(ours, key=lambda command: command["RequestedDateTime"], default=None)

    def _send(self, version: str) -> CommandTypeDef:
        own = {SECRET: self.entry.describe().arn, VERSION: version}
        with asking(self.name):
            reply = self.entry.clients.ssm.send_command(
                **self._targets(),
                DocumentName=self.document,
                Comment=self._comment(version),
                Parameters={name: [text] for name, text in {**self.parameters, **own}.items()},
            )
        return reply["Command"]

    def _ended(self, command: str) -> CommandTypeDef | None:
        with asking(self.name):
            found = self.entry.clients.ssm.list_commands(CommandId=command)["Commands"]
        # It takes Run Command a moment to list what it has accepted.
        return found[0] if found and found[0]["Status"] not in _UNDER_WAY else None

    def _ill(self, command: str) -> str:
        """Instances on which it did not succeed, and how it ended there; a few stand for all."""
        with asking(self.name):
            pages = self.entry.clients.ssm.get_paginator("list_command_invocations").paginate(
                CommandId=command
            )
            ill = [
                f"{invocation['InstanceId']} {invocation.get('StatusDetails', '')}".strip()
                for page in pages
                for invocation in page["CommandInvocations"]
                if invocation["Status"] != _DONE
            ]
        more = f" and {len(ill) - _SHOWN} more" if len(ill) > _SHOWN else ""
        return ", ".join(ill[:_SHOWN]) + more
