"""An event starts one run of what it was mapped to, with parameters taken from it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.prefect import Prefect
from tests.rotation.dependents.servers import serve
from wickie.asking import Patience
from wickie.config.events import EventRule
from wickie.dispatch import Start, check_path, dispatch, started
from wickie.errors import ConfigError, ProviderUnavailableError
from wickie.prefect import PrefectServer

EVENT = {
    "id": "7f0f",
    "source": "aws.secretsmanager",
    "detail": {"additionalEventData": {"SecretId": "arn:a"}, "list": [{"a key": 1}]},
}


def parameters(**given: Any) -> dict[str, Any]:
    return Start("rotate/test", given).parameters_of(EVENT)


def test_a_path_is_taken_from_the_event_and_everything_else_as_it_stands() -> None:
    assert parameters(
        secret="$.detail.additionalEventData.SecretId",
        number="$.detail.list[0]['a key']",
        whole="$",
        reason="leak",
        limit=2,
    ) == {"secret": "arn:a", "number": 1, "whole": EVENT, "reason": "leak", "limit": 2}


@pytest.mark.parametrize("path", ["$.detail.none", "$.detail.list[7]", "$.source.x", "$.id[0].x"])
def test_an_event_that_lacks_what_is_wanted_starts_nothing(path: str) -> None:
    with pytest.raises(ConfigError, match=r"the event has nothing at .* for secret"):
        parameters(secret=path)


@pytest.mark.parametrize("path", ["$detail", "$.a..b", "$.a[b]", "$['a", "$.a "])
def test_what_is_meant_to_be_a_path_and_is_none_is_refused_when_wickie_yaml_is_read(
    path: str,
) -> None:
    with pytest.raises(ConfigError, match="is no path"):
        check_path(path)
    with pytest.raises(ValueError, match="is no path"):
        EventRule(name="a", pattern={"source": ["b"]}, deployment="c/d", parameters={"e": path})


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    with serve(Prefect) as prefect:
        yield prefect


class Secrets:
    """Secrets Manager with the key of Prefect's API."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(16)

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803  (AWS's name)
        assert SecretId == "prefect/key"
        return {"SecretString": self.key, "ARN": "arn:key"}


def message(name: str = "leak") -> dict[str, str]:
    return {"body": json.dumps({"name": name, "event": EVENT})}


def settings(prefect: Prefect, deployment: str = "rotate/test") -> dict[str, Any]:
    path = "$.detail.additionalEventData.SecretId"
    return {
        "api_url": prefect.url,
        "keys": {"api_key": "prefect/key", "auth_string": None},
        "starts": {"leak": {"deployment": deployment, "parameters": {"secret": path}}},
    }


def test_an_event_starts_one_run_however_often_it_is_delivered(prefect: Prefect) -> None:
    manager: Any = Secrets()
    answers = [dispatch(message(), settings(prefect), manager) for _ in range(2)]
    (run,) = prefect.runs.values()
    assert run["parameters"] == {"secret": "arn:a"}
    assert run["tags"] == ["event", "leak"]
    assert prefect.authorizations == {f"Bearer {manager.key}"}
    assert (
        answers[0]
        == answers[1]
        == {"event": "7f0f", "name": "leak", "run": "rotate/test:leak:7f0f"}
    )


def test_what_cannot_be_started_is_told_by_name_and_stays_in_the_queue(prefect: Prefect) -> None:
    manager: Any = Secrets()
    with pytest.raises(ConfigError, match="has no deployment rotate/none; register it"):
        dispatch(message(), settings(prefect, "rotate/none"), manager)
    with pytest.raises(ConfigError, match="nothing is started for gone any more"):
        dispatch(message("gone"), settings(prefect), manager)
    prefect.up = False
    server = PrefectServer(prefect.url, patience=Patience(0.05, first=0.01))
    with pytest.raises(ProviderUnavailableError, match="answered 503"):
        started(EVENT, "leak", Start("rotate/test"), server)
    assert not prefect.runs
