"""
Tells Prefect how its containers ended.

Without it a container that is killed leaves its flow run in RUNNING for ever: nobody else
watches (measured: with it CRASHED within a second, without it never).
"""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.queue_reader import VISIBILITY


def queue_name(stage: str) -> str:
    """The queue's name, for PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME."""
    return f"wickie-{stage}-task-events"


class TaskEvents(Construct):
    """
    ECS Task State Change of one cluster → EventBridge → the queue that an observer reads.

    That is a worker's; where Prefect Cloud starts the containers, a function of ours.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: str, cluster_arn: str) -> None:
        super().__init__(scope, id_)
        self._undelivered = self._queue("Undelivered", f"{queue_name(stage)}-dlq")
        self.queue = self._queue(
            "Queue",
            queue_name(stage),
            sqs.DeadLetterQueue(max_receive_count=3, queue=self._undelivered),
        )
        events.Rule(
            self,
            "Rule",
            description=f"wickie {stage}: how the containers of flows end",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Task State Change"],
                detail={"clusterArn": [cluster_arn]},
            ),
            targets=[targets.SqsQueue(self.queue)],
        )

    def _queue(
        self, id_: str, name: str, dead_letter_queue: sqs.DeadLetterQueue | None = None
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id_,
            queue_name=name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(7),
            visibility_timeout=VISIBILITY,
            dead_letter_queue=dead_letter_queue,
            removal_policy=RemovalPolicy.DESTROY,
        )
