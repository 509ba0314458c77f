"""An event on the bus becomes a run of a real Prefect server's; what did not is sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.prefect import PrefectServer
from local.prefect_api import prefect_api
from local.server import LocalAws
from local.world import ACCOUNT, REGION
from tests.local.cdk import Cli, synthesised
from tests.until import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
STACK = "WickieResponse-test"
FAILED = {
    "source": ["aws.secretsmanager"],
    "detail-type": ["AWS Service Event via CloudTrail"],
    "detail": {"eventName": ["RotationFailed"]},
}
EVENTS = [
    {"name": "failed", "pattern": FAILED, "deployment": "upkeep"},
    {
        "name": "leak",
        "pattern": {"source": ["wickie"]},
        "deployment": "rotate",
        "parameters": {"secret": "$.detail.secret", "reason": "leak"},
    },
]


@dataclass
class World:
    """The deployed stack, and the server that it starts runs of."""

    aws: LocalAws
    api: httpx.Client

    def client(self, name: str) -> Any:
        return self.aws.world.client(name)

    def queue(self, name: str = "wickie-test-events") -> str:
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def happens(self, source: str, kind: str, **detail: str) -> None:
        entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
        self.client("events").put_events(Entries=[entry])

    def deployment(self, flow: str, name: str) -> None:
        made = self.api.post("/flows/", json={"name": flow}).raise_for_status().json()
        body = {"name": name, "flow_id": made["id"]}
        self.api.post("/deployments/", json=body).raise_for_status()

    def runs(self, flow: str) -> Any:
        wanted = {"flows": {"name": {"any_": [flow]}}}
        return self.api.post("/flow_runs/filter", json=wanted).raise_for_status().json()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("dispatch")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        server = stack.enter_context(PrefectServer(aws.world.processes, home / "prefect"))
        aws.world.client("secretsmanager").create_secret(Name="prefect/key", SecretString="any")
        prefect = {
            "api_url": server.api_url,
            "backend": "self-hosted",
            "auth_string_secret": "prefect/key",
        }
        config = home / "wickie.yaml"
        config.write_text(json.dumps({"stage": "test", "prefect": prefect, "events": EVENTS}))
        cli = Cli(aws, home)
        cli.bootstrap()
        app = synthesised(config, home / "cdk.out")
        cli.works("deploy", STACK, "-e", "--app", app, "--require-approval", "never")
        server.wait()
        yield World(aws, stack.enter_context(prefect_api(server.api_url)))


def test_an_event_starts_the_run_it_is_mapped_to_with_what_it_says(world: World) -> None:
    world.deployment("rotate", "test")
    world.happens("wickie", "Secret Found", secret="shop/db")
    world.happens("other", "Secret Found", secret="shop/other")
    [run] = until(lambda: world.runs("rotate"))
    assert run["parameters"] == {"secret": "shop/db", "reason": "leak"}
    assert sorted(run["tags"]) == ["event", "leak"]
    assert run["idempotency_key"].startswith("rotate/test:leak:")


def test_an_event_that_is_delivered_twice_starts_one_run(world: World) -> None:
    event = {"id": "7f0f", "detail": {"secret": "twice"}}
    body = json.dumps({"name": "leak", "event": event})
    sqs, url = world.client("sqs"), world.queue()
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    until(
        lambda: (
            set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())
            == {"0"}
        )
    )
    runs = [r for r in world.runs("rotate") if r["idempotency_key"] == "rotate/test:leak:7f0f"]
    assert len(runs) == 1


def test_what_could_not_be_started_waits_and_is_started_when_it_is_sent_again(
    world: World,
) -> None:
    sqs, url = world.client("sqs"), world.queue()
    dead = world.queue("wickie-test-events-dlq")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:wickie-test-events-dlq"
    patience = {
        "VisibilityTimeout": "1",  # not three minutes and twenty times, for which no test waits
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2}),
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes=patience)
    kind = "AWS Service Event via CloudTrail"
    world.happens("aws.secretsmanager", kind, eventName="RotationFailed")
    count = "ApproximateNumberOfMessages"

    def waiting() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=[count])
        return bool(found["Attributes"][count] == "1")

    until(waiting)
    logged = world.client("logs").filter_log_events(logGroupName="/aws/lambda/wickie-test-dispatch")
    assert "has no deployment upkeep/test; register it" in str(logged["events"])
    world.deployment("upkeep", "test")
    sqs.start_message_move_task(SourceArn=arn)
    [run] = until(lambda: world.runs("upkeep"))
    assert sorted(run["tags"]) == ["event", "failed"]
