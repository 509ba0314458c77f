"""The leak: the one thing the demo stages. Three places where a careless hand leaves a password."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from local.demo.shop import BUCKET

if TYPE_CHECKING:
    from pathlib import Path

    from local.world import World

PLACES: Final = ("s3", "git", "ecs-task-definition")


def plant(world: World, repository: Path, login: dict[str, Any]) -> None:
    """Leave the credential in an S3 object, in a git history, and in an ECS task definition."""
    _application_log(world, login)
    _commit_and_delete(repository, login)
    _task_definition(world, login)


def _application_log(world: World, login: dict[str, Any]) -> None:
    password = urllib.parse.quote(login["password"], safe="")
    address = f"{login['host']}:{login['port']}/{login['dbname']}"
    lines = [f"2026-11-22T23:{n // 60:02}:{n % 60:02}Z INFO order {n} placed" for n in range(3000)]
    lines[2111] = (
        "2026-11-22T23:35:11Z ERROR pool exhausted, dsn="
        f"postgresql://{login['username']}:{password}@{address}"
    )
    world.client("s3").put_object(
        Bucket=BUCKET, Key="web/2026-11-22.log", Body="\n".join(lines).encode()
    )


def _commit_and_delete(repository: Path, login: dict[str, Any]) -> None:
    """Commit the credential, then delete the file, as people do who think that helps."""
    repository.mkdir(parents=True)
    _git(repository, "init", "--quiet")
    settings = repository / "settings.json"
    settings.write_text(json.dumps({"database": {"password": login["password"]}}, indent=2))
    _git(repository, "add", ".")
    _git(repository, "commit", "--quiet", "--message", "Add settings")
    settings.unlink()
    (repository / "README.md").write_text("# shop\n")
    _git(repository, "add", "--all")
    _git(repository, "commit", "--quiet", "--message", "Remove settings")


def _git(repository: Path, *arguments: str) -> None:
    person = {"NAME": "A Developer", "EMAIL": "dev@shop.example"}
    who = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in person.items()}
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(
        ["git", *arguments],
        cwd=repository,
        env={"PATH": os.environ["PATH"], "HOME": str(repository), **who, **settings},
        check=True,
        capture_output=True,
    )


def _task_definition(world: World, login: dict[str, Any]) -> None:
    world.client("ecs").register_task_definition(
        family="shop-report",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[
            {
                "name": "report",
                "image": "shop-report",
                "command": ["report"],
                "environment": [{"name": "PGPASSWORD", "value": login["password"]}],
            }
        ],
    )
