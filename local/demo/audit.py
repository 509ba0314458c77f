"""The search for plaintext: every place the demo's passwords must not have reached."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from local.demo.shop import BUCKET
from wickie.fingerprints import encodings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from local.world import World

_PLANTED_FAMILY = "shop-report"


def plaintext_found(world: World, passwords: Iterable[str], folders: Iterable[Path]) -> list[str]:
    """
    Name each place that holds one of `passwords`, in any encoding a scanner would know.

    Looks at CloudWatch Logs, S3, DynamoDB, SSM, CloudFormation templates and events, Lambda
    environments, ECS tasks and definitions, and every file under `folders` (Prefect's database
    among them). The planted leaks are left out: they are meant to hold it.
    """
    needles = {needle for value in passwords for needle in encodings(value).values()}
    places = chain(_account(world), _files(folders))
    return [place for place, content in places if any(needle in content for needle in needles)]


def _account(world: World) -> Iterator[tuple[str, bytes]]:
    yield from _logs(world)
    yield from _objects(world)
    yield from _stacks(world)
    for name in world.client("dynamodb").list_tables()["TableNames"]:
        yield f"dynamodb:{name}", _dump(world.client("dynamodb").scan(TableName=name)["Items"])
    parameters = world.client("ssm").describe_parameters()["Parameters"]
    for name in (parameter["Name"] for parameter in parameters):
        yield f"ssm:{name}", _dump(world.client("ssm").get_parameter(Name=name))
    functions = world.client("lambda").list_functions()["Functions"]
    yield from ((f"lambda:{function['FunctionName']}", _dump(function)) for function in functions)
    yield from _tasks(world)


def _logs(world: World) -> Iterator[tuple[str, bytes]]:
    client = world.client("logs")
    for group in client.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=name):
            yield f"logs:{name}", _dump([event["message"] for event in page["events"]])


def _objects(world: World) -> Iterator[tuple[str, bytes]]:
    client = world.client("s3")
    for bucket in (b["Name"] for b in client.list_buckets()["Buckets"] if b["Name"] != BUCKET):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for item in page.get("Contents", []):
                body = client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                yield f"s3://{bucket}/{item['Key']}", body


def _stacks(world: World) -> Iterator[tuple[str, bytes]]:
    client = world.client("cloudformation")
    for stack in client.describe_stacks()["Stacks"]:
        name = stack["StackName"]
        yield f"cloudformation:{name}", _dump([stack, client.get_template(StackName=name)])
        yield (
            f"cloudformation:{name} events",
            _dump(client.describe_stack_events(StackName=name)["StackEvents"]),
        )


def _tasks(world: World) -> Iterator[tuple[str, bytes]]:
    client = world.client("ecs")
    for cluster in client.list_clusters()["clusterArns"]:
        for status in ("RUNNING", "STOPPED"):
            tasks = client.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
            if tasks:
                yield f"ecs:{cluster}", _dump(client.describe_tasks(cluster=cluster, tasks=tasks))
    for arn in client.list_task_definitions()["taskDefinitionArns"]:
        if f"/{_PLANTED_FAMILY}:" not in arn:
            yield f"ecs:{arn}", _dump(client.describe_task_definition(taskDefinition=arn))


def _files(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes()


def _dump(value: object) -> bytes:
    return json.dumps(value, default=str, ensure_ascii=False).encode()
