from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from moto import mock_aws
from typer.testing import Result

from tests.cli.leaks import ARN, CONFIG, leak, scanned

pytestmark = pytest.mark.usefixtures("home")

Wickie = Callable[..., Result]


@pytest.mark.usefixtures("code")
def test_clean_is_0(wickie: Wickie) -> None:
    done = wickie("scan", "code")
    assert done.exit_code == 0
    assert "Nothing found" in done.stdout


@pytest.mark.parametrize("output", ["table", "json", "sarif"])
def test_a_finding_is_10_and_shown_without_its_value(
    wickie: Wickie, code: Path, token: str, output: str
) -> None:
    leak(code, token, line=3)
    done = wickie("scan", "code", "--format", output)
    assert done.exit_code == 10
    assert "settings.py" in done.stdout
    assert token not in done.output
    assert wickie("scan", "code", "--format", output, "--exit-zero").exit_code == 0


def test_paths_need_no_aws(
    wickie: Wickie, code: Path, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    leak(code, token)
    assert wickie("scan", "code").exit_code == 10


def test_a_finding_keeps_its_id_when_it_moves_to_another_line(
    wickie: Wickie, code: Path, token: str, home: Path
) -> None:
    ids = set()
    for line in (1, 40):
        leak(code, token, line=line)
        (finding,) = scanned(wickie("scan", "code", "--format", "json"))["findings"]
        ids.add(finding["id"])
        assert finding["location"]["line"] == line
    assert len(ids) == 1
    (key,) = (path for path in home.rglob("*") if path.is_file())
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.usefixtures("code")
def test_where_no_key_can_be_kept_the_scan_goes_on(wickie: Wickie, home: Path) -> None:
    home.write_text("not a directory")
    done = wickie("scan", "code")
    assert done.exit_code == 0
    assert "wickie: warning: findings get other ids the next time" in done.stderr


def test_a_repository_is_read_in_its_history_too(
    wickie: Wickie, code: Path, token: str, home: Path
) -> None:
    def git(*arguments: str) -> None:
        env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
        name = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *name, *arguments], cwd=code, env=env, check=True)

    leak(code, token)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "leak")
    (code / "settings.py").unlink()
    git("commit", "-qam", "hide it")
    done = wickie("scan", "code", "--format", "json")
    assert done.exit_code == 10
    assert {finding["source"] for finding in scanned(done)["findings"]} == {"git"}


def test_what_cannot_be_read_is_listed_and_the_rest_is_scanned(
    wickie: Wickie, code: Path, token: str
) -> None:
    leak(code, token)
    done = wickie("scan", "nowhere", "code", "--format", "json")
    assert done.exit_code == 10
    (gap,) = scanned(done)["gaps"]
    assert "nowhere" in gap["uri"]
    assert [line for line in done.stderr.splitlines() if line.startswith("wickie: warning: ")]
    assert len(scanned(done)["findings"]) == 1


def test_a_scan_that_read_nothing_is_an_error(wickie: Wickie) -> None:
    done = wickie("scan", "nowhere", "neverwhere", "--format", "json")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("wickie: error: ")
    assert "nowhere" in done.stderr
    assert "neverwhere" in done.stderr


def test_a_scan_of_nothing_is_an_error_too(wickie: Wickie, folder: Path) -> None:
    (folder / "empty").mkdir()
    done = wickie("scan", "empty")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "wickie: error: empty: there is nothing to read; correct what is scanned\n"
    )


def test_targets_that_cannot_be_opened_are_listed_and_the_rest_is_scanned(
    wickie: Wickie,
    configured: Callable[[str], Path],
    code: Path,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    configured(CONFIG.replace("[", "[{kind: ecs-task-definition}, "))
    leak(code, token)
    done = wickie("scan", "--format", "json")
    assert done.exit_code == 10
    gaps = {gap["uri"]: gap["reason"] for gap in scanned(done)["gaps"]}
    assert "set AWS_REGION" in gaps["ecs-task-definition"]
    assert "set AWS_REGION" in gaps["managed secrets of stage prod"]


def test_output_goes_to_a_file_of_any_format(
    wickie: Wickie, code: Path, token: str, folder: Path
) -> None:
    leak(code, token)
    for output in ("table", "json", "sarif"):
        done = wickie("scan", "code", "--format", output, "--output", f"out.{output}")
        assert (done.exit_code, done.stdout) == (10, "")
        assert "settings.py" in (folder / f"out.{output}").read_text()
    done = wickie("scan", "code", "--output", "nowhere/out")
    assert done.exit_code == 1
    assert "there is no directory nowhere; create it" in done.stderr


def test_without_a_path_or_a_config_both_are_named(wickie: Wickie) -> None:
    done = wickie("scan")
    assert done.exit_code == 1
    assert "cannot read wickie.yaml" in done.stderr


def test_a_config_without_targets_names_the_remedy(
    wickie: Wickie, configured: Callable[[str], Path]
) -> None:
    configured("stage: prod\n")
    done = wickie("scan")
    assert done.exit_code == 1
    assert "names nothing to scan; add scan.targets, or name a PATH" in done.stderr


@mock_aws
def test_a_stage_that_is_not_deployed_is_a_gap_and_the_targets_are_scanned(
    wickie: Wickie, configured: Callable[[str], Path], code: Path, token: str
) -> None:
    configured(CONFIG)
    leak(code, token)
    done = wickie("scan", "--format", "json")
    assert done.exit_code == 10
    (gap,) = scanned(done)["gaps"]
    assert gap["uri"] == "managed secrets of stage prod"
    assert "run cdk deploy" in gap["reason"]


@pytest.mark.parametrize("arguments", [["scan"], ["scan", "code", "--config", "wickie.yaml"]])
def test_a_managed_secret_is_11_in_targets_and_in_paths(
    wickie: Wickie,
    configured: Callable[[str], Path],
    code: Path,
    deployed: str,
    arguments: list[str],
) -> None:
    configured(CONFIG)
    (code / "notes.txt").write_text(f"it is {deployed}, keep it\n")
    done = wickie(*arguments, "--format", "json")
    assert done.exit_code == 11
    (finding,) = scanned(done)["findings"]
    assert finding["managed"]["arn"] == ARN
    assert finding["managed"]["stage"] == "CURRENT"
    assert scanned(done)["gaps"] == []
    assert deployed not in done.output
