"""
One side of `bench.fleet`, in a process of its own: `python -m bench.fleet_side asyncio|flow COUNT`.

Prints seconds, those of CPU, and the most memory that the process ever had.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Final

from bench.fleet_api import FUNCTION

AT_ONCE: Final = 32


def names(count: int) -> list[str]:
    """What the secrets are called."""
    return [f"bench/{number:05}" for number in range(count)]


async def _bare(count: int) -> None:
    from aiobotocore.config import AioConfig  # noqa: PLC0415  (each side imports its own)
    from aiobotocore.session import get_session  # noqa: PLC0415

    session, config = get_session(), AioConfig(max_pool_connections=64)
    turns = asyncio.Semaphore(AT_ONCE)
    async with (
        session.create_client("secretsmanager", config=config) as secrets,
        session.create_client("lambda", config=config) as functions,
    ):
        made: tuple[Any, Any] = (secrets, functions)
        await asyncio.gather(*(_rotated(*made, turns, name) for name in names(count)))


async def _rotated(secrets: Any, functions: Any, turns: asyncio.Semaphore, name: str) -> None:
    """The calls of wickie's replacement, at the same pauses, and nothing around them."""

    async def verified(version: str) -> None:
        payload = json.dumps({"SecretId": arn, "Action": "verify", "VersionId": version})
        reply = await functions.invoke(FunctionName=FUNCTION, Payload=payload.encode())
        if json.loads(await reply["Payload"].read())["verdict"] != "LIVE":
            raise RuntimeError(f"{name} {version} is not honoured")

    async with turns:
        found = await secrets.describe_secret(SecretId=name)
        arn, (old,) = found["ARN"], found["VersionIdsToStages"]
        await verified(old)
        new = str(uuid.uuid4())
        await secrets.rotate_secret(SecretId=arn, ClientRequestToken=new)
        pause = 0.1
        while True:
            labels = (await secrets.describe_secret(SecretId=arn))["VersionIdsToStages"]
            if "AWSCURRENT" in labels.get(new, ()):
                break
            await asyncio.sleep(pause)
            pause = min(pause * 1.25, 2.0)
        await verified(new)
        await verified(old)


def _flow(count: int) -> tuple[float, float]:
    from flows.rotate_fleet import report_of, rotate_fleet  # noqa: PLC0415
    from wickie.config.fleet import Limits, Selection  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "wickie.yaml"
        like = {"engine": "postgres", "strategy": "alternating-users"}
        secrets = [{"name": name} | like for name in names(count)]
        config.write_text(json.dumps({"stage": "bench", "secrets": secrets}))
        everything, limits = Selection(everything=True), Limits(at_once=AT_ONCE)
        began, before = time.perf_counter(), time.process_time()
        state = rotate_fleet(everything, config, limits=limits, return_state=True)
        cost = time.perf_counter() - began, time.process_time() - before
    report = report_of(state)
    if report is None or not state.is_completed() or len(report.rows) != count:
        raise RuntimeError(str(state.message))
    return cost


def main() -> None:
    """Run the side that the command line names."""
    side, count = sys.argv[1], int(sys.argv[2])
    if side == "flow":
        seconds, cpu = _flow(count)
    else:
        began, before = time.perf_counter(), time.process_time()
        asyncio.run(_bare(count))
        seconds, cpu = time.perf_counter() - began, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak}))


if __name__ == "__main__":
    main()
