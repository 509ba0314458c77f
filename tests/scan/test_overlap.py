"""In one place one finding: who knows the value best has the word."""

from __future__ import annotations

import time

import pytest

from tests.scan.paper import ALPHANUMERIC, chunk, drawn, github_token, managed
from tests.scan.test_rules import with_digits
from wickie.model import Severity
from wickie.scan.chunk import Match
from wickie.scan.overlap import settled


def found(text: str, *detectors) -> list[Match]:
    batch = [chunk(text.encode())]
    return settled([each for detector in detectors for each in detector.detect(batch)])


def test_a_rule_that_knows_the_token_silences_the_generic_ones(kingfisher):
    (match,) = found(f'API_TOKEN_PASSWORD="{github_token()}"\n', kingfisher)
    assert match.finding.rule_id == "betterleaks.github-pat"


def test_a_managed_value_silences_the_generic_rules(kingfisher):
    value = with_digits(32)
    (match,) = found(f"DB_PASSWORD={value}\n", kingfisher, managed(value))
    assert match.finding.managed


def test_of_generic_rules_the_surer_speaks(kingfisher):
    (match,) = found(f"DB_PASSWORD={with_digits(20)}\n", kingfisher)
    assert match.finding.rule_id == "wickie.environment-password"
    assert match.finding.severity is Severity.MEDIUM
    (match,) = found(f"my_password={with_digits(20)}\n", kingfisher)
    assert match.finding.severity is Severity.LOW


def test_two_passwords_of_a_line_are_two_findings(kingfisher):
    text = f'{{"password":"{with_digits(16)}","oldPassword":"{with_digits(16)}"}}'
    assert len(found(text, kingfisher)) == 2


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_password_that_holds_other_quotes_is_taken_whole(kingfisher, quote):
    others = "'\"`".replace(quote, "")
    value = f"{with_digits(10)}{others}{with_digits(6)}"
    (match,) = found(f"password = {quote}{value}{quote}\n", kingfisher)
    assert match.span == (12, 12 + len(value))


@pytest.mark.slow
def test_a_chunk_full_of_passwords_takes_time_in_proportion(kingfisher):
    line = f'password="{drawn(4, ALPHANUMERIC)}a1B2!" '
    few, many = (min(_took(line * n, n, kingfisher) for _ in range(3)) for n in (1000, 4000))
    assert many < 10 * few


def _took(text, passwords, kingfisher):
    begun = time.process_time()
    assert len(found(text, kingfisher)) == passwords
    return time.process_time() - begun
