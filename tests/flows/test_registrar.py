"""A real Prefect server is brought to what the files say, again and again, and by many at once."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prefect_aws.workers.ecs_worker import ECSJobConfiguration

from flows.registered import known
from tests.flows.registering import POOL, manifest, register
from wickie.asking import Patience
from wickie.errors import AuthenticationError, ConfigError, ProviderError
from wickie.prefect import PrefectServer
from wickie.registration.build import KNOWN_FLOWS
from wickie.registration.manifest import Manifest
from wickie.registration.registrar import Registrar
from wickie.registration.removal import unregister
from wickie.registration.work_pool import WorkPool

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


def test_what_is_known_of_the_flows_is_what_prefect_says_of_them() -> None:
    assert KNOWN_FLOWS.read_text() == known(), "run python -m flows.registered"


def test_registering_three_times_makes_everything_once(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = manifest("x")
    first = register(server, ours)
    assert first[0] == "create work pool wickie-x"
    assert "create deployment nightly-scan/x" in first
    assert "create automation wickie-x-crashed" in first
    with monkeypatch.context() as patch:
        for method in ("create", "patch", "put", "delete"):
            patch.delattr(PrefectServer, method)
        assert register(server, ours) == register(server, ours) == []
    _refuses_what_the_flow_does_not_take(server)
    assert len(unregister(server, ours, POOL)) == len(first)


def _refuses_what_the_flow_does_not_take(server: PrefectServer) -> None:
    found = server.get("/deployments/name/rotate/x")
    wrong = {"parameters": {"secret": "shop/db", "reason": "boredom"}}
    assert server.create(f"/deployments/{found['id']}/create_flow_run", wrong) is None  # 409


def test_a_plan_changes_nothing_and_says_what_registering_would(
    server: PrefectServer, ours: Manifest
) -> None:
    planned = register(server, ours, dry=True)
    assert server.get("/work_pools/wickie-x") is None
    assert planned == register(server, ours)


def test_four_at_once_make_everything_once(server: PrefectServer, ours: Manifest) -> None:
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(register, server, ours) for _ in range(4)]:
            future.result()
    assert register(server, ours) == []
    made = register(_LookingTooEarly(server.api_url, patience=Patience(60), seconds=30), ours)
    assert len(made) == len(ours.automations)
    for automation in ours.automations:
        named = {"automations": {"name": {"any_": [automation["name"]]}}}
        assert len(server.post("/automations/filter", named)) == 1


def test_what_somebody_changed_by_hand_is_told_and_corrected(
    server: PrefectServer, ours: Manifest
) -> None:
    register(server, ours)
    nightly = server.get("/deployments/name/nightly-scan/x")
    server.patch(f"/deployments/{nightly['id']}", {"schedules": [], "tags": ["mine"]})
    server.patch("/work_pools/wickie-x", {"base_job_template": {}})
    told = [
        "update work pool wickie-x (base_job_template)",
        "update deployment nightly-scan/x (tags, schedules)",
    ]
    assert register(server, ours, dry=True) == told
    assert register(server, ours) == told
    corrected = server.get("/deployments/name/nightly-scan/x")
    assert corrected["id"] == nightly["id"]
    assert corrected["schedules"][0]["schedule"]["cron"] == "0 2 * * *"


def test_what_is_an_operators_to_say_is_left(server: PrefectServer, ours: Manifest) -> None:
    register(server, ours)
    server.patch("/work_pools/wickie-x", {"is_paused": True, "concurrency_limit": 3})
    nightly = server.get("/deployments/name/nightly-scan/x")
    server.patch(f"/deployments/{nightly['id']}", {"paused": True})
    assert register(server, ours) == []
    server.patch(f"/deployments/{nightly['id']}", {"tags": []})
    assert register(server, ours) == ["update deployment nightly-scan/x (tags)"]
    assert server.get("/deployments/name/nightly-scan/x")["paused"] is True
    pool = server.get("/work_pools/wickie-x")
    assert (pool["is_paused"], pool["concurrency_limit"]) == (True, 3)


def test_limits_of_what_is_scanned_at_once_are_made_corrected_and_taken_away(
    server: PrefectServer, few: Path
) -> None:
    def limited(**at_once: int) -> Manifest:
        return replace(manifest("x", few), limits={f"wickie-x-{a}": n for a, n in at_once.items()})

    name = "concurrency limit wickie-x-lambda"
    try:
        assert f"create {name}" in register(server, limited(**{"lambda": 2}))
        assert register(server, limited(**{"lambda": 3})) == [f"update {name} (limit)"]
        assert register(server, limited(**{"lambda": 3})) == []
        assert server.get("/v2/concurrency_limits/wickie-x-lambda")["limit"] == 3
    finally:
        assert name in unregister(server, limited(**{"lambda": 3}), POOL)


def test_a_push_work_pool_signs_in_with_a_block_whose_key_is_left_alone(
    server: PrefectServer, few: Path
) -> None:
    pushed = manifest("p", few, backend="cloud-push", api_key_secret="prefect/key")
    try:
        made = register(server, pushed)
        assert made[:2] == ["create block aws-credentials/wickie-p-pusher", made[1]]
        variables = server.get("/work_pools/wickie-p")["base_job_template"]["variables"]
        block = variables["properties"]["aws_credentials"]["default"]["$ref"]["block_document_id"]
        assert variables["required"] == ["aws_credentials"]
        _is_taken_by_prefect_aws(server.get("/work_pools/wickie-p")["base_job_template"])
        key = {"aws_access_key_id": "by rotation"}
        server.patch(f"/block_documents/{block}", {"data": key, "merge_existing_data": True})
        assert register(server, pushed) == []
        region = {"region_name": "elsewhere"}
        server.patch(f"/block_documents/{block}", {"data": region, "merge_existing_data": True})
        assert register(server, pushed) == ["update block aws-credentials/wickie-p-pusher (data)"]
        assert server.get(f"/block_documents/{block}")["data"] == {
            **key,
            "region_name": "eu-west-1",
            "assume_role_arn": POOL.pusher_role_arn,
        }
    finally:
        assert "block aws-credentials/wickie-p-pusher" in unregister(server, pushed, POOL)


def _is_taken_by_prefect_aws(template: dict[str, Any]) -> None:
    """Its own job configuration reads the template, and takes the block for its credentials."""

    configuration = asyncio.run(ECSJobConfiguration.from_template_and_values(template, {}))
    assert configuration.aws_credentials.assume_role_arn == POOL.pusher_role_arn
    assert configuration.aws_credentials.region_name == POOL.region
    assert configuration.cluster == POOL.cluster


def test_who_is_to_be_notified_must_be_there(server: PrefectServer, few: Path) -> None:
    told = manifest("x", few, notify="slack-webhook/oncall")
    with pytest.raises(ProviderError, match="block slack-webhook/oncall does not exist"):
        register(server, told)
    _block(server, "slack-webhook", "oncall", {"url": "https://hooks.slack.com/services/x"})
    assert "create automation wickie-x-notify" in register(server, told)
    assert register(server, told) == []
    unregister(server, told, POOL)


def _block(server: PrefectServer, slug: str, name: str, data: dict[str, str]) -> None:
    kind = server.get(f"/block_types/slug/{slug}")
    of_kind = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}, "limit": 1}
    (schema,) = server.post("/block_schemas/filter", of_kind)
    ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
    server.create("/block_documents/", {"name": name, "data": data, **ids})


def test_a_template_that_would_not_run_is_never_sent(server: PrefectServer, ours: Manifest) -> None:
    broken = WorkPool(**{**POOL.__dict__, "family": "my flows!"})
    with pytest.raises(ConfigError, match="family 'my flows!'"):
        Registrar(server).register(ours, broken)
    assert server.get("/work_pools/wickie-x") is None


def test_a_key_that_is_refused_is_told(ours: Manifest) -> None:
    with pytest.raises(AuthenticationError, match=r"refuses wickie \(401\)"):
        register(_Refusing("http://localhost/api"), ours)


class _LookingTooEarly(PrefectServer):
    """As it is for one of several at once: what another has just made, it has not seen."""

    looked: ClassVar[set[str]] = set()

    def post(self, path: str, body: Any) -> Any:
        name = str(body)
        if path == "/automations/filter" and name not in self.looked:
            self.looked.add(name)
            return []
        return super().post(path, body)


class _Refusing(PrefectServer):
    def _call(self, method: str, path: str, body: object) -> Any:
        from wickie.https import Reply  # noqa: PLC0415

        del method, path, body
        return Reply(401, json.dumps({"detail": "no"}).encode())
