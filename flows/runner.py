"""How wickie's work runs under Prefect: steps as tasks, retries, and what may be said of errors."""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from prefect import State, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.logging.filters import redact_substr
from prefect.runtime import deployment
from prefect.settings import get_current_settings
from prefect.states import Failed

from wickie.asking import asking
from wickie.errors import Error

T = TypeVar("T")

_DELAYS: Final = [0.5, 2.0]


def is_retryable(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001  (Prefect's signature)
    """Retry exactly what says of itself that a retry may help."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, Error) and error.retryable


@contextmanager
def told_safely(what: str) -> Iterator[None]:
    """
    Let wickie's errors through, put AWS's in its words; of others tell but their kind and place.

    Prefect copies an exception's text into states, events, logs and results, and a library may
    quote in it the very value it failed on.
    """
    try:
        with asking(what):
            yield
    except Error:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, its text is not to be trusted)
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "site-packages" not in frame.filename][-1]
        place = f"{Path(ours.filename).name}:{ours.lineno}"
        raise Error(f"{what} broke unexpectedly ({type(error).__name__} in {place})") from None


@task(
    name="step",
    task_run_name="{name}",
    retries=len(_DELAYS),
    retry_delay_seconds=_DELAYS,
    retry_condition_fn=is_retryable,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def step(name: str, action: Callable[[], T]) -> T:
    """Run one step of a procedure; `action` is closed over its arguments, so none is recorded."""
    with told_safely(name):
        return action()


def as_task(name: str, action: Callable[[], T], /) -> T:
    """Run a step as a task of its own: wickie's `StepRunner` under Prefect."""
    return step(name, action)


def within_task(name: str, action: Callable[[], T], /) -> T:
    """Run a step with the retries of `as_task`, and no task run: those of a thousand secrets."""
    for delay in _DELAYS:
        try:
            with told_safely(name):
                return action()
        except Error as error:
            if not error.retryable:
                raise
        time.sleep(delay)
    with told_safely(name):
        return action()


def failed(error: Error) -> State[Any]:
    """End a flow with the error's one line as its message; returned, not raised: no traceback."""
    return Failed(message=str(error), data=error)


def artifact_key(name: str) -> str:
    """
    What an artifact of a run is known by at a server that several stages share.

    Deployments are named by their stage; a run without one is its only user's.
    """
    stage = re.sub(r"[^a-z0-9]+", "-", (deployment.name or "").lower()).strip("-")
    return f"{name}-{stage}" if stage else name


class AuthStringFilter(logging.Filter):
    """Takes the server's user:password out of log records; Prefect does so for API keys only."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact, and let every record pass."""
        if auth := get_current_settings().api.auth_string:
            record.msg = redact_substr(record.msg, auth.get_secret_value())
            record.args = redact_substr(record.args, auth.get_secret_value())
        return True


def redact_logs() -> None:
    """Put the filter on every handler Prefect logs through; once is enough."""
    for name in ("", "prefect", "prefect.flow_runs", "prefect.task_runs"):
        for handler in logging.getLogger(name).handlers:
            if not any(isinstance(known, AuthStringFilter) for known in handler.filters):
                handler.addFilter(AuthStringFilter())
