"""Of what AWS describes, every text is read, and as what people gave it."""

from __future__ import annotations

import base64
import gzip

import pytest

from wickie.scan.chunk import Chunk
from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves, script


@pytest.mark.parametrize(
    ("described", "texts"),
    [
        ({"A": "1"}, {"p/A": "A=1"}),
        ([{"name": "A", "value": "1", "type": "PLAINTEXT"}], {"p/A": "A=1"}),
        ([{"Key": "team", "Value": "sea"}], {"p/team": "team=sea"}),
        (["psql", "-p", "x"], {"p": "p=psql -p x"}),
        ([{"name": "app", "command": ["x"]}], {"p/0/name": "name=app", "p/0/command": "command=x"}),
        ([["a", "b"], {"c": {"d": "e"}}], {"p/0": "0=a b", "p/1/c/d": "d=e"}),
        ({"size": 1, "on": True, "none": None, "empty": []}, {"p/empty": "empty="}),
        (None, {}),
    ],
)
def test_texts_of_a_reply_come_by_path_and_as_name_and_value(described, texts):
    assert dict(leaves("p", described)) == texts


@pytest.mark.parametrize(
    "text",
    [b"#!/bin/sh\nexport A=1", gzip.compress(b"A=1"), b"", b"\xff\xfe"],
    ids=["shell", "gzip", "empty", "no UTF-8"],
)
def test_a_script_is_decoded(text):
    assert script(base64.b64encode(text).decode()) == text
    assert script(base64.encodebytes(text * 99).decode()) == text * 99


@pytest.mark.parametrize("text", ["#!/bin/sh", "export A=ä", "YWJj\nexport A=1;", "YWJ"])
def test_a_script_that_nobody_encoded_is_read_as_it_stands(text):
    assert script(text) == text.encode()


def test_bytes_are_unpacked_and_keep_the_name_of_their_part():
    texts = [("userData", gzip.compress(b"A=1")), ("broken", b"\x1f\x8b\x08 no gzip")]
    read = [*artifact_of(lambda: texts, "i-1", "ec2-user-data").read()]
    assert [(each.part, each.data) for each in read if isinstance(each, Chunk) and each.data] == [
        ("userData", b"A=1")
    ]
    (gap,) = (each for each in read if not isinstance(each, Chunk))
    assert gap.uri == "i-1"
    assert "cannot be unpacked" in gap.reason
