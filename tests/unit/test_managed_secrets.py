"""What cannot be had together is refused as wickie.yaml is read, where it stands and why."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from wickie.config import ManagedSecret, load_config
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES, Engine

INVOICES = {"kind": "lambda", "function": "invoices"}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that makes its credentials itself."""
    monkeypatch.setitem(ENGINES, "keys", Engine("none", ("dual-key",)))


def load(tmp_path: Path, **settings: Any) -> ManagedSecret:
    path = tmp_path / "wickie.yaml"
    secret = {"name": "shop/db", "engine": "postgres", "strategy": "alternating-users"} | settings
    path.write_text(yaml.safe_dump({"stage": "dev", "secrets": [secret]}))
    return load_config(path).secrets[0]


SINGLE = {"strategy": "single-user"}
KEYS = {"engine": "keys", "strategy": "dual-key"}


@pytest.mark.parametrize(
    ("at", "settings", "complaint"),
    [
        ("passwords", {"passwords": {"length": 129}}, "129 characters; choose 24 to 128"),
        ("passwords", {"passwords": {"length": 23}}, "23 characters; choose 24 to 128"),
        (
            "passwords",
            {"passwords": {"symbols": "-@", "consumers": ["dsn", "url"]}},
            "consumer url does not take @ in a password unquoted",
        ),
        ("passwords", KEYS | {"passwords": {"length": 40}}, "dual-key draws no password"),
        ("passwords.lenght", {"passwords": {"lenght": 40}}, "unknown key"),
        ("master", SINGLE | {"master": "shop/admin"}, "single-user signs in as no administrator"),
        ("master", KEYS | {"master": "shop/admin"}, "dual-key signs in as no administrator"),
        ("master", {"master": "shop/db"}, "its own administrator's"),
        ("strategy", {"strategy": "dual-key"}, "use single-user or alternating-users"),
        ("schedule", {"schedule": "rate(3 hours)"}, "every four hours at most"),
        ("schedule", {"schedule": "rate(1 days)"}, r"write rate\(1 day\)"),
        ("schedule", {"schedule": "cron(30 3 * * ? *)"}, "the minutes must be 0"),
        ("schedule", {"schedule": "cron(0 3 * * * *)"}, "is not a cron expression"),
        ("schedule", {"schedule": "cron(0 24 * * ? *)"}, "is not a cron expression"),
        ("schedule", {"schedule": "cron(0 3 * * ? 2027)"}, "the year [*]"),
        ("schedule", {"schedule": "cron(0 /2 * * ? *)"}, "every four hours at most"),
        ("window", {"window": "90m"}, "whole hours"),
        ("window", {"window": "0h"}, "whole hours"),
        ("window", {"schedule": "rate(4 hours)", "window": "5h"}, "4h at most"),
        ("window", {"schedule": "cron(0 22 * * ? *)", "window": "3h"}, "2h at most"),
        ("window", {"schedule": "cron(0 /8 * * ? *)", "window": "9h"}, "8h at most"),
        ("window", {"window": "25h"}, "24h at most"),
        ("grace", {"schedule": "rate(1 day)", "grace": "24h"}, "shorter than the 24h"),
        ("grace", {"schedule": "cron(0 3 ? * SUN *)", "grace": "7d"}, "shorter than the 168h"),
        ("grace", {"schedule": "cron(0 3 1 * ? *)", "grace": "28d"}, "shorter than the 672h"),
        ("grace", SINGLE | {"grace": "1h"}, "single-user has no overlap"),
        ("dependents", {"dependents": [INVOICES, INVOICES]}, "'invoices': stands here twice"),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_reason(
    tmp_path: Path, at: str, settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **settings)
    text = str(caught.value)
    assert re.search(rf"secrets\.0\.{re.escape(at)}: .*{complaint}", text)
    assert text.count("secrets.0.") == 1, "one mistake, told once"


@pytest.mark.parametrize(
    ("settings", "grace"),
    [
        ({}, timedelta(hours=24)),
        ({"schedule": "rate(4 hours)"}, timedelta(hours=2)),
        ({"schedule": "cron(0 1,9 * * ? *)"}, timedelta(hours=4)),
        ({"grace": "3d"}, timedelta(days=3)),
        ({"grace": "0s"}, timedelta()),
        (KEYS, timedelta(hours=24)),
        (SINGLE, timedelta()),
        (SINGLE | {"grace": "0s"}, timedelta()),
    ],
)
def test_an_old_credential_that_overlaps_is_left_alone_for_a_day_or_half_a_short_period(
    tmp_path: Path, settings: dict[str, Any], grace: timedelta
) -> None:
    assert load(tmp_path, **settings).grace == grace


@pytest.mark.parametrize(
    "settings",
    [
        {"master": "shop/admin"},
        {},  # the secret may name its masterarn
        {"schedule": "cron(0 /8 * * ? *)", "window": "8h"},
        {"schedule": "cron(0 17 L * ? *)", "window": "7h", "grace": "20d"},
        {"schedule": "rate(10 days)", "window": "24h"},
        {"dependents": [INVOICES, INVOICES | {"function": "other"}]},
        {"passwords": {"symbols": "-_.", "consumers": ["url", "dotenv", "dsn", "rds"]}},
        {"passwords": {}},
    ],
)
def test_what_can_be_had_loads(tmp_path: Path, settings: dict[str, Any]) -> None:
    load(tmp_path, **settings)
