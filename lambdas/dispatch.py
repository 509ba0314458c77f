"""Dispatch function: Lambda hands it events from the queue, for each of which a flow runs."""

from __future__ import annotations

from lambdas.from_queue import each_message
from wickie.dispatch import dispatch

lambda_handler = each_message(dispatch)
