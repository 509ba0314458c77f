"""The CDK CLI in a folder of a test, and wickie's own app synthesised for it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import node
from tests.local.stacks import Stacks

if TYPE_CHECKING:
    from local.server import LocalAws

ROOT = Path(__file__).resolve().parents[2]
_TOOLKIT = "node_modules/aws-cdk/lib/api/bootstrap/bootstrap-template.yaml"


@dataclass(frozen=True)
class Cli:
    """The CLI in a folder without an app; assemblies are synthesised once and deployed often."""

    aws: LocalAws
    folder: Path

    def run(self, *args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """`cdk args`."""
        env = {"HOME": os.environ.get("HOME", ""), "PATH": os.environ["PATH"]}
        args = (*args, "--no-notices", "--no-color")
        return node.cdk(args, env | self.aws.environment(), cwd or self.folder, capture=True)

    def works(self, *args: str, cwd: Path | None = None) -> str:
        """`cdk args`, which must succeed; what it printed."""
        done = self.run(*args, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bootstrap(self) -> None:
        """What `cdk bootstrap` deploys, without the CLI: test_cdk_cli.py has it do so itself."""
        node.install()
        key = {"ParameterKey": "FileAssetsBucketKmsKeyId", "ParameterValue": "AWS_MANAGED_KEY"}
        stacks, text = Stacks(self.aws.world.client), (ROOT / _TOOLKIT).read_text()
        status = stacks.deploy(
            "CDKToolkit", text, Parameters=[key], Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        assert status == "CREATE_COMPLETE", stacks.reasons("CDKToolkit")

    def deploy(self, app: str, *options: str) -> list[str]:
        """The words for deploying all of an assembly."""
        return ["deploy", "--all", "--app", app, "--require-approval", "never", *options]


def synthesised(config: Path, out: Path) -> str:
    """The folder of the assembly that wickie's own app makes of a wickie.yaml."""
    settings = {"WICKIE_CONFIG": str(config), "CDK_OUTDIR": str(out)}
    subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=node.environment({**os.environ, **settings}),
        check=True,
        capture_output=True,
    )
    return str(out)
