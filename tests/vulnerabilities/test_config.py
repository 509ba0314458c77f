"""The section `vulnerabilities` of wickie.yaml."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from wickie.config.vulnerabilities import Vulnerabilities

EXAMPLE = Path(__file__).parents[2] / "wickie.example.yaml"


def test_the_example_is_valid_once_its_comment_is_taken_away() -> None:
    _, _, rest = EXAMPLE.read_text().partition("# vulnerabilities:\n")
    lines = rest.partition("\n\n")[0].splitlines()
    section = yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines))
    found = Vulnerabilities.model_validate(section)
    assert found.open_scanners().keys() == {"trivy", "grype"}
    assert found.scanners[0].database.max_age == timedelta(days=3)
    assert len(found.targets) == 3


TRIVY = {"engine": "trivy", "database": {"directory": "a"}}
IGNORE = {"advisory": "CVE-1", "owner": "a", "reason": "b", "until": "2030-01-01"}


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"targets": [{"kind": "image", "image": "shop:1"}]}, "not named by digest"),
        ({"targets": [{"kind": "directory", "path": "."}]}, "nobody scans these targets"),
        ({"scanners": [TRIVY, TRIVY]}, "stands here twice"),
        ({"ignore": [{**IGNORE, "until": None}]}, "until"),
        ({"ignore": [{**IGNORE, "owner": ""}]}, "owner"),
    ],
)
def test_mistakes_are_told_where_they_stand(section: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Vulnerabilities.model_validate(section)


def test_what_aws_has_found_needs_no_scanner() -> None:
    assert Vulnerabilities.model_validate({"targets": [{"kind": "inspector-findings"}]}).targets
