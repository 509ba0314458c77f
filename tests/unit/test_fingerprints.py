"""Prints of values: how they are written, what is fit to be printed, and the table they are in."""

from __future__ import annotations

import json
import secrets
import string

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from tests.deployed import create_key, create_prints
from wickie.credentials import Sensitive
from wickie.errors import RotationError
from wickie.fingerprints import FingerprintTable, encodings, entries, publishable, working_key
from wickie.fingerprints.prints import SHORTEST, pack, unpack
from wickie.model import Stage

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf"
NOW = 1_800_000_000
SYMBOLS = string.ascii_letters + string.digits + string.punctuation


def drawn(length: int, alphabet: str = SYMBOLS) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


@pytest.fixture
def table():
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        create_prints(dynamodb)
        yield FingerprintTable(dynamodb, "prints", now=lambda: NOW)


def items(table: FingerprintTable) -> dict[str, dict]:
    return {i["version"]["S"]: i for i in table.dynamodb.scan(TableName="prints")["Items"]}


def stages(table: FingerprintTable) -> dict[str, str]:
    return {version: item["stage"]["S"] for version, item in items(table).items()}


def published(table: FingerprintTable, **versions: Stage) -> None:
    for version, stage in versions.items():
        table.publish(ARN, version, stage, Sensitive(drawn(32)), bytes(32))


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_each_encoding_of_a_value_stands_once(value):
    found = encodings(value)
    assert found["raw"] == value.encode()
    assert len(set(found.values())) == len(found)


def test_a_value_without_special_characters_has_fewer_encodings():
    assert encodings("a" * 20).keys() == {
        "raw", "utf-16-le", "utf-16-be", "base64-0", "base64-1", "base64-2",
    }  # fmt: skip


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.binary(min_size=32, max_size=32))
def test_what_is_stored_is_read_back(value, key):
    printed = list(entries(value, key))
    assert list(unpack(pack(printed))) == printed
    assert all(length >= SHORTEST for _, length, _, _ in printed)


def test_prints_made_with_another_key_have_nothing_in_common():
    value = drawn(32)
    (_, _, windows, whole), (_, _, other_windows, other_whole) = (
        next(entries(value, secrets.token_bytes(32))) for _ in range(2)
    )
    assert not {*windows, whole} & {*other_windows, other_whole}


@pytest.mark.parametrize(
    "alphabet",
    [
        string.ascii_letters + string.digits,
        SYMBOLS,
        string.ascii_letters + string.digits + "-_",
        string.hexdigits.lower()[:16],
    ],
)
def test_generated_values_of_32_characters_are_published(alphabet):
    # A few in a thousand look too much like words or repeat too much; whoever rotates draws again.
    assert sum(publishable(drawn(32, alphabet)) for _ in range(300)) >= 290


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(drawn(23), id="23 drawn at random"),
        "correct horse battery staple",
        "Correct-Horse-Battery-Staple-1!",
        "ThisIsMySecretPasswordFor2026!",
        "aB1!" * 10,
        "1234567890" * 4,
        "",
    ],
)
def test_short_chosen_or_repeating_values_are_not(value):
    assert not publishable(value)


def test_the_working_key_is_the_same_each_time_and_differs_by_kms_key():
    with mock_aws():
        kms = boto3.client("kms")
        one, other = create_key(kms), create_key(kms)
        assert working_key(kms, one) == working_key(kms, one) != working_key(kms, other)


def test_a_published_version_is_loaded_with_every_encoding(table):
    value, key = drawn(32), secrets.token_bytes(32)
    table.publish(ARN, "v1", Stage.CURRENT, Sensitive(value), key)
    loaded = list(table.load())
    assert [(f.encoding, f.length, f.windows, f.digest) for f in loaded] == list(
        entries(value, key)
    )
    assert {(f.arn, f.version_id, f.stage) for f in loaded} == {(ARN, "v1", Stage.CURRENT)}


def test_the_table_holds_no_value_in_any_encoding(table):
    value = drawn(32)
    table.publish(ARN, "v1", Stage.CURRENT, Sensitive(value), bytes(32))
    stored = json.dumps(items(table), default=repr, ensure_ascii=False)
    raw = items(table)["v1"]["entries"]["B"]
    for encoded in encodings(value).values():
        assert encoded not in raw
        assert repr(encoded)[2:-1] not in stored


def test_a_value_that_people_may_have_chosen_is_not_published(table):
    table.publish(ARN, "v1", Stage.CURRENT, Sensitive("correct horse battery staple"), bytes(32))
    assert items(table) == {}


def test_restaging_follows_the_labels_and_retires_the_rest(table):
    published(table, v1=Stage.PREVIOUS, v2=Stage.CURRENT, v3=Stage.PENDING)
    table.restage(ARN, {"v2": Stage.PREVIOUS, "v3": Stage.CURRENT})
    assert stages(table) == {"v1": "RETIRED", "v2": "PREVIOUS", "v3": "CURRENT"}
    assert items(table)["v1"]["expires"]["N"] == str(NOW + 90 * 24 * 3600)
    assert "expires" not in items(table)["v2"]


def test_restaging_again_changes_nothing(table):
    published(table, v1=Stage.CURRENT, v2=Stage.PENDING)
    table.restage(ARN, {"v2": Stage.CURRENT})
    before = items(table)
    FingerprintTable(table.dynamodb, "prints", now=lambda: NOW + 1000).restage(
        ARN, {"v2": Stage.CURRENT}
    )
    assert items(table) == before


def test_a_retired_version_that_is_restored_does_not_expire(table):
    published(table, v1=Stage.CURRENT)
    table.restage(ARN, {})
    table.restage(ARN, {"v1": Stage.CURRENT})
    assert stages(table) == {"v1": "CURRENT"}
    assert "expires" not in items(table)["v1"]


def test_restaging_leaves_other_secrets_alone_and_knows_unpublished_versions(table):
    published(table, v1=Stage.CURRENT)
    table.restage(f"{ARN}-another", {"v9": Stage.CURRENT})
    assert stages(table) == {"v1": "CURRENT"}


def test_overlapping_restagings_leave_the_stages_of_one_of_them(table, monkeypatch):
    published(table, v1=Stage.CURRENT, v2=Stage.PENDING, v3=Stage.PREVIOUS)
    ours, theirs = {"v2": Stage.CURRENT, "v1": Stage.PREVIOUS}, {"v3": Stage.CURRENT}
    write = table.dynamodb.transact_write_items

    def overtaken(**request):
        monkeypatch.setattr(table.dynamodb, "transact_write_items", write)
        table.restage(ARN, theirs)
        return write(**request)

    monkeypatch.setattr(table.dynamodb, "transact_write_items", overtaken)
    table.restage(ARN, ours)
    assert stages(table) == {"v1": "PREVIOUS", "v2": "CURRENT", "v3": "RETIRED"}


def test_restaging_that_is_overtaken_for_ever_is_an_error(table, monkeypatch):
    published(table, v1=Stage.CURRENT, v2=Stage.PENDING)
    write, turns = table.dynamodb.transact_write_items, iter(range(100))

    def overtaken(**request):
        stage = (Stage.PREVIOUS, Stage.PENDING)[next(turns) % 2]
        table.publish(ARN, "v1", stage, Sensitive(drawn(32)), bytes(32))
        return write(**request)

    monkeypatch.setattr(table.dynamodb, "transact_write_items", overtaken)
    with pytest.raises(RotationError, match="shop/db"):
        table.restage(ARN, {"v2": Stage.CURRENT})
