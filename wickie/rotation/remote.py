"""
A secret as seen from outside: its versions, and its own rotation function to ask about them.

Credentials are verified, retired and restored inside that function, where their values are;
what comes back is a verdict. So whoever runs a replacement needs no right to read a secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from wickie import errors
from wickie.asking import Patience, asking
from wickie.errors import (
    AbandonedError,
    ConfigError,
    Error,
    ProviderUnavailableError,
    RotationError,
)
from wickie.model import Answer, Stage, Verdict
from wickie.rotation.versions import require_primary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.aws import Clients

Action = Literal["verify", "retire", "restore", "settle", "repair", "take-over"]

PERMISSIONS: Final = (
    "lambda:InvokeFunction",
    "secretsmanager:DescribeSecret",
    "secretsmanager:RotateSecret",
)

_MISSED: Final = 2
"""Looks in a row that find a version without its label, for its rotation to count as abandoned."""


@dataclass(frozen=True)
class RemoteSecret:
    """A secret's name, function and labelled versions, as they stood when it was described."""

    arn: str
    name: str
    function: str
    stages: Mapping[str, Stage]
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def describe(cls, clients: Clients, secret: str) -> RemoteSecret:
        """Look `secret` up by name or ARN. Raises where nothing rotates it."""
        with asking(f"secret {secret}"):
            reply = clients.secrets_manager.describe_secret(SecretId=secret)
        require_primary(reply)
        if not reply.get("RotationLambdaARN"):
            raise ConfigError(
                f"{reply['Name']} is not under rotation; add it to wickie.yaml and run cdk deploy"
            )
        labels = reply.get("VersionIdsToStages", {})
        return cls(
            arn=reply["ARN"],
            name=reply["Name"],
            function=reply["RotationLambdaARN"],
            stages={version: Stage.of(labels[version]) for version in labels},
            tags={tag.get("Key", ""): tag.get("Value", "") for tag in reply.get("Tags", [])},
        )

    def stage_of(self, version: str) -> Stage:
        """Where `version` stands; one that carries no label is RETIRED."""
        return self.stages.get(version, Stage.RETIRED)

    def version(self, stage: Stage) -> str | None:
        """The version that stands at `stage`, if one does."""
        return next((v for v, standing in self.stages.items() if standing is stage), None)

    def current(self) -> str:
        """The version in use."""
        if version := self.version(Stage.CURRENT):
            return version
        raise ConfigError(f"{self.name} has no value yet (no AWSCURRENT); put one in it")

    def ask(
        self, clients: Clients, action: Action, version: str | None = None, **wishes: str
    ) -> Answer:
        """
        Have the secret's own function act on, or give its verdict about, `version`.

        Without one it is the version the action is about by itself; `wishes` are the action's.
        """
        about = {"VersionId": version} if version else {}
        payload = self._invoke(clients, {"Action": action, **about, **wishes})
        return Answer(
            verdict=Verdict(payload["verdict"]),
            detail=payload.get("detail", ""),
            strategy=payload.get("strategy", ""),
            state=payload.get("state", ""),
        )

    def tell(self, clients: Clients, event: Mapping[str, str]) -> str:
        """Have the secret's own function do something else; what it says of that."""
        return str(self._invoke(clients, event).get("detail", ""))

    def _invoke(self, clients: Clients, event: Mapping[str, str]) -> Mapping[str, Any]:
        with asking(f"rotation function of {self.name}"):
            reply = clients.lambda_.invoke(
                FunctionName=self.function,
                Payload=json.dumps({"SecretId": self.arn, **event}).encode(),
            )
        payload: dict[str, Any] = json.loads(reply["Payload"].read() or b"null") or {}
        if "FunctionError" in reply:
            raise _as_raised(self.function, payload)
        return payload

    def rotate(self, clients: Clients, token: str) -> str:
        """Start a rotation, or join the one under way. Returns the version that it makes."""
        try:
            with asking(f"secret {self.name}"):
                clients.secrets_manager.rotate_secret(SecretId=self.arn, ClientRequestToken=token)
        except RotationError as error:
            if "previous rotation" not in str(error).lower():
                raise
            if pending := self.describe(clients, self.arn).version(Stage.PENDING):
                return pending
            raise ProviderUnavailableError(
                f"{self.name}: a rotation was under way and has just ended; try again"
            ) from None
        return token

    def wait_for(
        self, clients: Clients, version: str, patience: Patience, *, seen: bool = False
    ) -> None:
        """
        Wait until the rotation that makes `version` has ended, and raise unless it is in use.

        `seen` says that it has had its label already.
        """
        missed = 0

        def promoted() -> bool | None:
            nonlocal seen, missed
            stage = self.describe(clients, self.arn).stage_of(version)
            if stage is Stage.CURRENT:
                return True
            # It takes Secrets Manager a moment to label the version it has promised; and a label
            # that moves may be in neither place for whoever looks just then.
            seen = seen or stage is Stage.PENDING
            missed = missed + 1 if seen and stage is not Stage.PENDING else 0
            return False if missed >= _MISSED else None

        answer = patience.until(promoted)
        if answer is None:
            raise RotationError(
                f"rotation of {self.name} did not end within {patience.seconds:.0f} s (version "
                f"{version} is pending); read the log group of {_plain(self.function)}, then run "
                f"wickie repair {self.name}"
            )
        if answer is False:
            raise AbandonedError(
                f"rotation of {self.name} was abandoned (version {version} is pending no more); "
                f"read the log group of {_plain(self.function)}, then rotate again"
            )


def _plain(function: str) -> str:
    return function.rpartition(":")[2]


def _as_raised(function: str, payload: Mapping[str, Any]) -> Error:
    """
    Rebuild the function's error from its name and text.

    Only wickie's own errors promise a text without plaintext; of any other the type must do.
    """
    kind = str(payload.get("errorType", "unknown error"))
    known = getattr(errors, kind, None)
    if isinstance(known, type) and issubclass(known, Error):
        return known(str(payload.get("errorMessage", kind)))
    return RotationError(f"function {_plain(function)} broke ({kind}); read its log group")
