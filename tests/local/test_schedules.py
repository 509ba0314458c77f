"""When expressions come due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wickie.rotation.rules import read
from wickie.schedules import parse

NOW = datetime(2026, 11, 23, 22, 10, 30, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", "2026-11-23 22:11:30"),
        ("rate(10 days)", "2026-12-03 22:10:30"),
        ("cron(0 3 ? * SUN *)", "2026-11-29 03:00:00"),
        ("cron(0/15 * * * ? *)", "2026-11-23 22:15:00"),
        ("cron(10 22 * * ? *)", "2026-11-24 22:10:00"),
        ("cron(0 8,16 * * ? 2026-2027)", "2026-11-24 08:00:00"),
        ("cron(0 10 L * ? *)", "2026-11-30 10:00:00"),
        ("cron(0 10 ? * 6L *)", "2026-11-27 10:00:00"),
        ("cron(0 10 ? * MON#1 *)", "2026-12-07 10:00:00"),
        ("cron(0 10 5W * ? *)", "2026-12-04 10:00:00"),
        ("cron(0 3 29 2 ? *)", "2028-02-29 03:00:00"),
        ("cron(0 1 ? jan-mar MON-FRI *)", "2027-01-01 01:00:00"),
    ],
)
def test_the_next_time_is_the_one_a_calendar_shows(expression: str, due: str) -> None:
    moment = parse(expression).after(NOW.timestamp())
    assert str(datetime.fromtimestamp(moment, UTC)).removesuffix("+00:00") == due


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(0 days)",
        "cron(60 8 * * ? *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(0 10 * * ?)",
        "cron(0 10 * FOO ? *)",
        "tomorrow",
    ],
)
def test_what_is_no_schedule_is_refused_by_name(expression: str) -> None:
    with pytest.raises(ValueError, match=r"rate|cron"):
        parse(expression)


def test_a_schedule_wholly_in_the_past_never_comes_due() -> None:
    with pytest.raises(ValueError, match="past"):
        parse("cron(0 8 * * ? 2020)").after(NOW.timestamp())


@pytest.mark.parametrize(
    ("rules", "begin", "end"),
    [
        ({"AutomaticallyAfterDays": 1}, "2026-11-24 00:00", "2026-11-25 00:00"),
        (
            {"ScheduleExpression": "rate(10 days)", "Duration": "3h"},
            "2026-12-03 00:00",
            "2026-12-03 03:00",
        ),
        ({"ScheduleExpression": "rate(4 hours)"}, "2026-11-24 02:00", "2026-11-24 03:00"),
        ({"ScheduleExpression": "cron(0 0/8 * * ? *)"}, "2026-11-24 00:00", "2026-11-24 01:00"),
        ({"ScheduleExpression": "cron(0 16 1,15 * ? *)"}, "2026-12-01 16:00", "2026-12-02 00:00"),
    ],
)
def test_a_rotation_has_a_window(rules: dict[str, object], begin: str, end: str) -> None:
    read_rules = read(rules)
    assert read_rules is not None
    window = read_rules.window(NOW.timestamp())
    assert [f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M}" for t in window] == [begin, end]


def test_rules_without_a_schedule_have_no_window() -> None:
    assert read({}) is None
