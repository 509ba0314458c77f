"""Ignores end, VEX statements say why, and neither hides more than it names."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.vulnerabilities.paper import PURL, finding
from wickie.errors import ConfigError
from wickie.vulnerabilities.suppression import Ignore, Suppressions, load_vex

TODAY = date(2026, 3, 1)
IMAGE = f"registry.example.com/shop/web@sha256:{'a' * 64}"


def ignore(**differing: Any) -> Ignore:
    values = {
        "about": "CVE-2024-22195",
        "owner": "shop team",
        "reason": "no templates of strangers",
        "until": TODAY,
    }
    return Ignore(**{**values, **differing})


def applied(suppressions: Suppressions, **differing: Any) -> Any:
    (found,) = suppressions.apply([finding(**differing)], IMAGE, TODAY)
    return found.suppressed_by


def test_an_ignore_counts_until_its_last_day_and_names_who_is_behind_it() -> None:
    by = applied(Suppressions((ignore(),)))
    assert (by.owner, by.reason, by.until) == ("shop team", "no templates of strangers", TODAY)
    assert Suppressions((ignore(),)).expired(TODAY) == ()


def test_an_ignore_that_has_ended_no_longer_counts_and_is_told() -> None:
    ended = Suppressions((ignore(until=TODAY - timedelta(days=1)),))
    assert applied(ended) is None
    (told,) = ended.expired(TODAY)
    assert "CVE-2024-22195 by shop team ended on 2026-02-28" in told


@pytest.mark.parametrize(
    ("said", "covered"),
    [
        ({"about": "GHSA-h5c8-rqwp-cp95"}, True),
        ({"about": "CVE-2024-2219"}, False),
        ({"purl": "pkg:pypi/jinja2"}, True),
        ({"purl": "pkg:pypi/jinja2@3.1.2?x=y"}, True),
        ({"purl": "pkg:pypi/jinja2@3.1.1"}, False),
        ({"purl": "pkg:pypi/jinja"}, False),
        ({"target": "sh?p"}, True),
        ({"target": "other*"}, False),
    ],
)
def test_an_ignore_covers_what_it_names_and_no_more(said: dict[str, str], covered: bool) -> None:
    assert bool(applied(Suppressions((ignore(**said),)))) is covered


def vex(folder: Path, *statements: Any) -> Path:
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "author": "shop team",
        "timestamp": "2026-01-01T00:00:00Z",
        "statements": statements,
    }
    path = folder / "shop.openvex.json"
    path.write_text(json.dumps(document))
    return path


def statement(products: list[Any], status: str = "not_affected", **more: Any) -> dict[str, Any]:
    return {
        "vulnerability": {"name": "CVE-2024-22195"},
        "products": products,
        "status": status,
        "justification": "vulnerable_code_not_in_execute_path",
        **more,
    }


_IMAGE_PURL = f"pkg:oci/web@sha256%3A{'a' * 64}?repository_url=registry.example.com/shop/web"


@pytest.mark.parametrize(
    ("product", "covered"),
    [
        ({"@id": PURL}, True),
        ({"@id": "https://example.com/x", "identifiers": {"purl": PURL}}, True),
        ({"@id": _IMAGE_PURL, "subcomponents": [{"@id": PURL}]}, True),
        ({"@id": _IMAGE_PURL}, True),
        ({"@id": _IMAGE_PURL, "subcomponents": [{"@id": "pkg:pypi/flask@3.0.0"}]}, False),
        ({"@id": _IMAGE_PURL.replace("shop/web", "other/web")}, False),
        ({"@id": _IMAGE_PURL.replace("a" * 64, "b" * 64)}, False),
        ({"@id": "pkg:oci/api"}, False),
    ],
)
def test_a_vex_statement_is_about_its_products(tmp_path: Path, product: Any, covered: bool) -> None:
    statements = load_vex(vex(tmp_path, statement([product])))
    by = applied(Suppressions(statements=statements))
    assert bool(by) is covered
    if by:
        assert by.reason == "vulnerable_code_not_in_execute_path"
        assert by.owner == "shop team"


@pytest.mark.parametrize("status", ["affected", "under_investigation"])
def test_a_later_vex_statement_takes_an_earlier_one_back(tmp_path: Path, status: str) -> None:
    product = [{"@id": PURL}]
    later = statement(product, status, timestamp="2026-02-01T00:00:00Z")
    statements = load_vex(vex(tmp_path, later, statement(product)))
    assert applied(Suppressions(statements=statements)) is None


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (statement([{"@id": PURL}], justification=""), "says not why; add a justification"),
        (statement([]), "names no products"),
        ({"status": "fixed"}, "cannot be read as OpenVEX"),
    ],
)
def test_a_vex_document_that_says_too_little_is_refused(
    tmp_path: Path, broken: Any, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        load_vex(vex(tmp_path, broken))
