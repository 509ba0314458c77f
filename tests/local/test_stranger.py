"""Three stages, twelve secrets, four engines: deployed, compared, changed, failed, destroyed."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local.mariadb import MariaDB, MissingError
from local.postgres import Postgres
from local.server import LocalAws
from local.valkey import Valkey
from tests.local.cdk import Cli, synthesised
from wickie.cli.config import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wickie.credentials import DatabaseLogin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAGES = ("dev", "test", "prod")
ENGINES = {
    "postgres": "single-user",
    "mariadb": "single-user",
    "valkey": "dual-password",
    "signing-key": "dual-key",
}


@dataclass
class Stranger:
    """Whose secrets these are, and whose files."""

    cli: Cli
    folder: Path

    def app(self, stage: str, schedule: str = "rate(30 days)", *absent: dict[str, str]) -> str:
        """Write the stage's wickie.yaml and synthesise it."""
        config = self.folder / f"{stage}.yaml"
        managed = [
            {"name": f"{stage}/{engine}", "engine": engine, "strategy": strategy}
            for engine, strategy in ENGINES.items()
        ]
        managed[0]["schedule"] = schedule
        wanted = {"stage": stage, "retain": False, "secrets": [*managed, *absent]}
        config.write_text(json.dumps(wanted))
        return synthesised(config, self.folder / f"{stage}-{schedule}-{len(absent)}")

    def deploy(self, app: str) -> str:
        return self.cli.works(*self.cli.deploy(app))

    def changed(self, stack: str) -> set[str]:
        """Types of what the stack's last update changed in it."""
        api = self.cli.aws.world.client("cloudformation")
        events = api.describe_stack_events(StackName=stack)["StackEvents"]  # newest first
        begun = [
            event["ResourceStatus"] == "UPDATE_IN_PROGRESS" and event["LogicalResourceId"] == stack
            for event in events
        ]
        last = events[: begun.index(True)]
        return {e["ResourceType"] for e in last} - {"AWS::CloudFormation::Stack"}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    folder = tmp_path_factory.mktemp("stranger")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        try:
            servers = [stack.enter_context(kind()) for kind in (Postgres, MariaDB, Valkey)]
        except MissingError as lacking:
            pytest.skip(str(lacking))
        kept = dict(zip(ENGINES, (_text(server.admin) for server in servers), strict=False))
        for stage in STAGES:
            for engine in ENGINES:
                key = json.dumps({"kid": "first", "k": secrets.token_urlsafe(32)})
                text = kept.get(engine, key)
                client = aws.world.client("secretsmanager")
                client.create_secret(Name=f"{stage}/{engine}", SecretString=text)
        cli = Cli(aws, folder)
        cli.bootstrap()
        yield Stranger(cli, folder)


def _text(login: DatabaseLogin) -> str:
    return json.dumps(login.document | {"password": login.password.reveal()})


def test_three_stages_live_beside_each_other_and_go(stranger: Stranger) -> None:
    cli, client = stranger.cli, stranger.cli.aws.world.client
    apps = {stage: stranger.app(stage) for stage in STAGES}
    assert check([stranger.folder / f"{stage}.yaml" for stage in STAGES]) == 0
    for app in apps.values():
        stranger.deploy(app)
    for app in apps.values():
        cli.works("diff", "--fail", "--app", app)
    listed: Any = client("secretsmanager").list_secrets
    rotated = [
        secret.get("RotationEnabled", False) for secret in listed(MaxResults=100)["SecretList"]
    ]
    assert rotated == [True] * 12

    told = stranger.deploy(stranger.app("prod", "rate(7 days)"))
    assert told.count("(no changes)") == 4
    assert stranger.changed("WickieRotation-prod") == {"AWS::SecretsManager::RotationSchedule"}

    absent = {"name": "dev/absent", "engine": "signing-key", "strategy": "dual-key"}
    failing = cli.run(*cli.deploy(stranger.app("dev", "rate(30 days)", absent)))
    assert failing.returncode != 0
    cli.works("diff", "--fail", "--app", apps["dev"], "WickieRotation-dev")
    stranger.deploy(apps["dev"])  # other stacks went on; what was deployed before heals them
    cli.works("diff", "--fail", "--app", apps["dev"])

    for app in apps.values():
        cli.works("destroy", "--all", "--force", "--app", app)
    left = [stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]]
    assert left == ["CDKToolkit"]
    rotated = [
        secret.get("RotationEnabled", False) for secret in listed(MaxResults=100)["SecretList"]
    ]
    assert rotated == [False] * 12
