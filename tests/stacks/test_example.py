"""wickie.example.yaml is what people start from, so it is valid and leaves nothing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stacks.conftest import ROOT
from wickie.config import Config, ManagedSecret, Network, Prefect, Reporting, Scan
from wickie.config.honeytoken import Honeytoken
from wickie.config.prefect import Server
from wickie.config.secret import Passwords
from wickie.config.targets import IgnoredFinding, Verify

if TYPE_CHECKING:
    from pydantic import BaseModel


def test_the_example_loads(example: Config) -> None:
    assert example.stage == "dev"
    assert {secret.strategy for secret in example.secrets} == {"single-user", "alternating-users"}
    assert len({target.kind for target in example.scan.targets}) == 5


SECTIONS = (Config, ManagedSecret, Passwords, Network, Scan, Reporting, Prefect)
MORE = (Honeytoken, Verify, IgnoredFinding, Server)


@pytest.mark.parametrize("section", [*SECTIONS, *MORE])
def test_the_example_shows_every_setting(section: type[BaseModel]) -> None:
    text = (ROOT / "wickie.example.yaml").read_text()
    assert not [name for name in section.model_fields if f"{name}:" not in text]
