"""Runs the shards of a scan as flow runs of their own, and runs again those that are lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Final, cast
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Cancelling

from wickie.errors import ConfigError
from wickie.scan.shard import Shard

_POLL: Final = 5.0
_PATIENCE: Final = timedelta(hours=6)
"""After so long a run is lost: one that no worker has taken up waits for ever."""
_ATTEMPTS: Final = 3


@dataclass
class _Attempt:
    """A flow run that is to scan a shard."""

    run: UUID
    number: int
    begun: float


@dataclass(frozen=True)
class Lost:
    """A shard that no attempt could scan, and what became of the last one."""

    shard: Shard
    why: str


@dataclass(frozen=True)
class ShardRuns:
    """The shard runs of one scan."""

    config: Path
    stage: str
    run_id: str

    @property
    def deployment(self) -> str:
        """Of prefect.yaml."""
        return f"scan-shard/{self.stage}"

    def completed(self, shards: Sequence[Shard]) -> Iterator[Shard | Lost]:
        """
        Start them all, and yield each shard as soon as its run has completed, or cannot.

        Raises `ConfigError` where the deployment is not registered.
        """
        running = {shard: self._start(shard, 1) for shard in shards}
        while running:
            sleep(_POLL)
            for shard, attempt in list(running.items()):
                if (end := self._ended(attempt)) is None:
                    continue
                del running[shard]
                if end == "":
                    yield shard
                elif attempt.number < _ATTEMPTS:
                    number = attempt.number + 1
                    told = (shard.index, shard.of, attempt.number, end)
                    get_run_logger().warning("shard %d of %d, attempt %d: %s", *told)
                    running[shard] = self._start(shard, number)
                else:
                    yield Lost(shard, f"lost {attempt.number} times, the last time {end}")

    def _start(self, shard: Shard, number: int) -> _Attempt:
        try:
            # In this thread, one after the other: Prefect numbers the runs that a run starts.
            run = run_deployment(
                self.deployment,
                parameters={
                    "run": self.run_id,
                    "index": shard.index,
                    "of": shard.of,
                    "config": str(self.config),
                },
                timeout=0,
                idempotency_key=f"{self.run_id} {shard.index} {number}",
            )
        except ObjectNotFound:
            raise ConfigError(
                f"Prefect has no deployment {self.deployment} to scan {shard.of} shards; run "
                f"prefect deploy --all, or take scan.shard_gb out of wickie.yaml"
            ) from None
        return _Attempt(cast("FlowRun", run).id, number, monotonic())

    def _ended(self, attempt: _Attempt) -> str | None:
        """How it ended, `""` if well; None while it goes on."""
        with get_client(sync_client=True) as client:
            run: FlowRun = client.read_flow_run(attempt.run)
            state = run.state
            if state and state.is_final():
                return "" if state.is_completed() else f"{state.type.value}: {state.message}"
            if monotonic() - attempt.begun < _PATIENCE.total_seconds():
                return None
            client.set_flow_run_state(attempt.run, Cancelling())
        return f"not done after {_PATIENCE}"
