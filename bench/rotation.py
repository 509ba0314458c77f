"""What a step of rotation costs in a new process and in a warm one, and what is uploaded."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.function import Account
from local.postgres import Postgres
from local.server import LocalAws
from stacks.packaging import archive, build
from wickie.rotation.driver import Step

if TYPE_CHECKING:
    from bench.function import Function

TITLE: Final = "Rotation: one step, single user, real PostgreSQL over TLS"
_COLD_RUNS: Final = 9
_WARM_RUNS: Final = 10


def table() -> list[dict[str, Any]]:
    """Measure: one row for each step, and the size of the zip."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalAws() as aws,
        Postgres(aws.world.processes) as postgres,
    ):
        account, folder = Account(aws), build("postgres", Path(scratch))
        size = f"{len(archive(folder)) / 1000:.0f} kB"
        secret = account.store(postgres.admin.to_secret_string())
        function = account.wickie(folder, "single-user")
        cold = [cold_step(account, secret, function) for _ in range(_COLD_RUNS)]
        warm = warm_steps(account, secret, function, _WARM_RUNS)
    rows = [{"step": "new process, import and createSecret", "median": median_ms(cold)}]
    rows += [{"step": f"{step.value}, warm", "median": median_ms(warm[step])} for step in Step]
    return [*rows, {"step": "zip with driver, without boto3", "median": size}]


def median_ms(seconds: list[float]) -> str:
    """Render the median of some times."""
    return f"{statistics.median(seconds) * 1000:.0f} ms"


def cold_step(account: Account, secret: str, function: Function) -> float:
    """Seconds of createSecret with the start of a process before it."""
    token, began = account.begin(secret), time.perf_counter()
    with function:
        function.carry_out(Step.CREATE, secret, token)
        return time.perf_counter() - began


def warm_steps(
    account: Account, secret: str, function: Function, rotations: int
) -> dict[Step, list[float]]:
    """Seconds of each step in a process that has done them all once before."""
    found: dict[Step, list[float]] = {step: [] for step in Step}
    with function:
        account.rotate(secret, function)
        for _ in range(rotations):
            token = account.begin(secret)
            for step in Step:
                began = time.perf_counter()
                function.carry_out(step, secret, token)
                found[step].append(time.perf_counter() - began)
    return found
