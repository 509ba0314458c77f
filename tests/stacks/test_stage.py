"""What holds for all stacks of a stage together, and for `python app.py`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.stacks.conftest import ROOT
from wickie.config import Config, ManagedSecret, Network
from wickie.scan.sources import SOURCES

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly, Synthesise

pytestmark = pytest.mark.slow

LISTED = sorted({*SOURCES} - {"directory", "git", "prefect", "s3"})

# The properties by which a customer's account tells two resources of a type apart.
PHYSICAL_NAMES = ("FunctionName", "LogGroupName", "QueueName", "Family", "RoleName", "Name")


def test_no_node_function_and_no_custom_resource_is_put_into_the_account(
    assembly: Assembly,
) -> None:
    for template in assembly.templates().values():
        for resource in template["Resources"].values():
            assert not resource["Type"].startswith(("Custom::", "AWS::CloudFormation::Custom"))
            assert not resource.get("Properties", {}).get("Runtime", "").startswith("nodejs")


def test_two_stages_fit_into_one_account(synthesise: Synthesise, example: Config) -> None:
    stages = [example.model_copy(update={"stage": stage}) for stage in ("dev", "prod")]
    templates = synthesise(*stages).templates()
    names = {
        stage: {
            (resource["Type"], resource["Properties"][key])
            for name, template in templates.items()
            if name.endswith(f"-{stage}")
            for resource in template["Resources"].values()
            for key in PHYSICAL_NAMES
            if isinstance(resource.get("Properties", {}).get(key), str)
        }
        for stage in ("dev", "prod")
    }
    assert len(names["dev"]) == len(names["prod"]) >= 10
    assert not names["dev"] & names["prod"]


def test_synthesis_asks_aws_nothing_and_fits_any_account_and_region(assembly: Assembly) -> None:
    manifest = json.loads((assembly.directory / "manifest.json").read_text())
    assert not manifest.get("missing")
    environments = {
        artifact["environment"]
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert environments == {"aws://unknown-account/unknown-region"}
    assert not (ROOT / "cdk.context.json").exists()


def test_every_finding_is_acknowledged_and_every_acknowledgement_is_needed(
    synthesise: Synthesise, example: Config, dependents: Config, network: Network
) -> None:
    from stacks.acknowledgements import accepted  # noqa: PLC0415  (starts Node)

    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/wickie:1"
    elsewhere = example.model_copy(update={"network": network, "image": image})
    inside = dependents.model_copy(update={"network": network})
    only_discovers = Config(
        stage="x",
        secrets=(
            ManagedSecret(name="a", engine="postgres", strategy="single-user", discover=True),
        ),
    )
    service = {"kind": "ecs-service", "cluster": "shop", "service": "web"}
    section = {"targets": [{"kind": "inspector-findings"}], "rollback": [{"target": service}]}
    private = {
        "image": image,
        "network": {"mode": "private-endpoints"},
        "encryption": {"key": "customer"},
        "secrets": [{"name": "a", "engine": "signing-key", "strategy": "dual-key"}],
        "prefect": {"backend": "self-hosted", "server": {"exec": True, "image": image}},
        "retain": False,
    }
    pushes = {"api_url": "https://p.example/api", "backend": "cloud-push", "api_key_secret": "k"}
    hosts = {"api_url": "https://p.example/api", "backend": "self-hosted"}
    events = [{"name": "a", "pattern": {"source": ["wickie"]}, "deployment": "b/c"}]
    given: tuple[dict[str, Any], ...] = (
        {"vulnerabilities": section},
        private,
        {"prefect": pushes},
        {"prefect": hosts, "network": network.model_dump(), "events": events},
        {"scan": {"targets": [{"kind": kind} for kind in LISTED]}},
    )
    more = [Config.model_validate({"stage": "x", **settings}) for settings in given]
    configs = (example, elsewhere, Config(stage="x"), dependents, inside, only_discovers)
    for config in (*configs, *more):
        entries = accepted(config)
        found = synthesise(config, acknowledged=False).violations()
        assert {rule for _, rule in found} == {entry.rule for entry in entries}
        for path, rule in found:
            assert any(path.startswith(e.path) and rule == e.rule for e in entries), (path, rule)
        for entry in entries:
            assert any(p.startswith(entry.path) and r == entry.rule for p, r in found), entry


def test_the_acknowledged_findings_are_these_and_each_has_a_reason(example: Config) -> None:
    from stacks.acknowledgements import accepted  # noqa: PLC0415  (starts Node)

    entries = accepted(example)
    tasks = "arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:task/<Cluster>/*"
    assert all(len(entry.reason.split()) >= 8 for entry in entries)
    solutions = [entry for entry in entries if entry.rule.startswith("AwsSolutions")]
    results = "WickieData-dev:ExportsOutputFnGetAttResultsBucket46167C27ArnE43BA8FC"
    assert sorted((e.path.partition("/")[2], e.rule.partition("-")[2]) for e in solutions) == [
        ("Flow/TaskRole", "IAM5[Resource::*]"),
        ("Flow/TaskRole", f"IAM5[Resource::{results}/*]"),
        ("Flow/TaskRole", f"IAM5[Resource::{results}/cache/scan/*]"),
        ("Flow/TaskRole", f"IAM5[Resource::{tasks}]"),
        (
            "Flow/TaskRole",
            "IAM5[Resource::arn:<AWS::Partition>:s3:::shop-application-logs/*]",
        ),
        ("Network/Vpc", "VPC7"),
        ("Results", "S1"),
    ]
    assert Counter(e.rule.partition("-")[2] for e in entries if e not in solutions) == {
        "EventBusDLQ": 3,
        "LambdaDLQ": 4,
        "LambdaTracing": 4,
        "SNSRedrivePolicy": 1,
        "SQSRedrivePolicy": 1,
    }


def test_cfn_lint_has_nothing_to_say(assembly: Assembly) -> None:
    templates = sorted(str(path) for path in assembly.directory.glob("*.template.json"))
    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--", *templates],
        cwd=ROOT,  # where .cfnlintrc is
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.stdout, lint.returncode) == ("", 0), lint.stdout


def test_as_many_secrets_as_a_stage_takes_stay_within_what_aws_takes(
    synthesise: Synthesise,
) -> None:
    """Quotas that neither the CDK nor cfn-lint checks: a deployment would fail by them."""
    secrets = [
        {"name": f"team/service-{i:04}/database", "engine": "postgres", "strategy": "single-user"}
        for i in range(400)
    ]
    assembly = synthesise(Config.model_validate({"stage": "dev", "secrets": secrets}))
    for template in assembly.templates().values():
        assert len(template["Resources"]) <= 500
    for policy in assembly.resources("AWS::IAM::ManagedPolicy").values():
        assert _deployed(policy["Properties"]["PolicyDocument"]) <= 6144
    for policy in assembly.resources("AWS::IAM::Policy").values():
        assert _deployed(policy["Properties"]["PolicyDocument"]) <= 10240
    rules = assembly.resources("AWS::Events::Rule", "WickieObservability-dev").values()
    patterns = [r["Properties"]["EventPattern"] for r in rules if "EventPattern" in r["Properties"]]
    assert all(_deployed(pattern) <= 2048 for pattern in patterns)
    told = [p for one in patterns for p in one["detail"]["additionalEventData"]["SecretId"]]
    assert len({json.dumps(p) for p in told}) == len(told) == 400
    roles = assembly.resources("AWS::IAM::ManagedPolicy").values()
    attached = Counter(json.dumps(r["Properties"]["Roles"]) for r in roles)
    assert max(attached.values()) <= 10


def _deployed(document: Any) -> int:
    """Characters of it without whitespace, once CloudFormation has filled in a long place."""
    place = {
        "AWS::Partition": "aws-us-gov",
        "AWS::Region": "ap-southeast-1",
        "AWS::AccountId": "1" * 12,
    }

    def filled(part: Any) -> Any:
        if isinstance(part, dict) and "Fn::Join" in part:
            return "".join(map(filled, part["Fn::Join"][1]))
        if isinstance(part, dict) and "Ref" in part:
            return place.get(part["Ref"], "x" * 60)
        if isinstance(part, dict) and part.keys() & {"Fn::GetAtt", "Fn::ImportValue"}:
            return "x" * 90
        if isinstance(part, dict):
            return {key: filled(value) for key, value in part.items()}
        return list(map(filled, part)) if isinstance(part, list) else part

    return len(json.dumps(filled(document), separators=(",", ":")))


def test_the_flags_of_cdk_json_are_json_booleans() -> None:
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert not [key for key, value in context.items() if value in ("true", "false")]
    assert context["@aws-cdk/aws-ec2:restrictDefaultSecurityGroup"] is False


def test_app_py_needs_no_aws(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
    done = subprocess.run(
        [sys.executable, ROOT / "app.py"],
        env={
            **environment,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_OUTDIR": str(tmp_path / "cdk.out"),
            "WICKIE_CONFIG": str(ROOT / "wickie.example.yaml"),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "cdk.out").glob("*.template.json")} == {
        f"Wickie{name}-dev.template.json"
        for name in ("Data", "Network", "Observability", "Rotation", "WorkPool")
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, r"cannot read wickie\.yaml: .*create it"),
        ("", r"wickie\.yaml is empty; start from wickie\.example\.yaml"),
        ("stage: dev\nsecert: []\n", r"secert: unknown key; correct its spelling"),
        ("stage: dev\nnetwork: {vpc_id: vpc-12345678}\n", r"network: .*give vpc_id, subnets and"),
        (
            (
                "stage: dev\nsecrets: "
                "[{name: a, engine: postgres, strategy: single-user, window: 90m}]\n"
            ),
            r"secrets\.0\.window: .*window must be whole hours",
        ),
    ],
)
def test_app_py_says_in_one_line_what_is_wrong_with_wickie_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, complaint: str
) -> None:
    import app  # noqa: PLC0415  (starts Node)

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WICKIE_CONFIG", raising=False)
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "cdk.out"))
    if content is not None:
        (tmp_path / "wickie.yaml").write_text(content)
    with pytest.raises(SystemExit) as left:
        app.main()
    # Python prints it on stderr, without a traceback, and exits with 1.
    assert isinstance(left.value.code, str)
    (line,) = left.value.code.splitlines()
    assert re.search(complaint, line)
