"""In an account of thousands of resources a scan finds each leak and nothing else, every night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from moto import mock_aws

from tests.scan import downloads, paper
from tests.scan.paper import arn, drawn
from tests.scan.populated import prefect
from tests.scan.populated.account import COUNTS, Account
from tests.scan.populated.leaks import KINGFISHERS, WICKIES
from tests.scan.recorded import Recorded
from wickie.aws import Clients
from wickie.config import Scan
from wickie.credentials import Sensitive
from wickie.fingerprints import FingerprintTable, working_key
from wickie.https import place
from wickie.model import Finding, Gap, ScanResult, Stage
from wickie.prefect import PrefectServer
from wickie.scan import cache, engine, rules
from wickie.scan.cache import ScanCache
from wickie.scan.detectors import open_detectors
from wickie.scan.places import Opening, openings
from wickie.scan.sources import SOURCES
from wickie.scan.sources.prefect import reading_from

pytestmark = pytest.mark.slow

SEED: Final = 20261126
# JSON in quotes of a shell would be one encoding in another.
SYMBOLS: Final = paper.SYMBOLS.replace("'", "")
OPTIONS: Final = {"s3": {"bucket": "shop"}, "lambda-code": {"prefix": "code-"}}


@dataclass
class World:
    """The account, what wickie has deployed there, and Prefect."""

    account: Account
    clients: Clients
    api: PrefectServer
    key: bytes = field(repr=False)

    def scan(self) -> dict[str, ScanResult]:
        """Scan every target as the nightly flow does."""
        options = {
            **OPTIONS,
            "directory": {"path": str(self.account.folder / "files")},
            "git": {"path": str(self.account.folder / "repository")},
        }
        targets = [{"kind": kind, **options.get(kind, {})} for kind in SOURCES]
        scope = Scan.model_validate({"targets": targets})
        table = FingerprintTable(self.clients.dynamodb, "prints")
        detectors = open_detectors(self.key, tuple(table.load()))
        results = {}
        for opening in openings(scope, self.clients, lambda: self.api):
            assert isinstance(opening, Opening)
            stored = cache.load(self.clients.s3, "results", opening.name)
            known = ScanCache(detectors, self.key, stored)
            result = engine.scan([opening.open()], detectors, run_id="r", cache=known)
            cache.save(self.clients.s3, "results", opening.name, known.dump())
            results[opening.kind] = result
        return results

    def planted(self) -> dict[tuple[str, int | None], str]:
        where = f"prefect:{place(self.api.api_url)}"
        there = {(f"{where}/{at}", None): what for at, what in self.account.prefect_places.items()}
        return self.account.planted | there


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    secrets = {f"shop/{number}": drawn(alphabet=SYMBOLS) for number in range(40)}
    moto = mock_aws(config={"stepfunctions": {"execute_state_machine": False}})
    with moto, downloads.serving() as served:
        made = Recorded().clients
        key = _deployed(made, secrets)
        account = Account(SEED, made.service, tmp_path, served, secrets)
        account.fill()
        with prefect.serving(account.prefect) as url:
            clients = Recorded(replies=account.replies).clients
            yield World(account, clients, reading_from(url), key)


def _deployed(clients: Clients, secrets: dict[str, str]) -> bytes:
    """A bucket for the cache, and prints of every secret, whatever stage its version is in."""
    clients.s3.create_bucket(Bucket="results")
    names: Any = {"secret": "HASH", "version": "RANGE"}
    clients.dynamodb.create_table(
        TableName="prints",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        BillingMode="PAY_PER_REQUEST",
    )
    made = clients.kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    key = working_key(clients.kms, made["KeyMetadata"]["KeyId"])
    table = FingerprintTable(clients.dynamodb, "prints")
    for number, (name, value) in enumerate(secrets.items()):
        table.publish(arn(name), "v1", [*Stage][number % len(Stage)], Sensitive(value), key)
    return key


def _what(finding: Finding) -> str:
    if finding.managed:
        return finding.managed.arn
    return WICKIES if finding.rule_id.startswith(rules.PREFIX) else KINGFISHERS


def test_every_planted_leak_is_found_and_nothing_else_on_each_of_two_nights(world: World) -> None:
    assert {*COUNTS} == {*SOURCES}
    assert sum(COUNTS.values()) >= 2000
    first = world.scan()
    gaps: list[Gap] = [gap for result in first.values() for gap in result.gaps]
    assert not gaps
    found = {
        (finding.location.uri, finding.location.line): _what(finding)
        for result in first.values()
        for finding in result.findings
    }
    planted = world.planted()
    assert len(planted) > 5 * len(SOURCES)
    missed = {at: what for at, what in planted.items() if at not in found}
    alarms = {at: what for at, what in found.items() if at not in planted}
    assert (missed, alarms) == ({}, {})
    assert found == planted
    assert sum(len(result.findings) for result in first.values()) == len(planted)

    second = world.scan()
    for kind, result in second.items():
        assert {*result.findings} == {*first[kind].findings}
        assert result.unchanged == result.artifacts == first[kind].artifacts
        assert result.bytes_scanned == 0
