"""
Rules of frameworks that the stacks do not meet, counted: the counts may only fall.

compliance.json holds what is found in the example's stacks. What would cost a customer who did
not ask for it (KMS keys for logs, a VPC for functions, flow logs, replication) is behind most.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.stacks.conftest import ROOT, Assembly

if TYPE_CHECKING:
    from pathlib import Path

    from wickie.config import Config

pytestmark = pytest.mark.slow

RATCHET = json.loads(ROOT.joinpath("tests/stacks/compliance.json").read_text())
TOOLS = ROOT / "build" / "tools" / "bin"


def compare(framework: str, found: Counter[str]) -> None:
    known = Counter(RATCHET[framework])
    assert not found - known, f"{framework}: more than before; repair it, or say why in review"
    assert not known - found, f"{framework}: fewer than before; lower it in compliance.json"


@pytest.fixture(scope="module")
def violations(
    example: Config, code: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Counter[str]]:
    """What each of cdk-nag's packs finds, by rule."""
    import cdk_nag  # noqa: PLC0415  (starts Node)

    from stacks import stage  # noqa: PLC0415  (likewise)

    packs = (cdk_nag.HIPAASecurityChecks, cdk_nag.NIST80053R5Checks, cdk_nag.PCIDSS321Checks)
    out = tmp_path_factory.mktemp("cdk.out")
    app = stage.new_app(ROOT / "cdk.json", out, packs=packs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "acknowledge", lambda *_: None)
        stage.add_stage(app, example, lambda *_, **__: code)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    found: dict[str, Counter[str]] = {}
    for _, rule in Assembly(out).violations():
        framework, _, name = rule.partition("::")
        found.setdefault(framework, Counter())[name.removeprefix(f"{framework}-")] += 1
    return found


@pytest.mark.parametrize("framework", sorted(RATCHET.keys() - {"checkov"}))
def test_no_framework_is_met_less_than_before(
    violations: dict[str, Counter[str]], framework: str
) -> None:
    compare(framework, violations[framework])


def test_checkov_finds_no_more_than_before(assembly: Assembly, tmp_path: Path) -> None:
    # Its own pins of boto3 do not go together with the project's: it has an environment to itself.
    checkov = shutil.which("checkov", path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if not checkov:
        pytest.skip("checkov is not here; `make tools` installs it beside the project")
    done = subprocess.run(
        [
            *(checkov, "--framework", "cloudformation", "--directory", assembly.directory),
            *("--output", "json", "--compact", "--quiet", "--skip-download"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] > 30
    compare("checkov", Counter(each["check_id"] for each in report["results"]["failed_checks"]))
