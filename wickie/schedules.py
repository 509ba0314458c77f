"""
`rate(…)` and `cron(…)` expressions: when they next come due. Pure, and always in UTC.

The grammar: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
Secrets Manager also writes `/8` for `0/8`.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    DayTest = Callable[[date], bool]

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {calendar.month_abbr[number].upper(): number for number in range(1, 13)}
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_YEARS = (1970, 2199)
_SATURDAY, _SUNDAY = 7, 1


@dataclass(frozen=True)
class Rate:
    """Every so many seconds, counted from the moment it is asked for."""

    seconds: int
    unit: str

    def after(self, moment: float) -> float:
        """The first time it is due later than `moment`."""
        return moment + self.seconds


@dataclass(frozen=True)
class Cron:
    """At the given minutes of the given hours of the days that match."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    day: DayTest

    def after(self, moment: float) -> float:
        """The first time it is due later than `moment`. Raises ValueError if there is none."""
        earliest = datetime.fromtimestamp(moment, UTC).replace(second=0, microsecond=0)
        earliest += timedelta(minutes=1)
        for day in self._days(earliest.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    due = datetime.combine(day, time(hour, minute), UTC)
                    if due >= earliest:
                        return due.timestamp()
        raise ValueError("the schedule lies wholly in the past")

    def _days(self, day: date) -> Iterator[date]:
        last = max(self.years)
        while day.year <= last:
            if day.year in self.years and day.month in self.months and self.day(day):
                yield day
            day += timedelta(days=1)


def parse(expression: str) -> Rate | Cron:
    """Read an expression. Raises ValueError if it is not one."""
    if match := re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", expression):
        value, unit, plural = int(match[1]), match[2], bool(match[3])
        if value < 1 or (value == 1) == plural:
            raise ValueError(f"{expression}: write rate(1 {unit}), or rate(2 {unit}s)")
        return Rate(value * _UNITS[unit], unit)
    if match := re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", expression):
        try:
            return _cron([field.upper() for field in match.groups()])
        except (ValueError, KeyError):
            raise ValueError(f"{expression} is not a cron expression") from None
    raise ValueError(f"{expression} is neither rate(value unit) nor cron(six fields)")


def _cron(fields: list[str]) -> Cron:
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ValueError("one of day-of-month and day-of-week must be ?, the other not")
    field, test = (weekdays, _weekday) if days == "?" else (days, _day_of_month)
    tests = [test(item) for item in field.split(",")]
    return Cron(
        tuple(sorted(_numbers(minutes, 0, 59))),
        tuple(sorted(_numbers(hours, 0, 23))),
        frozenset(_numbers(months, 1, 12, _MONTHS)),
        frozenset(_numbers(years, *_YEARS)),
        lambda day: any(matches(day) for matches in tests),
    )


def _numbers(field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> set[int]:
    """What a field of numbers, names, ranges `a-b`, steps `a/n` and lists stands for."""

    def number(text: str) -> int:
        value = names[text] if names and text in names else int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    found: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        begin = low if first == "*" or (step and not first) else number(first)
        end = number(last) if last else (high if step or first == "*" else begin)
        found.update(range(begin, end + 1, int(step or 1)))
    if not found:
        raise ValueError(field)
    return found


def _day_of_month(item: str) -> DayTest:
    if item in ("L", "LW"):
        return lambda day: day == (_last(day) if item == "L" else _nearest_workday(_last(day)))
    if item.endswith("W"):
        (number,) = _numbers(item[:-1], 1, 31)
        return lambda day: (
            number <= _last(day).day and day == _nearest_workday(day.replace(day=number))
        )
    numbers = _numbers(item, 1, 31)
    return lambda day: day.day in numbers


def _weekday(item: str) -> DayTest:
    name, hash_sign, week = item.partition("#")
    if hash_sign:
        (number,), (nth,) = _numbers(name, 1, 7, _WEEKDAYS), _numbers(week, 1, 5)
        return lambda day: _number(day) == number and (day.day - 1) // 7 + 1 == nth
    if item.endswith("L") and item != "L":
        (number,) = _numbers(item[:-1], 1, 7, _WEEKDAYS)
        return lambda day: _number(day) == number and _last(day).day - day.day < len(_WEEKDAYS)
    numbers = {_SATURDAY} if item == "L" else _numbers(item, 1, 7, _WEEKDAYS)
    return lambda day: _number(day) in numbers


def _number(day: date) -> int:
    """Of its weekday: Sunday is 1."""
    return day.isoweekday() % 7 + 1


def _last(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _nearest_workday(day: date) -> date:
    """Monday to Friday, and in the same month."""
    if _number(day) == _SATURDAY:
        return day - timedelta(days=1) if day.day > 1 else day + timedelta(days=2)
    if _number(day) == _SUNDAY:
        return day + timedelta(days=1) if day != _last(day) else day - timedelta(days=2)
    return day
