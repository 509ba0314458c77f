"""Observe function: Lambda hands it from the queue how containers ended, and Prefect is told."""

from __future__ import annotations

from lambdas.from_queue import each_message
from wickie.registration.observer import observe

lambda_handler = each_message(observe)
