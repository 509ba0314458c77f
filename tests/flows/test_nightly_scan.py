"""The `nightly-scan` flow: real detectors and fingerprints, a real Prefect server, moto's AWS."""

from __future__ import annotations

import json
import sqlite3
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.settings import get_current_settings

from tests.flows.conftest import Stand, recorded_tasks
from tests.rotation.paper import Secret
from wickie.asking import Patience
from wickie.errors import ConfigError, ProviderUnavailableError
from wickie.scan import sources

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "shop")]


def test_a_leaked_value_in_use_is_rotated_and_reported_dead(stand: Stand, secret: Secret) -> None:
    leak = stand.plant("logs", f"password={stand.values['v1']}")
    state = stand.scan(leak)
    assert state.is_completed(), state.message
    summary = state.result()
    assert [r["state"] for r in summary["rotations"]] == ["ROTATED"]
    assert "v1" not in secret.live
    report = stand.report()
    (finding,) = report["scan"]["findings"]
    assert finding["verdict"] == "DEAD"
    assert finding["first_seen"]
    assert report["rotations"][0]["timeline"][0]["step"] == "leak seen"
    assert json.loads(json.dumps(summary)) == summary


def test_the_response_is_seen_as_tasks_of_the_run_and_fails_as_one(
    stand: Stand, secret: Secret
) -> None:
    secret.answers[("retire", "v1")] = ConfigError("not allowed on shop/db")
    state = stand.scan(stand.plant("logs", stand.values["v1"]))
    steps = {"throttle": "COMPLETED", "start": "COMPLETED", "retire old": "FAILED"}
    expected = {*steps.items(), ("rotate shop/db", "FAILED")}
    # The server learns of task runs from events, so a moment later.
    assert Patience(120).until(lambda: expected <= recorded_tasks(state).items() or None)


def test_a_value_found_in_many_places_is_rotated_once(stand: Stand, secret: Secret) -> None:
    targets = [stand.plant(f"logs{n}", stand.values["v1"]) for n in range(3)]
    state = stand.scan(*targets)
    assert len(state.result()["rotations"]) == 1
    assert len(secret.rotations) == 1
    assert [f["verdict"] for f in stand.report()["scan"]["findings"]] == ["DEAD"] * 3


def test_a_previous_value_is_retired_and_a_retired_one_is_information(
    stand: Stand, secret: Secret
) -> None:
    old = stand.plant("old", stand.values["v0"])
    ancient = stand.plant("ancient", stand.values["ancient"])
    state = stand.scan(old, ancient)
    assert state.is_completed(), state.message
    assert secret.rotations == []
    assert [version for action, version in secret.asked if action == "retire"] == ["v0"]
    assert len(stand.report()["scan"]["findings"]) == 2


def test_containment_does_not_wait_for_the_other_targets(
    stand: Stand, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow target goes on being read until the leaked value is retired, or a minute is up."""
    retired, invoke, real = threading.Event(), secret.invoke, sources.open_source
    in_time: list[bool] = []

    def noticed(**call: Any) -> Any:
        reply = invoke(**call)
        if "v1" not in secret.live:
            retired.set()
        return reply

    def open_slowly(kind: str, options: Any, clients: Any) -> Any:
        source = real(kind, options, clients)
        if not source.uri.endswith("slow"):
            return source

        def artifacts() -> Any:
            in_time.append(retired.wait(60))
            yield from source.artifacts()

        return SimpleNamespace(uri=source.uri, kind=kind, artifacts=artifacts)

    monkeypatch.setattr(secret, "invoke", noticed)
    monkeypatch.setattr(sources, "open_source", open_slowly)
    slow, leak = stand.plant("slow", "nothing"), stand.plant("logs", stand.values["v1"])
    assert stand.scan(slow, leak).is_completed()
    assert in_time == [True]
    assert stand.report()["scan"]["artifacts"] == 2


def test_a_target_that_cannot_be_read_is_listed_and_the_others_are_scanned(stand: Stand) -> None:
    leak = stand.plant("logs", stand.values["v1"])
    state = stand.scan(stand.folder / "nowhere", leak)
    assert state.is_completed(), state.message
    (gap,) = stand.report()["scan"]["gaps"]
    assert "nowhere" in gap["uri"]
    assert "no file or directory" in gap["reason"]
    assert state.result()["gaps"] == 1


def test_a_scan_that_read_nothing_fails_and_says_why(stand: Stand) -> None:
    state = stand.scan(stand.folder / "nowhere")
    assert state.is_failed()
    assert "nothing could be read" in state.message
    assert "no file or directory" in state.message
    assert stand.report()["scan"]["gaps"], "it is reported all the same"


def test_no_target_at_all_is_a_mistake_of_the_configuration(stand: Stand) -> None:
    state = stand.scan()
    assert state.is_failed()
    assert "add scan.targets" in state.message


def test_a_leak_that_cannot_be_contained_fails_the_run_after_its_report(
    stand: Stand, secret: Secret
) -> None:
    secret.answers[("retire", "v1")] = ProviderUnavailableError("db.internal is unreachable")
    state = stand.scan(stand.plant("logs", stand.values["v1"]))
    assert state.is_failed()
    assert "db.internal is unreachable" in state.message
    assert stand.report()["rotations"][0]["state"] == "FAILED"


def test_a_capped_response_fails_the_run_and_one_switched_off_does_not(
    stand: Stand, secret: Secret
) -> None:
    leak = stand.plant("logs", stand.values["v1"])
    assert stand.scan(leak, rotate_on_leak=False).is_completed()
    state = stand.scan(leak, rotate_on_leak=True, max_rotations_per_hour=0)
    assert state.is_failed()
    assert "rotate it by hand" in state.message
    assert secret.rotations == []


def test_a_source_that_breaks_in_an_unforeseen_way_is_a_gap_told_without_its_text(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError(stand.values["v1"])

    real = sources.open_source
    monkeypatch.setattr(
        sources,
        "open_source",
        lambda kind, options, clients: (
            broken() if options["path"].endswith("odd") else real(kind, options, clients)
        ),
    )
    state = stand.scan(stand.plant("odd", "nothing"), stand.plant("plain", "nothing"))
    assert state.is_completed(), state.message
    (gap,) = stand.report()["scan"]["gaps"]
    assert "KeyError" in gap["reason"]
    assert stand.values["v1"] not in gap["reason"]


def test_no_value_reaches_prefects_database_or_the_bucket(stand: Stand) -> None:
    leak = stand.plant("logs", f"password={stand.values['v1']} old={stand.values['v0']}")
    assert stand.scan(leak).is_completed()
    url = get_current_settings().server.database.connection_url.get_secret_value()
    with sqlite3.connect(url.partition(":///")[2]) as database:
        dump = "\n".join(database.iterdump())
    assert "nightly-scan" in dump
    listed = stand.aws.s3.list_objects_v2(Bucket="results")["Contents"]
    texts = [
        stand.aws.s3.get_object(Bucket="results", Key=each["Key"])["Body"].read() for each in listed
    ]
    for value in stand.values.values():
        assert value not in dump
        assert not any(value.encode() in text for text in texts)


def test_findings_go_to_security_hub_only_if_asked_and_a_refusal_fails_the_run(
    stand: Stand, secret: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = secret.service("securityhub")
    monkeypatch.setattr(Secret, "region", "us-east-1", raising=False)
    leak = stand.plant("logs", stand.values["v1"])
    assert stand.scan(leak).is_completed()
    assert hub.get_findings()["Findings"] == []
    stand.config.write_text(
        json.dumps(json.loads(stand.config.read_text()) | {"report": {"security_hub": True}})
    )
    assert stand.scan(leak).is_completed()
    (held,) = hub.get_findings()["Findings"]
    assert held["Id"].startswith("wickie/test/")

    failure = {"Id": held["Id"], "ErrorCode": "InvalidInput", "ErrorMessage": "odd"}
    reply = {"SuccessCount": 0, "FailedCount": 1, "FailedFindings": [failure]}
    monkeypatch.setattr(hub, "batch_import_findings", lambda **_: reply)
    state = stand.scan(leak)
    assert state.is_failed()
    assert f"refused 1 of 1 findings: {held['Id']}: InvalidInput: odd" in state.message
