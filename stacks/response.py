"""What starts flows when something happens: rules → queue → function → a run of Prefect's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from stacks.constructs.grants import grant
from stacks.constructs.logged_function import LoggedFunction
from stacks.constructs.names import secret_arns, undelivered_events
from stacks.permissions import PREFECT_KEY, TAKE_MESSAGES

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.packaging import CodeFor
    from wickie.config import Config, Network
    from wickie.config.prefect import Prefect

_TIMEOUT: Final = Duration.seconds(30)
_AGAIN_AFTER: Final = Duration.minutes(3)
"""Six times the function's timeout, as Lambda asks for."""
_TRIES: Final = 20
"""An hour, through which Prefect may be down."""
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-input-transformer.html
_WHOLE: Final = "<aws.events.event.json>"


class ResponseStack(Stack):
    """
    A rule for each of the `events` in wickie.yaml; all lead to one queue and one function.

    The queue holds an event while Prefect cannot be reached. What 20 tries did not bring there, and
    what EventBridge could not put into the queue, waits in the second one to be sent again.
    """

    def __init__(
        self,
        scope: Construct,
        config: Config,
        prefect: Prefect,
        network: Network,
        code_for: CodeFor,
    ) -> None:
        super().__init__(
            scope,
            f"WickieResponse-{config.stage}",
            description="wickie: flows that start when something happens",
        )
        undelivered = self._queue("Undelivered", undelivered_events(config.stage))
        queue = self._queue(
            "Queue",
            f"wickie-{config.stage}-events",
            visibility_timeout=_AGAIN_AFTER,
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=_TRIES, queue=undelivered),
        )
        for event in config.events:
            rule = events.CfnRule(
                self,
                f"Rule-{event.name}",
                description=f"wickie {config.stage}: {event.name} starts {event.deployment}",
                event_pattern=event.pattern,
                targets=[
                    events.CfnRule.TargetProperty(
                        id="queue",
                        arn=queue.queue_arn,
                        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                            arn=undelivered.queue_arn
                        ),
                        input_transformer=events.CfnRule.InputTransformerProperty(
                            input_template=f'{{"name": "{event.name}", "event": {_WHOLE}}}'
                        ),
                    )
                ],
            )
            for receiver in (queue, undelivered):
                _let_send(receiver, rule)
        self._dispatch(config, prefect, network, code_for, queue)

    def _dispatch(
        self,
        config: Config,
        prefect: Prefect,
        network: Network,
        code_for: CodeFor,
        queue: sqs.Queue,
    ) -> None:
        starts = {e.name: e.model_dump(include={"deployment", "parameters"}) for e in config.events}
        keys = {"api_key": prefect.api_key_secret, "auth_string": prefect.auth_string_secret}
        settings = {"api_url": prefect.api_url, "keys": keys, "starts": starts}
        code = code_for("dispatch", files={"settings.json": json.dumps(settings, sort_keys=True)})
        function = LoggedFunction(
            self,
            "Dispatch",
            name=f"wickie-{config.stage}-dispatch",
            code=lambda_.Code.from_asset(str(code)),
            handler="lambdas.dispatch.lambda_handler",
            environment={},
            timeout=_TIMEOUT,
        )
        grant(function.role, PREFECT_KEY, {"secretsmanager": secret_arns(self, prefect.keys)})
        grant(function.role, TAKE_MESSAGES, {"sqs": [queue.queue_arn]})
        if network.subnets and prefect.backend == "self-hosted":
            function.attach(network)
        mapping = lambda_.EventSourceMapping(
            self,
            "Source",
            target=function.function,
            event_source_arn=queue.queue_arn,
            batch_size=1,
        )
        # Lambda looks whether the role may read the queue before it takes the mapping.
        mapping.node.add_dependency(function.role)

    def _queue(self, id_: str, name: str, **more: Any) -> sqs.Queue:
        return sqs.Queue(
            self,
            id_,
            queue_name=name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
            **more,
        )


def _let_send(queue: sqs.Queue, rule: events.CfnRule) -> None:
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sqs:SendMessage"],
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
        )
    )
