"""Event source mappings: Lambda takes messages from queues, and deletes those it was done with."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

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
    """Ask moto itself: calls over HTTP would be those of somebody's."""
    with ThreadPoolExecutor(_MOST) as pool:
        while not world.stopping.wait(_PAUSE):
            for backend, mapping in list(_mappings()):
                if messages := _received(mapping):
                    pool.submit(_deliver, backend, mapping, messages)


def _mappings() -> Iterator[tuple[Any, Any]]:
    for account in list(lambda_backends.values()):
        for backend in list(account.values()):
            for mapping in list(backend._event_source_mappings.values()):
                if mapping.enabled and ":sqs:" in mapping.event_source_arn:
                    yield backend, mapping


def _queue(mapping: Any) -> tuple[Any, str]:
    _, _, _, region, account, name = mapping.event_source_arn.split(":")
    return sqs_backends[account][region], name


def _received(mapping: Any) -> list[Any]:
    backend, name = _queue(mapping)
    if not (queue := backend.queues.get(name)):
        return []  # it may go before its mapping does
    most = min(int(mapping.batch_size or _MOST), _MOST)
    messages: list[Any] = backend.receive_message(name, most, 0, queue.visibility_timeout)
    return messages


def _deliver(backend: Any, mapping: Any, messages: list[Any]) -> None:
    """What raises stays in the queue, and is visible again after its visibility timeout."""
    records = [_record(message, mapping) for message in messages]
    outcome = run(backend.get_function(mapping.function_arn), {"Records": records})
    if outcome.failed:
        _log.info("%s failed on messages of %s", mapping.function_arn, mapping.event_source_arn)
        return
    queues, name = _queue(mapping)
    for message in messages:
        queues.delete_message(name, message.receipt_handle)


def _record(message: Any, mapping: Any) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.approximate_receive_count)},
        "messageAttributes": {},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.event_source_arn,
        "awsRegion": mapping.region,
    }
