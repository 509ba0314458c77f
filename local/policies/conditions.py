"""
Conditions of a statement.

In the IAM User Guide: reference_policies_elements_condition_operators.html and, for keys of
several values, reference_policies_condition-single-vs-multi-valued-context-keys.html.
"""

from __future__ import annotations

import operator
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from local.policies.patterns import filled, matches, matches_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Test = Callable[[str, str], bool]


def holds(conditions: Mapping[str, Any], context: Mapping[str, Sequence[str]]) -> bool:
    """
    Whether every condition is met; keys of `context` are in lower case.

    Raises `ValueError` for an operator that is not known here: nothing is taken for met.
    """
    return all(
        _holds(name, key, _texts(wanted), context)
        for name, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(name: str, key: str, wanted: list[str], context: Mapping[str, Sequence[str]]) -> bool:
    quantifier, _, bare = name.rpartition(":")
    bare, if_exists = bare.removesuffix("IfExists"), bare.endswith("IfExists")
    given = context.get(key.lower(), ())
    if bare == "Null":
        return (not given) == (wanted[0].lower() == "true")
    if bare not in _OPERATORS:
        raise ValueError(f"condition operator {name} is not known")
    test, negated = _OPERATORS[bare]
    values = [text for text in (filled(each, context) for each in wanted) if text is not None]

    def met(value: str) -> bool:
        return any(test(each, value) for each in values) != negated

    if quantifier == "ForAllValues":
        return all(map(met, given))  # of none, as of all
    if quantifier == "ForAnyValue":
        return any(map(met, given))
    if not given:
        return if_exists or negated
    return len(given) == 1 and met(given[0])


def _texts(wanted: Any) -> list[str]:
    each = wanted if isinstance(wanted, list) else [wanted]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in each]


def _equal(wanted: str, given: str) -> bool:
    return wanted == given


def _equal_ignoring_case(wanted: str, given: str) -> bool:
    return wanted.casefold() == given.casefold()


def _within(wanted: str, given: str) -> bool:
    return ip_address(given) in ip_network(wanted, strict=False)


def _date(text: str) -> float:
    if text.replace(".", "", 1).isdigit():
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(read: Callable[[str], float], compare: Callable[[Any, Any], bool]) -> Test:
    return lambda wanted, given: compare(read(given), read(wanted))


def _comparisons(prefix: str, read: Callable[[str], float]) -> dict[str, tuple[Test, bool]]:
    tests = {
        "Equals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    made = {f"{prefix}{name}": (_ordered(read, test), False) for name, test in tests.items()}
    return made | {f"{prefix}NotEquals": (_ordered(read, operator.eq), True)}


_OPERATORS: Final[Mapping[str, tuple[Test, bool]]] = {
    # What it tests, and whether the statement wants the opposite.
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equal_ignoring_case, True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (matches_arn, False),
    "ArnLike": (matches_arn, False),
    "ArnNotEquals": (matches_arn, True),
    "ArnNotLike": (matches_arn, True),
    "Bool": (_equal_ignoring_case, False),
    "BinaryEquals": (_equal, False),
    "IpAddress": (_within, False),
    "NotIpAddress": (_within, True),
    **_comparisons("Numeric", float),
    **_comparisons("Date", _date),
}
