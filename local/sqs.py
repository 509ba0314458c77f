"""SQS: what waits in a dead-letter queue is moved back to where it came from."""

from __future__ import annotations

import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.responses import SQSResponse

if TYPE_CHECKING:
    from local.world import World


def complete(world: World) -> None:  # noqa: ARG001  (queues are moto's)
    """Add StartMessageMoveTask, which is done when it answers."""
    _patch()


@cache
def _patch() -> None:
    response: Any = SQSResponse
    response.start_message_move_task = _start_message_move_task


def _start_message_move_task(self: Any) -> ActionResult:
    queues = list(self.sqs_backend.queues.values())
    dead = next((q for q in queues if q.queue_arn == self._get_param("SourceArn")), None)
    origin = next((q for q in queues if dead and q.dead_letter_queue is dead), None)
    if dead is None or origin is None:
        raise QueueDoesNotExist
    for message in list(dead._messages):
        dead._messages.remove(message)
        message.approximate_receive_count, message.visible_at = 0, 0.0
        origin.add_message(message)
    return ActionResult({"TaskHandle": str(uuid.uuid4())})
