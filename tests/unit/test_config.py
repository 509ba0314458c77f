"""What AWS would refuse at deployment is refused as wickie.yaml is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from wickie.config import Config, load_config
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES

ACCOUNT = "arn:aws:secretsmanager:eu-west-1:111122223333:secret"
VPC = {
    "vpc_id": "vpc-12345678",
    "subnets": ["subnet-12345678"],
    "security_groups": ["sg-12345678"],
}
ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/wickie@sha256:" + "0" * 64
PRIVATE = {"mode": "private-endpoints"}
IN_VPC = VPC | PRIVATE | {"route_tables": ["rtb-12345678"]}


def secret(name: str, engine: str = "postgres", **options: str) -> dict[str, Any]:
    strategy = ENGINES[engine].strategies[0]
    return {"name": name, "engine": engine, "strategy": strategy, "options": options}


def load(tmp_path: Path, **settings: Any) -> Config:
    path = tmp_path / "wickie.yaml"
    path.write_text(yaml.safe_dump({"stage": "dev", **settings}))
    return load_config(path)


@pytest.mark.parametrize(
    ("at", "settings", "complaint"),
    [
        ("stage", {"stage": "Prod"}, "pattern"),
        ("stage", {"stage": "p" * 21}, "pattern"),
        ("secrets", {"secrets": [secret("a"), secret(f"{ACCOUNT}:a-AbCdEf")]}, "stands here twice"),
        ("secrets.0.name", {"secrets": [secret("shop/*")]}, "letters, digits and"),
        (
            "secrets",
            {
                "secrets": [
                    secret("a", "iam-access-key", user="app"),
                    secret("b", "ses-smtp", user="app"),
                ]
            },
            "a and b both rotate user/app, which honours two credentials at most",
        ),
        (
            "secrets",
            {
                "secrets": [
                    secret(f"{ACCOUNT}:a-AbCdEf"),
                    secret(f"{ACCOUNT.replace('eu-west-1', 'eu-west-2')}:b-AbCdEf"),
                ]
            },
            "a stage is of one account and region",
        ),
        (
            "secrets.0.grace",
            {"secrets": [secret("a", "iam-access-key", user="app") | {"grace": "0s"}]},
            "without a grace the old key ends in the first night",
        ),
        (
            "network",
            {"secrets": [secret("a", "elasticache", user="u")]},
            "a: elasticache is reached from within its VPC alone",
        ),
        (
            "secrets",
            {"secrets": [secret(f"s{number}") for number in range(401)]},
            "401 secrets are more than fit one stage",
        ),
        (
            "secrets",
            {"secrets": [secret(f"{number}".rjust(300, "s")) for number in range(200)]},
            "200 secrets are more than fit one stage",
        ),
        ("network", {"network": {"mode": "existing"}}, "existing needs vpc_id"),
        ("network", {"network": VPC | {"mode": "public-egress"}}, "makes its own network"),
        ("network", {"network": {"assign_public_ip": True}}, "assign_public_ip is of existing"),
        ("network", {"network": VPC | PRIVATE}, "route_tables go with private-endpoints"),
        ("network", {"network": IN_VPC | {"mode": "existing"}}, "route_tables go with"),
        (
            "network",
            {"network": PRIVATE, "image": ECR, "secrets": [secret("a")]},
            "a: a network of wickie's own with private endpoints reaches AWS alone",
        ),
        (
            "network",
            {
                "network": IN_VPC,
                "image": ECR,
                "secrets": [secret("a", "iam-access-key", user="app")],
            },
            "secret a asks iam, for which a VPC has no endpoint",
        ),
        (
            "network",
            {"network": PRIVATE, "image": ECR, "scan": {"targets": [{"kind": "amplify-app"}]}},
            "target amplify-app asks amplify",
        ),
        ("image", {"network": PRIVATE, "image": "wickie:1"}, "only ECR can be pulled from"),
        ("image", {"network": PRIVATE}, "only ECR can be pulled from"),
        ("tags.aws:x.[key]", {"tags": {"aws:x": "y"}}, "begins the tags that AWS sets itself"),
        ("permissions_boundary", {"permissions_boundary": "boundary"}, "pattern"),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_reason(
    tmp_path: Path, at: str, settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **settings)
    assert re.search(rf"wickie\.yaml: {re.escape(at)}: .*{complaint}", str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, "public-egress"),
        ({"network": VPC}, "existing"),
        ({"network": VPC | {"assign_public_ip": True}}, "existing"),
        ({"network": IN_VPC, "image": ECR, "secrets": [secret("a")]}, "private-endpoints"),
        (
            {"network": PRIVATE, "image": ECR, "secrets": [secret("a", "signing-key")]},
            "private-endpoints",
        ),
        ({"network": VPC, "secrets": [secret("a", "elasticache", user="u")]}, "existing"),
    ],
)
def test_what_can_be_had_loads_and_the_mode_follows_from_what_is_given(
    tmp_path: Path, settings: dict[str, Any], mode: str
) -> None:
    assert load(tmp_path, **settings).network.mode == mode


def test_two_secrets_of_two_users_load(tmp_path: Path) -> None:
    users = [secret(name, "iam-access-key", user=name) for name in ("a", "b")]
    assert len(load(tmp_path, secrets=[*users, secret("c"), secret("d")]).secrets) == 4


@pytest.mark.parametrize(
    "text", ["stage: dev\nstage: prod\n", "stage: dev\nscan: {regions: [], regions: []}\n"]
)
def test_a_key_that_stands_twice_is_refused_where_yaml_would_drop_the_first(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "wickie.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"stands here twice; keep one.*line [12]"):
        load_config(path)


def test_merge_keys_and_anchors_are_still_yaml(tmp_path: Path) -> None:
    path = tmp_path / "wickie.yaml"
    path.write_text(
        "stage: dev\nsecrets:\n"
        "  - &usual {name: a, engine: postgres, strategy: single-user}\n"
        "  - {<<: *usual, name: b}\n"
    )
    assert [s.name for s in load_config(path).secrets] == ["a", "b"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("shop/db", "shop/db"),
        ("shop/db-master", "shop/db-master"),
        (f"{ACCOUNT}:shop/db-master-AbCdEf", "shop/db-master"),
        (f"{ACCOUNT}:shop/db-AbCdEf", "shop/db"),
        ("shop", None),
    ],
)
def test_a_name_that_ends_like_an_arn_is_no_other_secret(
    tmp_path: Path, asked: str, found: str | None
) -> None:
    """Six characters after a hyphen end every ARN, and some names."""
    config = load(tmp_path, secrets=[secret("shop/db"), secret("shop/db-master")])
    answer = config.secret(asked)
    assert (answer.name if answer else None) == found
