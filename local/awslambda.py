"""Lambda: Python functions run as processes, kept warm, with their role's credentials and a log."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import uuid
import zipfile
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.core.utils import unix_time_millis
from moto.sts.models import sts_backends

from local import callers
from local.execution import Environment, Outcome, Settings
from local.world import current

if TYPE_CHECKING:
    from pathlib import Path

    from local.world import World

_KEPT_WARM = 2
_lock = threading.Lock()
_idle: dict[str, list[Environment]] = {}  # by function ARN


def complete(world: World) -> None:  # noqa: ARG001  (patches ask for the current one)
    """Run functions without Docker."""
    _idle.clear()
    _patch()


def permits(function: Any, service: str, account: str, arn: str) -> bool:
    """Whether the function's resource policy lets `service` invoke it on behalf of `arn`."""
    context = {"aws:sourceaccount": account, "aws:sourcearn": arn}
    return any(
        statement["Effect"] == "Allow"
        and statement["Action"] in ("lambda:InvokeFunction", "lambda:*", "*")
        and statement["Principal"] in ({"Service": service}, service, "*")
        and all(
            fnmatchcase(context.get(key.lower(), ""), pattern)
            for test in statement.get("Condition", {}).values()
            for key, pattern in test.items()
        )
        for statement in function.policy.statements
    )


def run(function: Any, event: Any) -> Outcome:
    """Invoke a function and wait for what comes of it."""
    if not str(function.run_time).startswith("python"):
        kind = function.run_time or function.package_type
        message = f"the local AWS runs Python functions, not {kind}"
        error = json.dumps({"errorType": "Runtime.Invalid", "errorMessage": message})
        return Outcome(error, failed=True, log="", reusable=False)
    environment = _take(current(), function)
    outcome = environment.invoke(event, str(uuid.uuid4()))
    if outcome.reusable:
        _give_back(environment)
    _record(function, environment.log_stream, outcome.log)
    return outcome


@cache
def _patch() -> None:
    function: Any = LambdaFunction
    function._invoke_lambda = _invoke_lambda
    function.invoke = _invoke
    _patch_logging_config(function)
    backend: Any = LambdaBackend
    delete_function = backend.delete_function

    def delete(self: Any, function_name: str, qualifier: str | None = None) -> None:
        arn = self.get_function(function_name, qualifier).function_arn
        delete_function(self, function_name, qualifier)
        _end(arn, keep=None)

    backend.delete_function = delete


def _patch_logging_config(function: Any) -> None:
    """Moto forgets `LoggingConfig` wherever it is given."""
    initialize, update = function.__init__, function.update_configuration
    describe = function.get_configuration
    create = function.create_from_cloudformation_json.__func__

    def init(self: Any, account_id: str, spec: Any, region: str, version: str | int = 1) -> None:
        initialize(self, account_id, spec, region, version)
        _set_log_group(self, spec)

    def update_configuration(self: Any, config_updates: Any) -> Any:
        _set_log_group(self, config_updates)
        return update(self, config_updates)

    def get_configuration(self: Any, on_create: bool = False) -> Any:
        logging = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        return describe(self, on_create) | {"LoggingConfig": logging}

    def create_from_cloudformation_json(
        cls: Any, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any
    ) -> Any:
        created = create(cls, resource_name, cloudformation_json, *args, **kwargs)
        _set_log_group(created, cloudformation_json["Properties"])
        return created

    function.__init__ = init
    function.update_configuration = update_configuration
    function.get_configuration = get_configuration
    function.create_from_cloudformation_json = classmethod(create_from_cloudformation_json)


def _set_log_group(function: Any, spec: dict[str, Any]) -> None:
    if group := (spec.get("LoggingConfig") or {}).get("LogGroup"):
        function.logs_group_name = group


def _invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
    kind = request_headers.get("x-amz-invocation-type", "RequestResponse")
    event = json.loads(body) if body else {}
    if kind == "DryRun":
        return b""
    if kind == "Event":
        threading.Thread(target=run, args=(self, event), daemon=True).start()
        return b""
    outcome = run(self, event)
    if outcome.failed:
        response_headers["x-amz-function-error"] = "Unhandled"
    tail = outcome.log.encode()[-4096:]
    response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
    return outcome.payload.encode()


def _invoke_lambda(self: Any, event: Any = None) -> tuple[str, bool, str]:
    """By which moto's own services invoke, giving the event as JSON or as what it stands for."""
    outcome = run(self, json.loads(event) if isinstance(event, str) else event)
    return outcome.payload, outcome.failed, outcome.log


def _take(world: World, function: Any) -> Environment:
    settings = _settings(world, function)
    _end(settings.function_arn, keep=settings)
    with _lock:
        idle = _idle.get(settings.function_arn, [])
        while idle:
            if (environment := idle.pop()).alive:
                return environment
    variables = world.child_environment(function.region) | _credentials(function)
    return Environment(world, settings, variables)


def _give_back(environment: Environment) -> None:
    with _lock:
        idle = _idle.setdefault(environment.settings.function_arn, [])
        if len(idle) < _KEPT_WARM:
            idle.append(environment)
            return
    environment.kill()


def _end(function_arn: str, keep: Settings | None) -> None:
    """Kill the idle processes that no longer are what the function is."""
    with _lock:
        idle = _idle.pop(function_arn, [])
        _idle[function_arn] = [e for e in idle if e.settings == keep]
    for environment in idle:
        if environment.settings != keep:
            environment.kill()


def _settings(world: World, function: Any) -> Settings:
    variables = {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        "_HANDLER": function.handler,
        **{name: str(value) for name, value in (function.environment_vars or {}).items()},
    }
    return Settings(
        function_arn=function.function_arn,
        version=str(function.version),
        task_root=_task_root(world, function.code_bytes),
        timeout=float(function.timeout),
        memory_size=int(function.memory_size),
        role=function.role,
        variables=tuple(sorted(variables.items())),
    )


def _task_root(world: World, code: bytes) -> Path:
    """Where the function's zip lies unpacked, done once for each content."""
    directory = world.scratch / "functions" / hashlib.sha256(code).hexdigest()[:32]
    with _lock:
        if not directory.exists():
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(directory)
    return directory


def _credentials(function: Any) -> dict[str, str]:
    """What Lambda has in a function's environment: its role, assumed by the function's name."""
    sts: Any = sts_backends[function.account_id][function.partition]
    role = sts.assume_role(
        region_name=function.region,
        role_session_name=function.function_name,
        role_arn=function.role,
        policy=None,
        duration=43200,
        external_id=None,
    )
    return {
        "AWS_ACCESS_KEY_ID": role.access_key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
        "AWS_SESSION_TOKEN": role.session_token,
    }


def _record(function: Any, stream: str, log: str) -> None:
    logs = function.logs_backend
    now = unix_time_millis()
    with _lock:
        logs.ensure_log_group(function.logs_group_name)
        if stream not in logs.groups[function.logs_group_name].streams:
            logs.create_log_stream(function.logs_group_name, stream)
    events = [{"timestamp": now, "message": line} for line in log.splitlines()]
    logs.put_log_events(function.logs_group_name, stream, events)
    named = {"logGroupName": function.logs_group_name, "logStreamName": stream}
    for operation in ("logs:CreateLogStream", "logs:PutLogEvents"):
        calls = callers.of_role(
            function.role, function.function_name, operation, function.region, **named
        )
        current().calls.extend(calls)
