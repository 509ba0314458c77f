"""What a container of an ECS task is started with: command, environment, secrets, log."""

from __future__ import annotations

import json
import sysconfig
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.core.utils import unix_time_millis
from moto.logs.models import logs_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from local import callers
from local.world import current

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

_PULL_FAILED = "ResourceInitializationError: unable to pull secrets or registry auth: "


class StartError(Exception):
    """The container cannot be started; the text is what ECS puts into `stoppedReason`."""


@dataclass(frozen=True)
class ContainerStart:
    """The essential container of a task definition, with a task's overrides applied."""

    definition: dict[str, Any]
    override: dict[str, Any]
    role: str | None
    """The task role."""
    execution_role: str | None
    """By which ECS itself reads the container's secrets and writes its log."""
    health_check: dict[str, Any] | None = field(init=False)

    def __post_init__(self) -> None:
        check = self.definition.get("healthCheck")
        declared = check and check["command"][0] != "NONE"
        object.__setattr__(self, "health_check", check if declared else None)

    @classmethod
    def of(cls, task_definition: Any, overrides: dict[str, Any]) -> ContainerStart:
        """Choose the container: the one named in the overrides, else the first essential one."""
        containers = task_definition.container_definitions
        named = {o["name"]: o for o in overrides.get("containerOverrides", []) if "name" in o}
        essential = [c for c in containers if c.get("essential", True)]
        chosen = next((c for c in essential if c["name"] in named), essential[0])
        role = overrides.get("taskRoleArn") or getattr(task_definition, "task_role_arn", None)
        execution = overrides.get("executionRoleArn") or getattr(
            task_definition, "execution_role_arn", None
        )
        return cls(chosen, named.get(chosen["name"], {}), role, execution)

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.definition["name"])

    @property
    def argv(self) -> list[str]:
        """Entry point and command; an image's own are unknown here, as no image is pulled."""
        command = self.override.get("command") or self.definition.get("command") or []
        argv = [*(self.definition.get("entryPoint") or []), *command]
        if not argv:
            raise StartError(
                f"CannotStartContainerError: container {self.name} has no command; the local AWS "
                f"knows no image's own: name one in the task definition or the overrides"
            )
        return argv

    def environment(self, account: str, region: str, session: str) -> dict[str, str]:
        """The definition's variables, its secrets, the overrides, and the role's credentials."""
        world = current()
        variables = world.child_environment(region)
        variables["PATH"] = ":".join((sysconfig.get_path("scripts"), variables.get("PATH", "")))
        if self.role:
            variables |= _credentials(self.role, account, region, session)
        variables |= {e["name"]: e["value"] for e in self.definition.get("environment") or []}
        for secret in self.definition.get("secrets") or []:
            operation, named = _reading(secret["valueFrom"])
            self._record(session, region, operation, **named)
            try:
                variables[secret["name"]] = _secret(secret["valueFrom"], region)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                raise StartError(f"{_PULL_FAILED}{secret['valueFrom']}: {code}") from None
        return variables | {e["name"]: e["value"] for e in self.override.get("environment") or []}

    def log(self, account: str, region: str, task_id: str) -> Log | None:
        """Open the awslogs stream; None where the container has no such log."""
        logging = self.definition.get("logConfiguration") or {}
        if logging.get("logDriver") != "awslogs":
            return None
        options = logging["options"]
        backend = logs_backends[account][options.get("awslogs-region", region)]
        group = options["awslogs-group"]
        if options.get("awslogs-create-group") == "true":
            backend.ensure_log_group(group)
        if group not in backend.groups:
            raise StartError(
                f"ResourceInitializationError: failed to validate logger args: "
                f"the specified log group {group} does not exist"
            )
        prefix = options.get("awslogs-stream-prefix")
        stream = f"{prefix}/{self.name}/{task_id}" if prefix else task_id
        backend.create_log_stream(group, stream)
        for operation in ("logs:CreateLogStream", "logs:PutLogEvents"):
            named = {"logGroupName": group, "logStreamName": stream}
            self._record(task_id, region, operation, **named)
        return Log(backend, group, stream)

    def _record(self, task_id: str, region: str, operation: str, **parameters: Any) -> None:
        if role := self.execution_role:
            calls = callers.of_role(role, task_id, operation, region, **parameters)
            current().calls.extend(calls)


@dataclass(frozen=True)
class Log:
    """A stream of CloudWatch Logs that a container's output goes to line by line."""

    backend: Any
    group: str
    stream: str

    def ship(self, output: IO[bytes]) -> None:
        """Write `output` as it comes, until it ends."""
        rest = b""
        read: Callable[[int], bytes] = output.read1  # type: ignore[attr-defined]
        while chunk := read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            self._put(lines)
        self._put([rest])

    def _put(self, lines: list[bytes]) -> None:
        now = unix_time_millis()
        events = [
            {"timestamp": now, "message": line.decode(errors="replace").rstrip("\r")}
            for line in lines
            if line.strip()
        ]
        # A log group deleted meanwhile must not stop a container that goes on writing.
        if events and self.group in self.backend.groups:
            self.backend.put_log_events(self.group, self.stream, events)


def _credentials(role: str, account: str, region: str, session: str) -> dict[str, str]:
    """What ECS's credential endpoint would answer."""
    backend: Any = sts_backends[account][get_partition(region)]
    assumed = backend.assume_role(
        region_name=region,
        role_session_name=session,
        role_arn=role,
        policy=None,
        duration=21600,
        external_id=None,
    )
    return {
        "AWS_ACCESS_KEY_ID": assumed.access_key_id,
        "AWS_SECRET_ACCESS_KEY": assumed.secret_access_key,
        "AWS_SESSION_TOKEN": assumed.session_token,
    }


def _reading(reference: str) -> tuple[str, dict[str, Any]]:
    """The operation by which ECS reads what `secrets` refers to, and its parameters."""
    if ":secretsmanager:" in reference:
        return "secretsmanager:GetSecretValue", {"SecretId": ":".join(reference.split(":")[:7])}
    return "ssm:GetParameters", {"Names": [reference]}


def _secret(reference: str, region: str) -> str:
    """
    Read the value that a container definition's `secrets` refers to.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    if ":secretsmanager:" not in reference:
        return _parameter(reference, region)
    parts = [*reference.split(":"), "", "", ""]
    arn, (key, stage, version) = ":".join(parts[:7]), parts[7:10]
    selected = {"VersionStage": stage, "VersionId": version}
    answer = (
        current()
        .client("secretsmanager", parts[3])
        .get_secret_value(
            SecretId=arn, **{name: value for name, value in selected.items() if value}
        )
    )
    text = str(answer["SecretString"])
    if not key:
        return text
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        raise StartError(f"{_PULL_FAILED}{arn} has no JSON key {key}") from None
    return value if isinstance(value, str) else json.dumps(value)


def _parameter(reference: str, region: str) -> str:
    name = reference
    if reference.startswith("arn:"):
        region, resource = reference.split(":")[3], reference.split(":parameter/", 1)[1]
        name = f"/{resource}" if "/" in resource else resource
    answer = current().client("ssm", region).get_parameter(Name=name, WithDecryption=True)
    return str(answer["Parameter"]["Value"])
