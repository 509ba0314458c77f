"""Event source mappings: Lambda takes messages from queues, and deletes those it was done with."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.sqs.models import sqs_backends

from local.awslambda import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.world import World

_log = logging.getLogger(__name__)
_PAUSE = 0.2
_MOST = 10


def complete(world: World) -> None:
    """Poll the queues of mappings that are enabled."""
    _patch()
    threading.Thread(target=_poll, args=(world,), daemon=True).start()


@cache
def _patch() -> None:
    """Moto invokes whenever a message is sent, and forgets it if the function fails."""
    backend: Any = LambdaBackend
    create = backend.create_event_source_mapping

    def create_event_source_mapping(self: Any, spec: dict[str, Any]) -> Any:
        mapping = create(self, spec)
        for queue in sqs_backends[self.account_id][self.region_name].queues.values():
            queue.lambda_event_source_mappings.clear()
        return mapping

    backend.create_event_source_mapping = create_event_source_mapping


def _poll(world: World) -> None:
    with ThreadPoolExecutor(_MOST) as pool:
        while not world.stopping.wait(_PAUSE):
            for backend, mapping in list(_mappings()):
                with suppress(ClientError):  # the queue may go before its mapping does
                    _receive(world, pool, backend, mapping)


def _receive(world: World, pool: ThreadPoolExecutor, backend: Any, mapping: Any) -> None:
    client = world.client("sqs", backend.region_name)
    url = client.get_queue_url(QueueName=mapping.event_source_arn.rpartition(":")[2])["QueueUrl"]
    most = min(int(mapping.batch_size or _MOST), _MOST)
    received = client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, AttributeNames=["All"]
    )
    if messages := received.get("Messages"):
        pool.submit(_deliver, client, url, backend, mapping, messages)


def _mappings() -> Iterator[tuple[Any, Any]]:
    for account in list(lambda_backends.values()):
        for backend in list(account.values()):
            for mapping in list(backend._event_source_mappings.values()):
                if mapping.enabled and ":sqs:" in mapping.event_source_arn:
                    yield backend, mapping


def _deliver(client: Any, url: str, backend: Any, mapping: Any, messages: list[Any]) -> None:
    """What raises stays in the queue, and is visible again after its visibility timeout."""
    records = [_record(message, mapping.event_source_arn, backend) for message in messages]
    outcome = run(backend.get_function(mapping.function_arn), {"Records": records})
    if outcome.failed:
        _log.info("%s failed on messages of %s", mapping.function_arn, url)
        return
    for message in messages:
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _record(message: dict[str, Any], arn: str, backend: Any) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": backend.region_name,
    }
