"""Every generic rule finds what its examples say, whatever the value's shape, and nothing else."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from random import sample
from typing import Final
from urllib.parse import quote

import pytest
import yaml

from tests.scan.paper import ALPHANUMERIC, KEY, chunk, drawn
from wickie.scan import rules
from wickie.scan.chunk import Match
from wickie.scan.detectors import KingfisherDetector, plausible
from wickie.scan.overlap import settled

SHAPES = ("human", "random", "symbols")
HUMAN = ("Brook", "Tiger", "Maple", "Violin", "Quartz", "Harbor")


def with_digits(length: int, alphabet: str = ALPHANUMERIC) -> str:
    """Drawn until it is as mixed as nearly all are, and no `xxx` or `your` is in it by chance."""
    while True:
        value = drawn(length, alphabet)
        kinds = (str.isdigit, str.islower, str.isupper)
        mixed = all(sum(map(kind, value)) >= 2 for kind in kinds) and value[0].isalnum()
        if mixed and not plausible._PLACEHOLDERS.search(value):
            return value


def value_of(shape: str, symbols: str) -> str:
    if shape == "human":
        return f"{secrets.choice(HUMAN)}{secrets.choice(HUMAN)}{secrets.randbelow(900) + 100}"
    if shape == "random":
        return with_digits(20)
    return with_digits(24, ALPHANUMERIC + symbols)


def written(example: str, shape: str) -> str:
    """The example with values made for it; the name says what may stand in that place."""
    password = value_of(shape, "!#^+-_?~@")
    made = {
        "password": password,
        "setting": value_of(shape, "!@^+-_?~"),
        "word": value_of(shape, "!^+-_?~"),
        "sql": value_of(shape, "!@#^+-_?~&"),
        "xml": value_of(shape, "!@#^+-_?~"),
        "quotable": value_of(shape, "!@#^+-_?~"),
        "simple": "".join(sample("bdfgkmprtz", 10)) if shape == "human" else password,
        "alphanumeric": with_digits(16),
        "url": quote(password, safe=""),
        "basic": base64.b64encode(f"app:{password}".encode()).decode(),
        "echoed": base64.b64encode(f"app:{password}\n".encode()).decode(),
        "base64": base64.b64encode(password.encode()).decode(),
        "token": with_digits(40),
        "token64": with_digits(64),
        "hash22": with_digits(22),
        "hash38": with_digits(38),
        "hash53": with_digits(53),
        "hash86": with_digits(86),
        "wireguard": f"{with_digits(42)}A=",
    }
    return re.sub(r"\{(\w+)\}", lambda name: made.get(name[1], name[0]), example)


RULES: Final = {
    rule["id"]: rule for path in rules.FILES for rule in yaml.safe_load(path.read_text())["rules"]
}


def found_in(detector: KingfisherDetector, texts: Sequence[str]) -> list[set[str]]:
    """The rules that find something, of each text by itself."""
    found: list[set[str]] = [set() for _ in texts]
    chunks = [chunk(text.encode(), str(number)) for number, text in enumerate(texts)]
    for match in settled(list(detector.detect(chunks))):
        if isinstance(match, Match):
            found[int(match.finding.location.uri)].add(match.finding.rule_id)
    return found


def found(detector: KingfisherDetector, text: str) -> set[str]:
    return found_in(detector, [text])[0]


@pytest.fixture(scope="session")
def generic(tmp_path_factory) -> KingfisherDetector:
    """The rules of the pack by themselves: what Kingfisher's own find would hide them."""
    return KingfisherDetector(KEY, tmp_path_factory.mktemp("compiled"), builtins=False)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_its_examples(generic, rule):
    examples = [(shape, each) for shape in SHAPES for each in RULES[rule]["examples"]]
    texts = [written(each, shape) for shape, each in examples for _ in range(5)]
    missed = [
        text for text, ids in zip(texts, found_in(generic, texts), strict=True) if ids != {rule}
    ]
    assert not missed


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_finds_what_is_no_credential(generic, rule):
    texts = RULES[rule]["negative_examples"]
    told = {text: ids for text, ids in zip(texts, found_in(generic, texts), strict=True) if ids}
    assert not told


def test_every_rule_has_examples_of_both_kinds_and_an_id_of_its_own():
    packed = [rule for path in rules.FILES for rule in yaml.safe_load(path.read_text())["rules"]]
    assert all(rule["examples"] and rule["negative_examples"] for rule in packed)
    assert all(rule["id"].startswith(rules.PREFIX) for rule in packed)
    assert len({rule["id"] for rule in packed}) == len(packed) >= 20


def test_the_version_of_the_detector_changes_with_any_rule(generic, monkeypatch, tmp_path):
    before = generic.version
    copies = [tmp_path / path.name for path in rules.FILES]
    for path, copy in zip(rules.FILES, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(rules, "FILES", tuple(copies))
    assert generic.version == before
    Path(copies[0]).write_text(copies[0].read_text().replace("{4,128}", "{5,128}"))
    assert generic.version != before


def test_what_comes_up_by_chance_in_an_image_is_no_credential(kingfisher):
    token = f"AIza{drawn(35, ALPHANUMERIC)}"
    assert found(kingfisher, f"KEY: {token}\n") == {"betterleaks.gcp-api-key"}
    assert found(kingfisher, f"LOGO: data:image/png;base64,iVBO+{token}\n") == set()
    encoded = base64.b64encode(f"key={token}".encode()).decode()
    assert found(kingfisher, f"FILE: data:text/plain;base64,{encoded}\n")


def account_with(key: str, key_id: str | None = None) -> str:
    """A service account of Google's."""
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": key_id or secrets.token_hex(20),
        "private_key": f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_email": "app@shop.iam.gserviceaccount.com",
    }
    return json.dumps(account)


def test_what_documentation_says_in_the_place_of_a_credential_is_none(kingfisher):
    url = "postgres://app:{}@db.shop.internal/shop"
    assert found(kingfisher, url.format(with_digits(16))) == {"betterleaks.generic-credential-uri"}
    assert found(kingfisher, url.format("password")) == set()
    assert "betterleaks.gcp-service-account" in found(kingfisher, account_with(with_digits(800)))
    assert found(kingfisher, account_with("...")) == set()
    assert found(kingfisher, account_with("key")) != set()
    assert found(kingfisher, account_with("key", "key_id")) == set()
    curl = 'curl --user "app:{}" https://api.shop.internal'
    # What begins with an x is a placeholder to Kingfisher, and only our own rule tells of it.
    assert found(kingfisher, curl.format(f"a{with_digits(15)}")) == {"betterleaks.curl-auth-user"}
    assert found(kingfisher, curl.format(f"x{with_digits(15)}")) == {"wickie.command-curl"}
    assert found(kingfisher, curl.format("$(cat /run/app)")) == set()
