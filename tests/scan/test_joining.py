"""Small texts are looked at together, and each is judged as if it were alone."""

from __future__ import annotations

from random import Random

import pytest
import yaml

from tests.scan.paper import chunk, drawn, github_token
from tests.scan.test_rules import written
from wickie.scan import rules
from wickie.scan.chunk import Chunk, Match
from wickie.scan.detectors import KingfisherDetector, joining
from wickie.scan.overlap import settled

_OPEN = (
    "password=", 'api_key = "', "'", "postgres://app:", "# kingfisher:ignore", "mysql -uroot",
    'variable "db_password" {', "Authorization: Bearer ", "-----BEGIN RSA PRIVATE KEY-----", "",
    '{"kty": "EC", ', "machine db login app password", "PuTTY-User-Key-File-2: ssh-rsa",
)  # fmt: skip
"""What a credential may follow."""


def texts() -> list[str]:
    """Of every rule what it finds and what not, whole and in halves; ends that wait for more."""
    packed = [rule for path in rules.FILES for rule in yaml.safe_load(path.read_text())["rules"]]
    whole = [written(text, "symbols") for rule in packed for text in rule["examples"]]
    whole += [text for rule in packed for text in rule["negative_examples"]]
    whole += [f"token={github_token()}", github_token(), drawn(), *_OPEN * 9]
    halves = [half for text in whole for half in (text[: len(text) // 2], text[len(text) // 2 :])]
    return [*whole, *halves, *(text.strip() for text in whole)]


def said(detector: KingfisherDetector, batches: list[list[Chunk]]) -> set[object]:
    matches = [each for batch in batches for each in settled(list(detector.detect(batch)))]
    return {(m.finding, m.span) for m in matches if isinstance(m, Match)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_neighbours_change_nothing_about_what_is_found(kingfisher, seed):
    shuffled = texts()
    Random(seed).shuffle(shuffled)  # noqa: S311  (an order)
    chunks = [chunk(text.encode(), f"{number}") for number, text in enumerate(shuffled)]
    alone = said(kingfisher, [[each] for each in chunks])
    assert len(alone) > 100
    assert said(kingfisher, [chunks]) == alone


def test_a_text_in_two_bytes_a_character_is_found_among_others(kingfisher):
    token = f"token={github_token()}\n"
    chunks = [chunk(b"a=1"), chunk(token.encode("utf-16"), "wide"), chunk(token.encode(), "plain")]
    assert {f.location.uri for f, _ in said(kingfisher, [chunks])} == {"wide", "plain"}


def test_many_small_texts_take_few_calls():
    chunks = [chunk(b"LEVEL=info", f"{number}") for number in range(1000)]
    assert len(list(joining.groups(chunks))) == 1
    large = chunk(b"x" * 9000)
    assert [len(group) for group in joining.groups([*chunks, large, *chunks])] == [1000, 1, 1000]
