"""
What is not held against a target: ignores with an end, and OpenVEX statements.

https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from wickie.errors import ConfigError
from wickie.model import Suppression
from wickie.vulnerabilities.finding import plain_purl
from wickie.waivers import Waiver, ended

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from wickie.vulnerabilities.finding import Vulnerability

_NOT_HELD_AGAINST: Final = ("not_affected", "fixed")


@dataclass(frozen=True)
class Ignore(Waiver):
    """A waiver of a vulnerability."""

    purl: str | None = None
    target: str | None = None
    """Pattern (`*`, `?`) of the targets it is about; None: all."""

    def covers(self, found: Vulnerability) -> bool:
        """Whether it is about this finding."""
        return (
            self.about in found.names
            and (self.purl is None or _same_package(self.purl, found.purl))
            and (self.target is None or fnmatchcase(found.target, self.target))
        )


@dataclass(frozen=True)
class Statement:
    """One statement of an OpenVEX document."""

    document: str
    vulnerabilities: frozenset[str]
    products: tuple[Mapping[str, Any], ...]
    status: str
    reason: str
    author: str
    timestamp: str

    def covers(self, found: Vulnerability, reference: str) -> bool:
        """Whether it is about this finding in the target of that reference."""
        return bool(self.vulnerabilities & found.names) and any(
            _product_covers(product, found, reference) for product in self.products
        )


@dataclass(frozen=True)
class Suppressions:
    """Everything that is not held against the targets of one run."""

    ignores: tuple[Ignore, ...] = ()
    statements: tuple[Statement, ...] = ()

    def expired(self, today: date) -> tuple[str, ...]:
        """Each ignore that no longer counts, to be told."""
        return ended(self.ignores, today)

    def apply(
        self, findings: Iterable[Vulnerability], reference: str, today: date
    ) -> tuple[Vulnerability, ...]:
        """Mark what is suppressed; nothing is dropped."""
        return tuple(
            replace(found, suppressed_by=self._of(found, reference, today)) for found in findings
        )

    def _of(self, found: Vulnerability, reference: str, today: date) -> Suppression | None:
        for ignore in self.ignores:
            if ignore.holds(today) and ignore.covers(found):
                return ignore.suppression
        said = [each for each in self.statements if each.covers(found, reference)]
        if not said:
            return None
        # A later statement takes back an earlier one.
        last = max(said, key=lambda statement: statement.timestamp)
        if last.status not in _NOT_HELD_AGAINST:
            return None
        return Suppression(last.document, last.reason or last.status, last.author)


def load_vex(path: Path) -> tuple[Statement, ...]:
    """Read an OpenVEX document. Raises `ConfigError` for one that says less than it must."""
    try:
        document: Any = json.loads(path.read_text())
        if "openvex.dev/ns" not in document["@context"]:
            raise ConfigError(f"{path} is not an OpenVEX document; its @context says otherwise")
        return tuple(_statements(path, document))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} cannot be read as OpenVEX ({type(error).__name__}: {error})"
        ) from None


def _statements(path: Path, document: Mapping[str, Any]) -> Iterator[Statement]:
    for each in document["statements"]:
        named = each["vulnerability"]
        named = {"name": named} if isinstance(named, str) else named
        reason = each.get("justification") or each.get("impact_statement") or ""
        products = each.get("products") or ()
        if each["status"] == "not_affected" and not reason:
            raise ConfigError(
                f"{path}: not_affected by {named['name']} says not why; add a justification"
            )
        if not products:
            raise ConfigError(
                f"{path}: the statement on {named['name']} names no products; add them"
            )
        yield Statement(
            document=str(path),
            vulnerabilities=frozenset({named["name"], *named.get("aliases", ())}),
            products=tuple({"@id": p} if isinstance(p, str) else p for p in products),
            status=each["status"],
            reason=reason,
            author=document.get("author", ""),
            timestamp=each.get("timestamp") or document["timestamp"],
        )


def _product_covers(product: Mapping[str, Any], found: Vulnerability, reference: str) -> bool:
    """A product is the package itself, or the image that holds it and perhaps says which."""
    named = [product.get("@id", ""), (product.get("identifiers") or {}).get("purl", "")]
    if any(_same_package(name, found.purl) for name in named):
        return True
    if not any(_is_image(name, reference) for name in named):
        return False
    parts: Sequence[Any] = product.get("subcomponents") or ()
    names = [part if isinstance(part, str) else part.get("@id", "") for part in parts]
    return not names or any(_same_package(name, found.purl) for name in names)


def _same_package(said: str, purl: str) -> bool:
    """Whether a package URL names this package; one without a version names all of them."""
    said = plain_purl(said)
    return said == purl or ("@" not in said.rpartition("/")[2] and purl.startswith(f"{said}@"))


def _is_image(said: str, reference: str) -> bool:
    """Whether `pkg:oci/name@sha256:…?repository_url=…` is the image of this reference."""
    bare, _, query = said.partition("?")
    if not bare.startswith("pkg:oci/"):
        return False
    name, _, digest = unquote(bare).removeprefix("pkg:oci/").partition("@")
    repository, _, actual = reference.partition("@")
    (wanted,) = parse_qs(query).get("repository_url", [""])[:1]
    return (
        repository.rpartition("/")[2].partition(":")[0] == name
        and digest in {"", actual}
        and (not wanted or repository == wanted)
    )
