"""Stages that the CDK CLI has deployed, and the one Prefect server that was told of them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from local.prefect import EcsWorker, PrefectServer
from tests.local.cdk import Cli, synthesised
from tests.until import until
from wickie.cli import app as wickie
from wickie.deployment import Deployment
from wickie.registration.work_pool import WorkPool

if TYPE_CHECKING:
    import httpx

ROOT = Path(__file__).resolve().parents[2]
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class Place:
    """A local AWS that is bootstrapped, and a Prefect server with its client."""

    cli: Cli
    server: PrefectServer
    prefect: httpx.Client

    def stage(self, name: str, prefect: dict[str, str], **more: Any) -> Stage:
        """Write its wickie.yaml, and synthesise it; whoever asks deploys it."""
        config = self.cli.folder / f"{name}.yaml"
        home = {"home": str(ROOT), "config": str(config), "api_url": self.server.api_url}
        document = {"stage": name, "retain": False, "prefect": {**home, **prefect}, **more}
        config.write_text(json.dumps(document))
        return Stage(self, name, config, synthesised(config, self.cli.folder / f"{name}.out"))


@dataclass(frozen=True)
class Stage:
    """What an operator does with one."""

    place: Place
    name: str
    config: Path
    app: str

    def cdk(self, command: str, *options: str) -> str:
        return self.place.cli.works(command, "--all", "--app", self.app, *options)

    def client(self, service: str) -> Any:
        return self.place.cli.aws.world.client(service)

    @property
    def cluster(self) -> str:
        return WorkPool.parse(Deployment.load(self.client("ssm"), self.name).work_pool).cluster

    def found(self, path: str) -> Any:
        return self.place.prefect.get(path).raise_for_status().json()

    def ask(self, path: str, body: object) -> Any:
        reply = self.place.prefect.post(path, json=body).raise_for_status()
        return reply.json() if reply.content else None

    def wickie(self, *arguments: str) -> str:
        """Run the program as on a laptop, with this stage's wickie.yaml."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.place.cli.aws.environment().items():
                patch.setenv(name, value)
            done = CliRunner().invoke(wickie, [*arguments, "--config", str(self.config)])
        assert done.exit_code == 0, done.output
        return done.output

    def register(self, *options: str) -> str:
        return self.wickie("register", *options, "--prefect-yaml", str(ROOT / "prefect.yaml"))

    def worker(self, queue: str) -> EcsWorker:
        aws = self.place.cli.aws
        return EcsWorker(
            aws.world.processes,
            self.place.server,
            self.place.cli.folder / f"{self.name}-worker",
            pool=f"wickie-{self.name}",
            queue=queue,
            # Without a key of its own, prefect-aws breaks on prefect_api_key_secret_arn.
            aws={**aws.environment(), "PREFECT_API_KEY": "any"},
        )

    def start(self, flow: str, **parameters: Any) -> str:
        """Start a run of one of its deployments; returns its id."""
        deployment = self.found(f"/deployments/name/{flow}/{self.name}")
        path = f"/deployments/{deployment['id']}/create_flow_run"
        return str(self.ask(path, {"parameters": parameters})["id"])

    def ended(self, run: str, seconds: float) -> Any:
        """The state that a run ends in."""

        def final() -> Any:
            state = self.found(f"/flow_runs/{run}")["state"]
            return state if state["type"] in FINAL else None

        return until(final, seconds)

    def task_of(self, run: str, *earlier: str) -> str:
        """The ECS task of a run, once it is there and Prefect knows of it."""

        def noted() -> str | None:
            _, _, task = (self.found(f"/flow_runs/{run}")["infrastructure_pid"] or "").partition(
                "::"
            )
            return task if task not in ("", *earlier) else None

        return str(until(noted))

    def killed(self, run: str) -> float:
        """Kill the container of a run once it is up; seconds until Prefect knew it CRASHED."""
        task = self.task_of(run)
        ecs, arguments = self.client("ecs"), {"cluster": self.cluster, "tasks": [task]}
        until(lambda: ecs.describe_tasks(**arguments)["tasks"][0]["lastStatus"] == "RUNNING")
        self.place.cli.aws.world.processes.kill("LOCAL_ECS_TASK", task.rsplit("/", 1)[-1])
        began = time.monotonic()
        assert self.ended(run, 30)["type"] == "CRASHED"
        return time.monotonic() - began
