"""EventBridge: rules reach Lambda, ECS, SQS and SNS; schedules fire by the world's clock."""

from __future__ import annotations

import copy
import json
import logging
import threading
import uuid
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonpath_ng.ext.parser import parse as parse_path
from moto.awslambda.utils import get_backend
from moto.events.exceptions import ValidationException
from moto.events.models import EventPattern, Rule, events_backends
from moto.events.utils import EventTemplateParser
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local.awslambda import permits, run
from local.world import current
from wickie import schedules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.world import World

_log = logging.getLogger(__name__)
_ECS = ("LaunchType", "PlatformVersion", "Group", "CapacityProviderStrategy")
_OVERRIDES = ("containerOverrides", "cpu", "memory")
_MOTO_SEND: Any = Rule.send_to_targets


def complete(world: World) -> None:
    """Deliver to targets moto does not know, and fire schedules."""
    _patch()
    threading.Thread(target=_run_schedules, args=(world,), daemon=True).start()


@cache
def _patch() -> None:
    rule: Any = Rule
    initialize = rule.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        self.due = _next(self, current().clock.now())

    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:  # noqa: ARG001
        scheduled_only = self.scheduled_expression and not self.event_pattern.get_pattern()
        if scheduled_only or self.state == "DISABLED":
            return
        if self.event_pattern.matches_event(original_event):
            for target in list(self.targets):
                _send(self, target, original_event)

    rule.__init__ = init
    rule.send_to_targets = send_to_targets


def _next(rule: Any, now: float) -> float | None:
    if not rule.scheduled_expression:
        return None
    try:
        return schedules.parse(rule.scheduled_expression).after(now)
    except ValueError:
        raise ValidationException("Parameter ScheduleExpression is not valid.") from None


def _run_schedules(world: World) -> None:
    while world.clock.sleep_until(world.clock.now() + 0.25, world.stopping):
        now = world.clock.now()
        for rule in _rules():
            if rule.due and rule.due <= now:
                due, rule.due = rule.due, _next(rule, now)
                if rule.state == "ENABLED":
                    _fire(rule, due)


def _rules() -> Iterator[Any]:
    for account in list(events_backends.values()):
        for backend in list(account.values()):
            for bus in list(backend.event_buses.values()):
                yield from list(bus.rules.values())


def _fire(rule: Any, due: float) -> None:
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": due,
        "region": rule.region_name,
        "resources": [rule.arn],
        "detail": {},
        "ingestion-time": due,
    }
    for target in list(rule.targets):
        _send(rule, target, event)


def _send(rule: Any, target: dict[str, Any], event: dict[str, Any]) -> None:
    """Deliver what the target asked for; what cannot be delivered goes to its dead-letter queue."""
    content: Any = event
    try:
        if not (deliver := _DELIVERIES.get(target["Arn"].split(":")[2])):
            _send_by_moto(rule, target, event)
            return
        content = _content(target, _as_delivered(event))
        deliver(rule, target, content)
    except Exception as error:  # noqa: BLE001  (whatever a target answers, the others get theirs)
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            _log.warning("%s to %s: %s", rule.name, target["Arn"], error)
            return
        attributes = {"RULE_ARN": rule.arn, "TARGET_ARN": target["Arn"], "ERROR_MESSAGE": error}
        _enqueue(queue, content, attributes)


def _send_by_moto(rule: Any, target: dict[str, Any], event: Any) -> None:
    rule_of_one = copy.copy(rule)
    rule_of_one.targets = [target]
    rule_of_one.event_pattern = EventPattern.load(None)
    _MOTO_SEND(rule_of_one, event)


def _as_delivered(event: Any) -> dict[str, Any]:
    """The event as targets see it: its time written out, without moto's own additions."""
    delivered = {name: value for name, value in event.items() if name != "ingestion-time"}
    if isinstance(delivered.get("time"), int | float):
        moment = datetime.fromtimestamp(delivered["time"], UTC)
        delivered["time"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return delivered


def _content(target: dict[str, Any], event: dict[str, Any]) -> Any:
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return parse_path(target["InputPath"]).find(event)[0].value
    if transformer := target.get("InputTransformer"):
        ingested: Any = event | {"ingestion-time": event["time"]}
        template, paths = transformer["InputTemplate"], transformer.get("InputPathsMap", {})
        return EventTemplateParser.parse(template, paths, ingested)
    return event


def _to_lambda(rule: Any, target: dict[str, Any], content: Any) -> None:
    _, _, _, region, account, *_ = target["Arn"].split(":")
    function = get_backend(account, region).get_function(target["Arn"])
    if not permits(function, "events.amazonaws.com", rule.account_id, rule.arn):
        raise PermissionError(f"the policy of {target['Arn']} does not permit {rule.arn}")
    threading.Thread(target=run, args=(function, content), daemon=True).start()


def _to_ecs(rule: Any, target: dict[str, Any], content: Any) -> None:
    settings = target["EcsParameters"]
    network = settings.get("NetworkConfiguration", {})
    vpc = network.get("awsvpcConfiguration") or network.get("AwsVpcConfiguration")
    arguments = {
        "cluster": target["Arn"],
        "taskDefinition": settings["TaskDefinitionArn"],
        "count": int(settings.get("TaskCount", 1)),
        "startedBy": f"events-rule/{rule.name}"[:128],
        "overrides": {name: content[name] for name in _OVERRIDES if name in content},
    }
    if vpc:
        arguments["networkConfiguration"] = {"awsvpcConfiguration": _in_camel_case(vpc)}
    arguments |= _in_camel_case({name: settings[name] for name in _ECS if settings.get(name)})
    answer = current().client("ecs", target["Arn"].split(":")[3]).run_task(**arguments)
    if answer["failures"]:
        raise RuntimeError(str(answer["failures"]))


def _in_camel_case(values: dict[str, Any]) -> dict[str, Any]:
    return {name[0].lower() + name[1:]: value for name, value in values.items()}


def _to_sqs(_rule: Any, target: dict[str, Any], content: Any) -> None:
    _enqueue(target["Arn"], content, group=target.get("SqsParameters", {}).get("MessageGroupId"))


def _to_sns(_rule: Any, target: dict[str, Any], content: Any) -> None:
    _, _, _, region, account, _ = target["Arn"].split(":")
    sns_backends[account][region].publish(_text(content), arn=target["Arn"])


def _enqueue(
    arn: str, content: Any, attributes: dict[str, Any] | None = None, group: str | None = None
) -> None:
    _, _, _, region, account, name = arn.split(":")
    sqs_backends[account][region].send_message(
        name,
        _text(content),
        message_attributes={
            key: {"data_type": "String", "string_value": str(value)}
            for key, value in (attributes or {}).items()
        },
        group_id=group,
    )


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)


_DELIVERIES = {"lambda": _to_lambda, "ecs": _to_ecs, "sqs": _to_sqs, "sns": _to_sns}
