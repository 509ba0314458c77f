"""The demo, act by act: deploy, rotate by schedule, leak, scan, contain, look for what is left."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import yaml
from rich.table import Table

from local.demo import leaks
from local.demo.audit import plaintext_found
from local.demo.follow import FlowRun, follow
from local.demo.shop import BUCKET, CLUSTER, MASTER, SECRET, SERVICE, Shop
from local.demo.stage import ROOT, Stage, StageError
from local.prefect import EcsWorker, PrefectServer
from wickie.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

STACKS: Final = (
    "WickieNetwork-demo",
    "WickieData-demo",
    "WickieRotation-demo",
    "WickieWorkPool-demo",
    "WickieObservability-demo",
)
POOL: Final = "wickie-demo"
QUEUE: Final = "wickie-demo-task-events"
_SCHEDULE: Final = timedelta(days=30)
_PATIENCE: Final = 60.0


class Story:
    """Tells the demo on a console, and writes `summary.json` into the stage's folder."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._summary: dict[str, Any] = {}

    def tell(self, stage: Stage, *, keep: bool = False) -> int:
        """Play, and end the stage; returns 0 if the loop closed, 1 if a promise was broken."""
        with stage:
            broken = self.play(stage)
            if keep:
                self._keep_running()
        return 1 if broken else 0

    def play(self, stage: Stage) -> list[str]:
        """Play every act; returns the promises that were broken."""
        self.stage = stage
        self._repository = stage.folder / "shop-repository"
        self._set_the_scene()
        self._first_rotation()
        self._leak()
        self._nightly_scan()
        self._judge()
        return self._conclude()

    def _set_the_scene(self) -> None:
        stage = self.stage
        with self._act("a local AWS and PostgreSQL are up; the shop is open"):
            self.shop = Shop.found(stage.world, stage.postgres)
            self._write_configuration()
        self.prefect = PrefectServer(stage.processes, stage.scratch / "prefect")
        stage.enter(self.prefect)  # takes seconds to start, while cdk works
        with self._act("cdk bootstrap"):
            stage.bootstrap()
        with self._act("cdk deploy --all"):
            stage.cdk("deploy", "--all", "--require-approval=never", log="cdk-deploy.log")
        with self._act("Prefect: work pool and deployments registered, ECS worker started"):
            self.prefect.wait()
            self._register()
        self._summary["stacks"] = list(STACKS)

    def _register(self) -> None:
        environment = {
            **self.prefect.environment(),
            "WICKIE_STAGE": "demo",
            "WICKIE_HOME": str(ROOT),
            "WICKIE_CONFIG": str(self.stage.folder / "wickie.yaml"),
        }
        register = ("python", "-m", "flows.work_pool", "--stage", "demo")
        self.stage.run(*register, log="prefect-deploy.log", **environment)
        self.stage.run(
            "prefect", "--no-prompt", "deploy", "--all", log="prefect-deploy.log", **environment
        )
        worker = EcsWorker(
            self.stage.processes,
            self.prefect,
            self.stage.scratch / "worker",
            pool=POOL,
            queue=QUEUE,
            aws=self.stage.world.child_environment(),
        )
        self.stage.enter(worker)
        worker.wait()

    def _first_rotation(self) -> None:
        shop, before = self.shop, self.shop.version()
        with self._act("30 days pass: the schedule rotates the secret, the shop is refreshed"):
            self._wait("the shop", shop.steady)
            deployment = shop.deployment()
            self.stage.advance_clock(_SCHEDULE.total_seconds() + 86400)
            self._wait("the scheduled rotation", lambda: shop.version() != before)
            self._wait("the refreshed shop", lambda: shop.steady(after=deployment))

    def _leak(self) -> None:
        self._leaked = str(self.shop.version())
        with self._act("someone leaks the new value: a log in S3, a git commit, a task definition"):
            leaks.plant(self.stage.world, self._repository, self.shop.value(self._leaked))

    def _nightly_scan(self) -> None:
        with self._act("the nightly scan, as an ECS task"):
            began = time.monotonic()
            run = follow(self.prefect.api_url, "nightly-scan/demo", self._note)
            seconds = round(time.monotonic() - began, 1)
        self._report = self._fetch_report(run)
        scan = self._report["scan"]
        self._summary["scan"] = {
            "state": run.state,
            "findings": len(scan["findings"]),
            "bytes": scan["bytes_scanned"],
            "seconds": seconds,
        }

    def _judge(self) -> None:
        """Ask PostgreSQL, the service and every log; wickie's word alone is not enough."""
        shop, (rotation, *_) = self.shop, self._report["rotations"]
        found = (f for f in self._report["scan"]["findings"] if f["managed"])
        self._summary |= {
            "leaks": [
                {
                    "source": f["source"],
                    "location": _place(f["location"]),
                    "secret": SECRET,
                    "stage": f["managed"]["stage"],
                }
                for f in found
            ],
            "rotation": {k: rotation[k] for k in ("strategy", "from_version", "to_version")},
            "old_credential": "LIVE" if shop.honours(self._leaked) else "DEAD",
            "new_credential": "LIVE" if shop.honours(str(shop.version())) else "DEAD",
            "dependents": [{k: d[k] for k in ("name", "state")} for d in rotation["dependents"]],
            "leak_to_dead_seconds": _leak_to_dead(rotation["timeline"]),
            "report": str(self.stage.folder / "report.html"),
        }
        self._wait("a last login", lambda: shop.logins()["attempted"] > 0)
        self._summary["logins"] = shop.logins()
        with self._act("every log, database, bucket, template and file searched for plaintext"):
            self._summary["plaintext_found_in"] = self.search()

    def search(self) -> list[str]:
        """Name every place that holds one of the demo's passwords."""
        shop, stage = self.shop, self.stage
        versions = {self._leaked, str(shop.version())}
        passwords = [shop.value(version)["password"] for version in versions]
        passwords.append(stage.postgres.admin.password.reveal())
        folders = [
            path for path in stage.folder.iterdir() if path.is_dir() and path != self._repository
        ]
        found = plaintext_found(stage.world, passwords, [*folders, stage.scratch])
        log = stage.postgres.log_text()
        return found + ["PostgreSQL's log"] * any(password in log for password in passwords)

    def _conclude(self) -> list[str]:
        summary = self._summary
        promises = {
            "the leak was not found in all three places": len(summary["leaks"])
            >= len(leaks.PLACES),
            "the old credential is not dead": summary["old_credential"] == "DEAD",
            "the new credential is not live": summary["new_credential"] == "LIVE",
            "logins were refused": summary["logins"]["refused"] == 0,
            "plaintext was found": not summary["plaintext_found_in"],
            "a dependent did not come back": all(
                d["state"] == "REFRESHED" for d in summary["dependents"]
            ),
        }
        broken = [text for text, kept in promises.items() if not kept]
        self.stage.folder.joinpath("summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        self._show(broken)
        return broken

    def _show(self, broken: list[str]) -> None:
        summary, table = self._summary, Table(show_header=False, box=None, pad_edge=False)
        for leak in summary["leaks"]:
            table.add_row("leak", f"{leak['secret']} ({leak['stage']}) in {leak['location']}")
        rotation = summary["rotation"]
        table.add_row(
            "rotation",
            f"{rotation['strategy']}: {rotation['from_version']} → {rotation['to_version']}",
        )
        table.add_row("old credential", f"{summary['old_credential']} (asked of PostgreSQL)")
        table.add_row("new credential", f"{summary['new_credential']} (asked of PostgreSQL)")
        for dependent in summary["dependents"]:
            table.add_row("dependent", f"{dependent['name']} {dependent['state']}")
        logins = summary["logins"]
        table.add_row("logins", f"{logins['attempted']} attempted, {logins['refused']} refused")
        table.add_row("leak to dead", f"{summary['leak_to_dead_seconds']} s")
        table.add_row("plaintext", "; ".join(summary["plaintext_found_in"]) or "found nowhere")
        table.add_row("report", f"file://{summary['report']}")
        self._console.print()
        self._console.print(table)
        for text in broken:
            self._console.print(f"[red]BROKEN: {text}[/red]")

    def _keep_running(self) -> None:
        self._console.print(
            f"\nPrefect UI  {self.prefect.ui_url}\nlocal AWS   {self.stage.world.endpoint}\n"
            "Left running; Ctrl-C ends it all."
        )
        while True:
            time.sleep(3600)

    def _write_configuration(self) -> None:
        dependent = {"kind": "ecs-service", "cluster": CLUSTER, "service": SERVICE}
        document = {
            "stage": "demo",
            "retain": False,
            "secrets": [
                {
                    "name": SECRET,
                    "engine": "postgres",
                    "strategy": "alternating-users",
                    "master": MASTER,
                    "schedule": f"rate({_SCHEDULE.days} days)",
                    "dependents": [dependent],
                }
            ],
            "scan": {
                "targets": [
                    {"kind": "s3", "bucket": BUCKET},
                    {"kind": "git", "path": str(self._repository)},
                    {"kind": "ecs-task-definition", "prefix": "shop"},
                    {"kind": "lambda-environment"},
                ]
            },
        }
        self.stage.folder.joinpath("wickie.yaml").write_text(
            yaml.safe_dump(document, sort_keys=False)
        )

    def _fetch_report(self, run: FlowRun) -> dict[str, Any]:
        world = self.stage.world
        bucket = Deployment.load(world.client("ssm"), "demo").results_bucket
        pages = world.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for item in (item for page in pages for item in page.get("Contents", [])):
            if f"/run={run.id}/" in item["Key"]:
                body = world.client("s3").get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                self.stage.folder.joinpath(item["Key"].rpartition("/")[2]).write_bytes(body)
        try:
            report: dict[str, Any] = json.loads(
                self.stage.folder.joinpath("report.json").read_text()
            )
        except FileNotFoundError:
            raise StageError(f"the nightly scan ended {run.state}: {run.message}") from None
        return report

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not ready():
            if time.monotonic() > deadline:
                raise StageError(f"waited {_PATIENCE:.0f} s in vain for {what}")
            time.sleep(0.2)

    @contextmanager
    def _act(self, title: str) -> Iterator[None]:
        yield
        self._console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/dim]  {title}")

    def _note(self, text: str) -> None:
        self._console.print(f"[dim]          {text}[/dim]")


def _place(location: dict[str, Any]) -> str:
    return f"{location['uri']}:{location['line']}" if location["line"] else str(location["uri"])


def _leak_to_dead(timeline: list[dict[str, str]]) -> float:
    at = {entry["step"]: datetime.fromisoformat(entry["at"]) for entry in timeline}
    return round((at["prove old dead"] - at["leak seen"]).total_seconds(), 2)
