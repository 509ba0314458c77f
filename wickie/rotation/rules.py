"""
A secret's `RotationRules`: checked as Secrets Manager checks them, and turned into windows. Pure.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from wickie.schedules import Cron, Rate, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOUR, _DAY = 3600, 86400
_HOURS_A_DAY = 24
_LEAST_HOURS = 4
_MOST_DAYS = 1000
_LOOK_AHEAD = 400
"""Windows after which the shortest time between two has been seen: of one hour, a year of days."""


@dataclass(frozen=True)
class RotationRules:
    """When a secret rotates: at some time in each window."""

    schedule: Rate | Cron
    hours: int | None
    """Length of the window, if given."""

    def window(self, moment: float) -> tuple[float, float]:
        """Begin and end of the first window after `moment`, at which the secret last changed."""
        start = self.schedule.after(moment)
        if isinstance(self.schedule, Rate):
            start -= start % (_DAY if self.schedule.unit == "day" else _HOUR)
        if self.hours:
            return start, start + self.hours * _HOUR
        return start, start + (_HOUR if self._hourly else _DAY - start % _DAY)

    @property
    def _hourly(self) -> bool:
        if isinstance(self.schedule, Rate):
            return self.schedule.unit == "hour"
        return len(self.schedule.hours) > 1

    @property
    def longest(self) -> int:
        """Hours that a window may last without reaching into the next one or the next day."""
        if isinstance(self.schedule, Rate):
            return min(_HOURS_A_DAY, self.schedule.seconds // _HOUR)
        hours = self.schedule.hours
        return min(*_gaps(hours), _HOURS_A_DAY - hours[-1])

    @property
    def period(self) -> timedelta:
        """The shortest time from the begin of a window to that of the next."""
        if isinstance(self.schedule, Rate):
            return timedelta(seconds=self.schedule.seconds)
        begins = [self.schedule.after(0)]
        for _ in range(_LOOK_AHEAD):
            begins.append(self.schedule.after(begins[-1]))
        return timedelta(seconds=min(later - begin for begin, later in pairwise(begins)))


def read(rules: Mapping[str, Any]) -> RotationRules | None:
    """Read the rules of a RotateSecret call; None without a schedule. Raises ValueError."""
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    if days and expression:
        raise ValueError("give either AutomaticallyAfterDays or ScheduleExpression, not both")
    if days is not None and not 1 <= days <= _MOST_DAYS:
        raise ValueError("RotationRules.AutomaticallyAfterDays must be within 1-1000.")
    if not days and not expression:
        return None
    schedule = Rate(days * _DAY, "day") if days else _schedule(str(expression))
    duration = rules.get("Duration")
    if duration is None:
        return RotationRules(schedule, None)
    if not re.fullmatch(r"\d+h", duration):
        raise ValueError(f"Duration {duration} is not a number of hours like 3h")
    read_rules = RotationRules(schedule, int(duration[:-1]))
    if not 1 <= int(duration[:-1]) <= read_rules.longest:
        raise ValueError(f"Duration {duration} reaches into the next window or the next UTC day")
    return read_rules


def of(expression: str) -> RotationRules:
    """Read a schedule expression. Raises ValueError where Secrets Manager would refuse it."""
    return RotationRules(_schedule(expression), None)


def _schedule(expression: str) -> Rate | Cron:
    schedule = parse(expression)
    if isinstance(schedule, Rate):
        if schedule.unit == "minute" or schedule.seconds < _LEAST_HOURS * _HOUR:
            raise ValueError(f"{expression}: a secret rotates every four hours at most")
        return schedule
    if schedule.minutes != (0,) or not expression.endswith(" *)"):
        raise ValueError(f"{expression}: the minutes must be 0 and the year *")
    if min(_gaps(schedule.hours)) < _LEAST_HOURS:
        raise ValueError(f"{expression}: a secret rotates every four hours at most")
    return schedule


def _gaps(hours: tuple[int, ...]) -> list[int]:
    """Hours from each start to the next, over midnight too."""
    return [later - hour for hour, later in pairwise((*hours, hours[0] + _HOURS_A_DAY))]
