from __future__ import annotations

import json
import pickle
import secrets
from datetime import UTC, datetime

import pytest

from wickie.credentials import DatabaseLogin, Sensitive
from wickie.errors import ConfigError
from wickie.model import Finding, Location, Severity, Stage, Verdict, to_jsonable

PASSWORD = secrets.token_urlsafe(16)


def document(**changes: object) -> str:
    value = {"engine": "postgres", "host": "db", "username": "app", "password": PASSWORD}
    return json.dumps({k: v for k, v in (value | changes).items() if v is not None})


def parse(text: str) -> DatabaseLogin:
    return DatabaseLogin.parse(text, "shop/db", ("postgres",), 5432)


def test_a_sensitive_value_shows_itself_to_nobody_who_does_not_ask():
    value = Sensitive(PASSWORD)
    assert PASSWORD not in f"{value} {value!r} {[value]}"
    assert value.reveal() == PASSWORD
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(value)
    with pytest.raises(TypeError):
        to_jsonable({"a": [value]})


def test_sensitive_values_compare_by_what_they_hide():
    assert Sensitive(PASSWORD) == Sensitive(PASSWORD)
    assert Sensitive(PASSWORD) != Sensitive(PASSWORD + "x")
    assert Sensitive(PASSWORD) != PASSWORD


def test_a_login_shows_no_password_and_keeps_it():
    login = parse(document())
    assert PASSWORD not in repr(login)
    assert PASSWORD not in str(login.document)
    assert json.loads(login.to_secret_string())["password"] == PASSWORD


def test_a_login_carries_along_what_it_does_not_understand():
    text = document(port="5433", shard={"a": [1]}, ssl=False)
    successor = parse(text).succeeded_by("other", Sensitive("new"))
    wanted = json.loads(text) | {"username": "other", "password": "new"}
    assert json.loads(successor.to_secret_string()) == wanted
    assert successor.port == 5433


@pytest.mark.parametrize("text", ["", "hunter2", "[1]", '"text"', "null", "{"])
def test_what_is_no_json_object_is_refused_with_the_remedy(text):
    with pytest.raises(ConfigError, match="secret shop/db is not a JSON object; store"):
        parse(text)


@pytest.mark.parametrize("key", ["engine", "host", "username", "password"])
@pytest.mark.parametrize("value", [None, 7, []])
def test_each_missing_key_is_named(key, value):
    with pytest.raises(ConfigError, match=f"secret shop/db lacks {key}; add them") as caught:
        parse(document(**{key: value}))
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("port", ["five", [], "54 32"])
def test_a_port_that_is_no_number_is_refused(port):
    with pytest.raises(ConfigError, match="port that is no number"):
        parse(document(port=port))


@pytest.mark.parametrize(
    ("labels", "stage"),
    [
        (["AWSCURRENT"], Stage.CURRENT),
        (["AWSPENDING", "AWSCURRENT"], Stage.CURRENT),
        (["AWSPENDING"], Stage.PENDING),
        (["mine", "AWSPREVIOUS"], Stage.PREVIOUS),
        (["mine"], Stage.RETIRED),
        ([], Stage.RETIRED),
    ],
)
def test_a_stage_is_read_off_the_labels(labels, stage):
    assert Stage.of(labels) is stage


def test_records_become_json():
    seen = datetime(2026, 1, 2, tzinfo=UTC)
    finding = Finding(
        "f1", "r1", "a title", Severity.HIGH, Location("s3://b/k", 3), "s3", first_seen=seen
    )
    value = json.loads(json.dumps(to_jsonable(finding)))
    assert value["location"] == {"uri": "s3://b/k", "line": 3}
    assert value["first_seen"] == "2026-01-02T00:00:00+00:00"
    assert value["verdict"] == Verdict.UNKNOWN
