from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from wickie.model import Finding, RotationOutcome, RotationState, Verdict
from wickie.report import Report, render_html
from wickie.report.timeline import steps

HOSTILE = "<script>alert(1)</script>\"'&"
VOID = {"meta", "line", "circle", "rect"}


class Page(HTMLParser):
    """What a browser makes of a page: its elements, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def test_the_page_needs_nothing_from_elsewhere(report: Report) -> None:
    text = render_html(report)
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_the_page_says_first_what_leaked_and_what_was_done(report: Report) -> None:
    page = Page(render_html(report))
    for told in ("1 leaked secret rotated, the old value proven dead", "Secret versions"):
        assert told in page.text
    for told in ("s3://shop-logs/app.log:42", "AccessDenied on ListObjectsV2", "dead now"):
        assert told in page.text
    assert page.text.index("proven dead") < page.text.index("Findings")


def test_it_is_readable_without_eyes_or_colour(report: Report) -> None:
    page = Page(render_html(report))
    html = next(attributes for tag, attributes in page.tags if tag == "html")
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    heads = [attributes for tag, attributes in page.tags if tag == "th"]
    assert html["lang"] == "en"
    assert all(p["role"] == "img" and "prove old dead" in (p["aria-label"] or "") for p in pictures)
    assert all(head["scope"] == "col" for head in heads)
    assert len(pictures) == 1
    assert "prefers-color-scheme: dark" in render_html(report)


def hostile(record: Any) -> Any:
    """The record with every text in it replaced by markup."""
    if isinstance(record, str) and type(record) is str:
        return HOSTILE
    if isinstance(record, tuple):
        return tuple(hostile(item) for item in record)
    if is_dataclass(record) and not isinstance(record, type):
        changes = {f.name: hostile(getattr(record, f.name)) for f in fields(record) if f.init}
        return replace(record, **changes)
    return record


def texts(page: Page) -> Iterator[str]:
    for _, attributes in page.tags:
        yield from (value for value in attributes.values() if value)


def test_whatever_was_read_somewhere_is_escaped(report: Report) -> None:
    plain, attacked = Page(render_html(report)), Page(render_html(hostile(report)))
    assert {tag for tag, _ in attacked.tags} <= {tag for tag, _ in plain.tags}
    assert HOSTILE in attacked.text
    assert not any(re.match("on[a-z]+", name) for _, given in attacked.tags for name in given)
    assert any(HOSTILE in text for text in texts(attacked)), "the picture's label is escaped too"


def test_an_error_of_a_rotation_is_shown(report: Report, rotated: RotationOutcome) -> None:
    failed = replace(
        rotated,
        state=RotationState.FAILED,
        error="shop/orders: host db.invalid does not answer",
        old_credential=Verdict.UNKNOWN,
        timeline=(),
    )
    page = Page(render_html(replace(report, rotations=(failed,))))
    assert "host db.invalid does not answer" in page.text
    assert "may still work" in page.text


@pytest.mark.parametrize("number", [1000, 1001])
def test_a_flood_of_findings_stays_readable(
    number: int, token: Finding, scanned: Callable[..., Report]
) -> None:
    page = Page(render_html(scanned(*(replace(token, id=str(n)) for n in range(number)))))
    assert ("1 more finding in report.json" in page.text) == (number > 1000)


def test_the_picture_of_a_leak_begins_when_it_was_seen(
    rotated: RotationOutcome, leak: Finding, token: Finding
) -> None:
    rows = steps(rotated, (token, leak))
    assert rows[0].name == "leak seen"
    assert rows[0].end == 0.0
    assert (rows[1].name, rows[1].start, rows[1].end) == ("asked", 0.0, 1.0)
    assert rows[-1].end == 7.0
    assert steps(replace(rotated, reason="requested"), (leak,))[0].name == "asked"
    assert steps(replace(rotated, timeline=())) == []
