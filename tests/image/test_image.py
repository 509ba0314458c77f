"""What the Dockerfile makes, made by its own steps without Docker, and a flow run with it."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from local.prefect import PrefectServer
from local.server import LocalAws
from tests import deployed
from tests.image import dockerfile
from tests.image.sandbox import GO_MODULES, ROOT, SCRATCH, Sandbox, can_mount

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GRYPE = "github.com/anchore/grype/@v/v0.115.0.zip"
STAGES = dockerfile.read(ROOT / "Dockerfile")
FLOW = """
import sys
from pathlib import Path
from flows.nightly_scan import nightly_scan
from wickie.scan.detectors import kingfisher

state = nightly_scan(Path(sys.argv[1]), return_state=True)
print("STATE", state.type.value, state.message)
print("RULES", kingfisher.cache_status())
"""


def test_nothing_in_it_runs_as_root_and_signals_reach_the_flow() -> None:
    last = STAGES[-1]
    assert last.user == "10001"
    assert last.entrypoint == ["tini", "-g", "--"]


def test_the_bases_can_be_pinned_and_have_a_tag_until_then() -> None:
    assert {stage.base for stage in STAGES} == {"python:3.12-slim", "golang:1.26.8"}
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${GO}", "${PYTHON}", "${PYTHON}"]


def test_uv_is_the_one_that_the_project_uses_everywhere() -> None:
    (installed,) = re.findall(r"uv==([\d.]+)", (ROOT / "Dockerfile").read_text())
    assert f"UV_VERSION := {installed}\n" in (ROOT / "Makefile").read_text()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=str(ROOT / "build/tools/bin"))
    if not hadolint:
        pytest.skip("hadolint is not here; `make tools` installs it beside the project")
    done = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The last stage's file system, after every step of every stage."""
    if not can_mount():
        pytest.skip("the image's steps need mounts of their own: root on Linux, with util-linux")
    go = STAGES[0].base.removeprefix("golang:")
    if f"go{go} " not in _go_version():
        pytest.skip(f"Grype's digest is of Go {go}, which is not here")
    if not (GO_MODULES / GRYPE).exists():
        pytest.skip(f"Grype's source is not here; bring it once by the command of {STAGES[0].name}")
    folder = tmp_path_factory.mktemp("image")
    made: dict[str, Sandbox] = {}
    for number, stage in enumerate(STAGES):
        sandbox = made[stage.name] = Sandbox(folder / str(number)).make()
        for step in stage.steps:
            sandbox.perform(step, made)
    yield sandbox
    shutil.rmtree(folder, ignore_errors=True)


def _go_version() -> str:
    go = shutil.which("go")
    answer = go and subprocess.run([go, "version"], capture_output=True, text=True, check=False)
    return answer.stdout if answer else ""


@pytest.fixture(scope="module")
def world(image: Sandbox) -> Iterator[SimpleNamespace]:
    """A local AWS with a stage, a Prefect server, and the environment of a container in it."""
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        deployed.stage(aws.world.client, "image")
        server = PrefectServer(aws.world.processes, image.folder / "prefect")
        stack.enter_context(server)
        server.wait()
        environment = {
            **aws.environment(),
            **server.environment(),
            **{n: v.replace("$PATH", "/usr/bin:/bin") for n, v in STAGES[-1].environment.items()},
        }
        yield SimpleNamespace(environment=environment, s3=aws.world.client("s3"))


def run(image: Sandbox, world: SimpleNamespace, *command: str) -> Any:
    done = image.run(
        ["sh", "-c", 'cd /opt/wickie && exec "$@"', "sh", *command],
        world.environment,
        STAGES[-1].user,
        read_only=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_a_scan_runs_in_it_read_only_as_nobody_and_compiles_no_rules(
    image: Sandbox, world: SimpleNamespace
) -> None:
    planted = image.folder / "tmp" / "logs"
    planted.mkdir()
    key = f"AKIA{secrets.token_hex(8).upper()}"
    (planted / "app.log").write_text(f"aws_access_key_id={key}\npassword={secrets.token_hex(16)}\n")
    config = {
        "stage": "image",
        "scan": {"targets": [{"kind": "directory", "path": f"{SCRATCH}/logs"}]},
    }
    (image.folder / "tmp" / "wickie.yaml").write_text(json.dumps(config))
    done = run(image, world, "python", "-c", FLOW, f"{SCRATCH}/wickie.yaml")
    assert "STATE COMPLETED" in done.stdout, done.stdout + done.stderr
    assert "RULES loaded" in done.stdout
    assert "compiled at every start" not in done.stdout + done.stderr
    listed = world.s3.list_objects_v2(Bucket="results")["Contents"]
    (name,) = [each["Key"] for each in listed if each["Key"].endswith("report.json")]
    report = json.loads(world.s3.get_object(Bucket="results", Key=name)["Body"].read())
    assert [f["location"]["uri"] for f in report["scan"]["findings"]]
    assert key not in json.dumps(report)


def test_it_holds_what_flows_need_and_nothing_of_the_workshop(
    image: Sandbox, world: SimpleNamespace
) -> None:
    for absent in ("moto", "pytest", "aws_cdk", "local", "stacks", "lambdas"):
        script = f"import importlib.util as u, sys; sys.exit(u.find_spec({absent!r}) is not None)"
        run(image, world, "python", "-c", script)
    run(image, world, "wickie", "--help")
    run(image, world, "python", "-m", "wickie.vulnerabilities.program", "trivy", "grype")
    assert "0.115.0" in run(image, world, "grype", "version").stdout


def test_the_disk_is_indeed_read_only_but_for_tmp(image: Sandbox, world: SimpleNamespace) -> None:
    script = "for f in /opt/wickie/a /opt/rules/a /var/tmp/a; do ! touch $f || exit 1; done"
    run(image, world, "sh", "-c", f"{script} 2>&1; touch /tmp/a")


def test_rules_that_another_could_have_written_are_not_loaded(
    image: Sandbox, world: SimpleNamespace
) -> None:
    rules = image.opt / "rules"
    rules.chmod(0o777)
    try:
        script = "from wickie.scan.detectors import kingfisher as k; print(k.cache_status())"
        done = run(image, world, "python", "-c", script)
    finally:
        rules.chmod(0o500)
    assert done.stdout.strip() == "bypassed"
