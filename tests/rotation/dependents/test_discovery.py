"""Whoever AWS knows to refer to a secret is found, and nobody whose reference is another's."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.rotation.dependents.account import Account
from tests.rotation.paper import refused
from wickie.rotation.discovery import discover, identity, undeclared, warnings


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


def test_services_are_found_by_what_their_tasks_are_given(account: Account) -> None:
    arn = account.secret("shop/db")
    for index in range(11):  # one more than AWS describes at once
        account.service(f"other-{index:02}")
    account.service("whole", secrets=[{"name": "DB", "valueFrom": arn}])
    account.service("key", secrets=[{"name": "DB", "valueFrom": f"{arn}:password::"}])
    account.service("partial", secrets=[{"name": "DB", "valueFrom": f"{arn[:-7]}:password::"}])
    account.service("image", repositoryCredentials={"credentialsParameter": arn})
    options = [{"name": "token", "valueFrom": arn}]
    account.service("logs", logConfiguration={"logDriver": "splunk", "secretOptions": options})
    # A name alone is that of an SSM parameter.
    account.service("parameter", secrets=[{"name": "DB", "valueFrom": "shop/db"}])
    names = {"whole", "key", "partial", "image", "logs"}
    assert sorted(account.users(arn), key=str) == [
        {"kind": "ecs-service", "cluster": "main", "service": name} for name in sorted(names)
    ]


def test_functions_are_found_by_arns_and_names_in_their_variables(account: Account) -> None:
    arn = account.secret("shop/db")
    account.function("by-arn", SECRET=arn)
    account.function("by-partial-arn", SECRET=arn[:-7])
    account.function("by-name", SECRET="shop/db")
    account.function("in-json", SETTINGS=json.dumps({"secret": arn, "retries": 3}))
    account.function("no-user", SECRET="shop/db/other", TABLE="shop")
    assert {entry["function"] for entry in account.users(arn)} == {
        "by-arn",
        "by-partial-arn",
        "by-name",
        "in-json",
    }


def test_a_secret_whose_name_begins_alike_is_another(account: Account) -> None:
    arn, longer, other = (account.secret(name) for name in ("shop", "shop-db", "shop/db"))
    account.function("longer", SECRET=longer, SECOND=longer[:-7])
    account.service("other", secrets=[{"name": "DB", "valueFrom": f"{other}:password::"}])
    assert account.users(arn) == []
    assert [entry["function"] for entry in account.users(longer)] == ["longer"]


def test_proxies_are_found_by_the_secrets_that_they_list(account: Account) -> None:
    arn, other = account.secret("shop/db"), account.secret("other/db")
    account.proxy("shop", other, arn)
    account.proxy("other", other)
    assert account.users(arn) == [{"kind": "rds-proxy", "proxy": "shop"}]


def test_what_is_declared_by_another_name_is_not_missing(account: Account) -> None:
    arn = account.secret("shop/db")
    account.service("shop", secrets=[{"name": "DB", "valueFrom": arn}])
    account.function("shop", SECRET=arn)
    account.function("till", SECRET=arn)
    declared = [
        {
            "kind": "ecs-service",
            "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/main",
            "service": "shop",
        },
        {"kind": "lambda", "function": "arn:aws:lambda:us-east-1:123456789012:function:shop"},
    ]
    found = undeclared(account.clients, "shop/db", declared)
    assert [use.entry for use in found.uses] == [{"kind": "lambda", "function": "till"}]
    assert warnings(account.clients, "shop/db", declared) == (
        "lambda till uses it and was not refreshed; add it to dependents in wickie.yaml",
    )


def test_a_function_of_an_alias_is_the_function() -> None:
    assert identity({"kind": "lambda", "function": "shop:live"}) == ("lambda", "shop")


def test_what_cannot_be_looked_at_is_a_gap_and_the_rest_is_looked_at(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = account.secret("shop/db")
    account.proxy("shop", arn)

    def denied(*_: object, **__: object) -> None:
        raise refused("ListClusters", "AccessDeniedException", "no")

    monkeypatch.setattr(account.clients.ecs, "get_paginator", denied)
    undecryptable = {"FunctionName": "till", "Environment": {"Error": {"ErrorCode": "x"}}}
    pages = type("P", (), {"paginate": lambda _: [{"Functions": [undecryptable]}]})
    monkeypatch.setattr(account.clients.lambda_, "get_paginator", lambda _: pages())
    found = discover(account.clients, [arn])
    assert [use.entry["kind"] for use in found.uses] == ["rds-proxy"]
    assert [gap.uri for gap in found.gaps] == ["ECS services", "Lambda function till"]
    assert "not allowed on ECS services" in found.gaps[0].reason
    told = warnings(account.clients, arn, [{"kind": "rds-proxy", "proxy": "shop"}])
    assert all("who else uses it is not known of" in line for line in told)


def test_a_secret_that_does_not_exist_is_a_warning_after_a_rotation(account: Account) -> None:
    (line,) = warnings(account.clients, "shop/gone", [])
    assert "who else uses it is not known: secret shop/gone does not exist" in line
