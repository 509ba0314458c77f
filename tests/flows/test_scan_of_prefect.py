"""What a real Prefect server holds in plain text is scanned."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from prefect.variables import Variable

from flows.prefect_api import prefect_api
from tests.scan.paper import managed, read
from wickie.asking import Patience
from wickie.aws import Clients
from wickie.config import Scan
from wickie.errors import ConfigError, SourceError
from wickie.scan import engine
from wickie.scan.places import Opening, openings
from wickie.scan.sources import open_source
from wickie.scan.sources.prefect import reading_from

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]

ONCE = Patience(0)
PLACES = ("variable", "parameter", "log", "artifact", "deployment", "environment")


@pytest.fixture
def values() -> dict[str, str]:
    return {place: secrets.token_urlsafe(32) for place in PLACES}


@flow(name="leaky")
def leaky(password: str, log: str, artifact: str) -> None:
    """Writes what it should not."""
    assert password
    get_run_logger().info("connecting with %s", log)
    create_markdown_artifact(key="leak", markdown=f"# token\n{artifact}")


def fill(values: dict[str, str]) -> None:
    """Put each value where its name says."""
    Variable.set("shop_token", values["variable"], overwrite=True)
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: True}):
        leaky(values["parameter"], values["log"], values["artifact"])
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name("leaky")
        client.create_deployment(
            flow_id,
            "nightly",
            parameters={"nested": {"password": values["deployment"]}},
            job_variables={"env": {"TOKEN": values["environment"]}},
        )


def source() -> Any:
    scope = Scan.model_validate({"targets": [{"kind": "prefect"}]})
    (opening,) = openings(scope, Clients(), prefect_api)
    assert isinstance(opening, Opening)
    return opening.open()


def test_a_value_is_found_wherever_prefect_keeps_it_in_plain_text(values: dict[str, str]) -> None:
    fill(values)
    detector = managed(*values.values())

    def found() -> Any:
        result = engine.scan([source()], [detector], run_id="r")
        assert result.gaps == ()
        uris = {f.location.uri for f in result.findings}
        # Logs reach the server a moment later.
        return result.findings if any("/logs#" in uri for uri in uris) else None

    findings = Patience(120).until(found)
    assert findings is not None
    assert len({finding.managed.arn for finding in findings}) == len(PLACES)
    uris = {finding.location.uri for finding in findings}
    for part in (
        "/variables/shop_token#shop_token",
        "#parameters/password",
        "#parameters/nested",
        "#job_variables/env",
        "/artifacts/leak/",
    ):
        assert any(part in uri for uri in uris), (part, uris)


def test_only_runs_and_artifacts_of_the_last_hours_are_read(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(values)
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("wickie.scan.sources.prefect.since", lambda _: later)
    uris = {part.uri for part in read(source())}
    assert any("/variables/" in uri for uri in uris)
    assert not any("/artifacts/" in uri for uri in uris)


def test_listings_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wickie.scan.sources.prefect._PAGE", 2)
    for number in range(5):
        Variable.set(f"page_{number}", "x", overwrite=True)
    uris = {part.uri for part in read(source())}
    assert len([uri for uri in uris if "/variables/page_" in uri]) == 5


def test_without_prefect_or_when_it_does_not_answer_the_source_is_a_gap() -> None:
    with pytest.raises(ConfigError, match="set PREFECT_API_URL"):
        open_source("prefect", {}, None)
    with pytest.raises(SourceError, match="does not answer"):
        read(
            open_source(
                "prefect", {}, replace(reading_from("http://localhost:1/api"), patience=ONCE)
            )
        )
    api = prefect_api()
    assert api is not None
    with pytest.raises(SourceError, match="answered 404"):
        read(open_source("prefect", {}, reading_from(f"{api.api_url}/nowhere")))


def test_the_key_is_shown_nowhere() -> None:
    key = secrets.token_urlsafe(32)
    scope = Scan.model_validate({"targets": [{"kind": "prefect", "hours": 2}]})
    api = replace(reading_from("http://localhost:1/api", f"Bearer {key}"), patience=ONCE)
    (opening,) = openings(scope, Clients(), lambda: api)
    assert isinstance(opening, Opening)
    opened = opening.open()
    assert key not in f"{opening!r}{opened!r}{opening.name}"
    with pytest.raises(SourceError) as error:
        read(opened)
    assert key not in str(error.value)
