"""Flows that end in every way there is, and the prefect.yaml that deploys them."""

from __future__ import annotations

from pathlib import Path

FLOWS = """
import os, signal, time
from prefect import flow, task
from prefect.runtime import flow_run
from prefect.transactions import transaction

@task
def double(n: int) -> int:
    return n * 2

@flow
def hello(n: int) -> int:
    print(f"first line {time.time()}", flush=True)
    home = os.path.expanduser(os.environ["PREFECT_HOME"])
    assert home == os.environ["HOME"] + "/.prefect", "the worker's home was handed down"
    return double(n)

@flow
def sleeps():
    print("asleep", flush=True)
    time.sleep(600)

@task
def half():
    print("half done", flush=True)

@half.on_rollback
def undo(_):
    print("undone", flush=True)

@flow
def stopped():
    if flow_run.run_count > 1:
        return
    with transaction():
        half()
        time.sleep(600)

@flow
def deaf():
    if flow_run.run_count > 1:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    time.sleep(600)
"""


def prefect_yaml() -> str:
    """Our prefect.yaml, with flows that end soon instead of wickie's."""
    ours, _, _ = (
        Path(__file__).parents[2].joinpath("prefect.yaml").read_text().partition("deployments:")
    )
    deployments = "".join(
        f"""
  - name: trivial
    entrypoint: trivial.py:{flow}
    work_pool:
      name: wickie-{{{{ $WICKIE_STAGE }}}}
"""
        for flow in ("hello", "sleeps", "stopped", "deaf")
    )
    return f"{ours}deployments:{deployments}"
