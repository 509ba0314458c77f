"""Every place that an AWS API lists: the value is found where it lies, with the rights declared."""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from typing import Final

import pytest
from moto import mock_aws

from tests.scan.answers import ANSWERS, PLACES
from tests.scan.paper import KEY, Paper, drawn, managed
from tests.scan.plants import PLANTS, Setting
from tests.scan.recorded import Recorded
from wickie.model import ScanResult
from wickie.scan import engine
from wickie.scan.cache import ScanCache
from wickie.scan.sources import SOURCES, open_source

KINDS: Final = (*PLANTS, *PLACES)
ELSEWHERE: Final = Paper([b"text"], version="1")
"""A scan of which all else is refused would be an error."""
_LOWER: Final = string.ascii_lowercase + string.digits
_NO_MACHINES: Final = {"stepfunctions": {"execute_state_machine": False}}


@dataclass
class Planted:
    """Two resources of a kind, of which `shop-one` holds a value."""

    kind: str
    value: str
    where: str
    aws: Recorded
    stored: bytes = b""

    def scan(self, prefix: str = "", refused: str = "") -> tuple[ScanResult, Recorded]:
        """Scan them as the next night's scan would."""
        aws, self.aws.calls, self.aws.actions = self.aws, [], set()
        aws.refused = refused
        detectors = [managed(self.value)]
        cache = ScanCache(detectors, KEY, self.stored)
        source = open_source(self.kind, {"prefix": prefix}, aws.clients)
        result = engine.scan([source, ELSEWHERE], detectors, run_id="r", cache=cache)
        self.stored = cache.dump()
        return result, replace(aws)


@pytest.fixture(scope="module", params=KINDS)
def account(request):
    """One for all that is asked of a kind: making its resources takes longer than a scan."""
    kind, value = request.param, drawn(alphabet=_LOWER)
    with mock_aws(config=_NO_MACHINES):
        aws = Recorded()
        settings = {
            "other-one": Setting("DB_PASSWORD", "nothing"),
            "shop-one": Setting("DB_PASSWORD", value),
        }
        for name, setting in settings.items():
            if kind in PLACES:
                where = PLACES[kind](name, setting)
            else:
                where = PLANTS[kind](aws.clients.service, name, setting)
        aws.replies = {**ANSWERS.get(kind, lambda _: {})(settings)}
        yield Planted(kind, value, where, aws)


@pytest.fixture
def planted(account):
    """As on the first night."""
    return replace(account)


def _found(result: ScanResult) -> list[str]:
    return [finding.location.uri for finding in result.findings]


def test_a_value_is_found_where_people_put_it_with_exactly_the_declared_permissions(planted):
    result, aws = planted.scan()
    assert _found(result) == [planted.where]
    assert result.findings[0].source == planted.kind
    assert not result.gaps
    assert aws.actions == {*SOURCES[planted.kind].permissions}


def test_a_prefix_narrows_what_is_read(planted):
    one, _ = planted.scan(prefix="shop-")
    both, _ = planted.scan()
    nothing, _ = planted.scan(prefix="no-such-")
    assert _found(one) == [planted.where]
    assert (nothing.artifacts, one.artifacts, both.artifacts) == (1, 2, 3)


# What the second night still asks for, where AWS tells by the list whether something changed.
LISTED_ONLY: Final = {
    "ecs-task-definition": {"ListTaskDefinitions"},
    "ec2-user-data": {"DescribeInstances"},
    "ssm-parameter": {"DescribeParameters"},
    "ssm-document": {"ListDocuments", "ListDocumentVersions"},
    "cloudformation-stack": {"DescribeStacks"},
    "step-functions-execution": {"ListStateMachines", "ListExecutions"},
    "sagemaker-model": {"ListModels"},
    "sagemaker-notebook-lifecycle": {"ListNotebookInstanceLifecycleConfigs"},
}


def test_the_second_night_looks_at_nothing_again_and_asks_no_more_than_it_must(planted):
    first, before = planted.scan()
    second, after = planted.scan()
    assert second.unchanged == second.artifacts == first.artifacts
    assert second.findings == first.findings
    assert {*after.calls} == LISTED_ONLY.get(planted.kind, {*before.calls})


def test_what_aws_refuses_is_named_and_the_rest_is_read(planted):
    _, aws = planted.scan()
    for operation in dict.fromkeys(aws.calls):
        planted.stored = b""
        result, _ = planted.scan(refused=operation)
        assert result.gaps
        assert all(f"AccessDenied: no {operation}" in gap.reason for gap in result.gaps)
        if operation == aws.calls[0]:
            needed = ", ".join(SOURCES[planted.kind].permissions)
            assert [gap.reason.partition("it takes ")[2] for gap in result.gaps] == [needed]
