"""What starts flows when something happens: rules → queue → function → a run of Prefect's."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from stacks.constructs.names import undelivered_events
from stacks.constructs.queue_reader import VISIBILITY, QueueReader

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.packaging import CodeFor
    from wickie.config import Config
    from wickie.config.prefect import Prefect

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
        self, scope: Construct, config: Config, prefect: Prefect, code_for: CodeFor
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
            visibility_timeout=VISIBILITY,
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
        self._dispatch(config, prefect, code_for, queue)

    def _dispatch(
        self, config: Config, prefect: Prefect, code_for: CodeFor, queue: sqs.Queue
    ) -> None:
        starts = {e.name: asdict(e.start(config.stage)) for e in config.events}
        QueueReader(
            self,
            "Dispatch",
            kind="dispatch",
            queue_arn=queue.queue_arn,
            config=config,
            prefect=prefect,
            code_for=code_for,
            settings={"starts": starts},
        )

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
