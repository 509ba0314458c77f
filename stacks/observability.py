"""Alarms and a dashboard: whoever is on call learns of a rotation that does not end well."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions

from stacks.constructs.dashboard import rotation_dashboard
from stacks.constructs.grants import grant
from stacks.constructs.honeytokens import honeytoken_rule
from stacks.constructs.logged_function import LoggedFunction
from stacks.constructs.names import secret_arns, undelivered_events, user_arn
from stacks.permissions import HONEYTOKENS, WATCH
from wickie.metrics import HONEYTOKENS_USED, NAMESPACE, OVERDUE, REPAIRS, STUCK, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from constructs import Construct

    from stacks.packaging import CodeFor
    from wickie.config import Config

_HOUR = Duration.hours(1)

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: 2,048 characters. The rest
# of the pattern takes 200; of a secret, all of its ARN but the name, and how it is matched.
_PATTERN: Final = 1800
_LONGEST_PREFIX: Final = 90


class ObservabilityStack(Stack):
    """Costs what its alarms do, some 10 cents each a month, and a function's second an hour."""

    def __init__(self, scope: Construct, config: Config, code_for: CodeFor) -> None:
        super().__init__(
            scope,
            f"WickieObservability-{config.stage}",
            description="wickie: alarms and dashboard of rotation",
        )
        self._config = config
        self._topic = sns.Topic(
            self, "Alarms", topic_name=f"wickie-{config.stage}-alarms", enforce_ssl=True
        )
        for address in config.alarms.email:
            self._topic.add_subscription(subscriptions.EmailSubscription(address))
        alarms = [
            *self._failures(),
            self._standing("Stuck", STUCK, 1, "run `wickie repair`"),
            self._standing(
                "Repaired", REPAIRS, 1, "a stuck rotation was ended: read why in its log"
            ),
            self._standing("Overdue", OVERDUE, 1, "run `wickie status`, then `wickie rotate`"),
            self._standing("Unreadable", UNREADABLE, 2, "a secret is gone, or no longer ours"),
        ]
        if users := [token.user for token in config.honeytokens if token.user]:
            alarms.append(
                self._standing(
                    "HoneytokenUsed", HONEYTOKENS_USED, 1, "look its user up in CloudTrail: a thief"
                )
            )
            honeytoken_rule(self, config.stage, users, self._topic)
        if config.events:
            alarms.append(self._undelivered())
        self._watch(code_for)
        rotation_dashboard(self, config.stage, alarms)

    def _failures(self) -> Iterator[cloudwatch.Alarm]:
        """A rule and an alarm for as many secrets as a rule's pattern takes."""
        names, number = [secret.name for secret in self._config.secrets], 1
        while names or number == 1:
            lengths = accumulate(len(name) + _LONGEST_PREFIX for name in names)
            few = max(1, sum(length <= _PATTERN for length in lengths))
            yield self._failed(names[:few], "" if number == 1 else str(number))
            names, number = names[few:], number + 1

    def _failed(self, names: Sequence[str], number: str) -> cloudwatch.Alarm:
        """RotationFailed → the topic at once, with Secrets Manager's own words, and an alarm."""
        known = [{"prefix": arn.removesuffix("??????")} for arn in secret_arns(self, names)]
        rule = events.Rule(
            self,
            f"Failed{number}",
            rule_name=f"wickie-{self._config.stage}-rotation-failed{number}",
            description="A rotation failed, or was abandoned",
            # https://docs.aws.amazon.com/secretsmanager/latest/userguide/monitoring-eventbridge.html
            event_pattern=events.EventPattern(
                source=["aws.secretsmanager"],
                detail_type=["AWS Service Event via CloudTrail"],
                detail={
                    "eventName": ["RotationFailed", "RotationAbandoned"],
                    "additionalEventData": {"SecretId": known or [{"prefix": "none"}]},
                },
            ),
        )
        secret = events.EventField.from_path("$.detail.additionalEventData.SecretId")
        name = events.EventField.from_path("$.detail.eventName")
        why = events.EventField.from_path("$.detail.errorMessage")
        rule.add_target(
            targets.SnsTopic(
                self._topic,
                message=events.RuleTargetInput.from_text(f"{name}: {secret}\n{why}"),
            )
        )
        metric = cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="TriggeredRules",
            dimensions_map={"RuleName": rule.rule_name},
            statistic="Sum",
            period=Duration.minutes(5),
        )
        return self._alarm(f"RotationFailed{number}", metric, 1, "read the rotation function's log")

    def _undelivered(self) -> cloudwatch.Alarm:
        metric = cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions_map={"QueueName": undelivered_events(self._config.stage)},
            statistic="Maximum",
            period=Duration.minutes(5),
        )
        remedy = "an event started no run: read the dispatch function's log, then send it again"
        return self._alarm("Undelivered", metric, 1, remedy)

    def _standing(self, id_: str, metric_name: str, hours: int, remedy: str) -> cloudwatch.Alarm:
        metric = cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=metric_name,
            dimensions_map={"stage": self._config.stage},
            statistic="Maximum",
            period=_HOUR,
        )
        return self._alarm(id_, metric, hours, remedy)

    def _alarm(
        self, id_: str, metric: cloudwatch.IMetric, periods: int, remedy: str
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            id_,
            alarm_name=f"wickie-{self._config.stage}-{id_}",
            alarm_description=f"Secrets of stage {self._config.stage}: {remedy}",
            metric=metric,
            threshold=1,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm

    def _watch(self, code_for: CodeFor) -> None:
        names = [secret.name for secret in self._config.secrets]
        users = {token.name: token.user for token in self._config.honeytokens if token.user}
        watched = json.dumps({"secrets": names, "honeytokens": users})
        code = code_for("watch", files={"watched.json": watched})
        watch = LoggedFunction(
            self,
            "Watch",
            name=f"wickie-{self._config.stage}-watch",
            code=lambda_.Code.from_asset(str(code)),
            handler="lambdas.watch.lambda_handler",
            environment={"WICKIE_STAGE": self._config.stage},
            timeout=Duration.minutes(10),
        )
        grant(watch.role, WATCH, {"secretsmanager": secret_arns(self, names)})
        grant(watch.role, HONEYTOKENS, {"iam": [user_arn(self, user) for user in users.values()]})
        events.Rule(
            self,
            "Hourly",
            description="Count the secrets that need a person",
            schedule=events.Schedule.rate(_HOUR),
            targets=[targets.LambdaFunction(watch.function)],
        )
