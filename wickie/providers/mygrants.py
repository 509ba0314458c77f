"""
What an account of MySQL or MariaDB may do, read from what the server prints, and written anew.

Names in it may hold any character, so the text is cut at quotes and never at a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOKEN: Final = re.compile(
    r"`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\"|[(),]|[^\s`'\"(),]+", re.DOTALL
)

_ALL: Final = "ALL PRIVILEGES"


@dataclass(frozen=True, order=True)
class Privilege:
    """One thing that an account may do."""

    what: str
    """As SELECT, SELECT (`column`), PROXY; or a role."""
    on: str
    """As `db`.*, FUNCTION `db`.`f`; empty for a role."""
    with_option: bool = False
    """Whether it may be handed on."""

    def __str__(self) -> str:
        where = f" ON {self.on}" if self.on else ""
        return f"{self.what}{where}{self.option}"

    @property
    def option(self) -> str:
        """The clause that has it handed on."""
        if not self.with_option:
            return ""
        return " WITH GRANT OPTION" if self.on else " WITH ADMIN OPTION"


def read_grants(rows: Iterable[str]) -> frozenset[Privilege]:
    """Read the rows of SHOW GRANTS. Raises `ConfigError` for what cannot be handed on."""
    return frozenset(privilege for row in rows for privilege in _privileges(row))


def _privileges(row: str) -> Iterator[Privilege]:
    tokens = list(_TOKEN.finditer(row))
    words = [token.group() for token in tokens]
    if words[0] == "SET":  # MariaDB tells the default role here too
        return
    if words[0] != "GRANT":
        raise ConfigError(
            f"an account with partial revokes ({words[0]} in SHOW GRANTS) cannot be copied; "
            f"use single-user for it, or grant by database instead"
        )
    to = len(words) - 1 - words[::-1].index("TO")
    option = words[to:].count("OPTION") > 0
    on = words.index("ON") if "ON" in words[:to] else to
    where = row[tokens[on].end() : tokens[to].start()].strip() if on < to else ""
    for what in _split(row[tokens[0].end() : tokens[on].start()]):
        if what != "USAGE" or option:
            yield Privilege(what, where, option)


def _split(text: str) -> Iterator[str]:
    """Cut a list of privileges or roles, and one on several columns into one for each."""
    for item in _at_commas(text):
        name, bracket, columns = item.partition(" (")
        if item[0] in "`'\"" or not bracket:
            yield item
        else:
            yield from (f"{name} ({column})" for column in _at_commas(columns[:-1]))


def _at_commas(text: str) -> Iterator[str]:
    """Cut at the commas that are outside of brackets and quotes."""
    depth = start = 0
    for token in _TOKEN.finditer(text):
        depth += {"(": 1, ")": -1}.get(token.group(), 0)
        if token.group() == "," and not depth:
            yield text[start : token.start()].strip()
            start = token.end()
    yield text[start:].strip()


def changes(has: frozenset[Privilege], wanted: frozenset[Privilege], account: str) -> list[str]:
    """
    Say what brings `account` from `has` nearer to `wanted`; to be asked again until it is there.

    Nothing is revoked while something is still to be granted, because the server prints a whole
    as ALL PRIVILEGES, and what is in it is then no longer told apart.
    """
    more, less = wanted - has, has - wanted
    named = {(p.what, p.on) for p in wanted}
    tamed = {p for p in less if p.with_option and replace(p, with_option=False) in wanted}
    shrinking = {p for p in less if p.what == _ALL and (p.what, p.on) not in named}
    granting = [
        *sorted({_take_option(p, account) for p in tamed}),
        *(_revoke(p, account) for p in sorted(shrinking)),
        *_grants(more, account),
    ]
    return granting or [_revoke(p, account) for p in sorted(less) if (p.what, p.on) not in named]


def _grants(privileges: Iterable[Privilege], account: str) -> Iterator[str]:
    """One statement for all that is alike."""
    alike: dict[tuple[str, bool], list[str]] = {}
    for p in sorted(privileges):
        alike.setdefault((p.on, p.with_option), []).append(p.what)
    for (on, option), names in alike.items():
        whole = Privilege(", ".join(names), on, option)
        yield f"GRANT {replace(whole, with_option=False)} TO {account}{whole.option}"


def _revoke(privilege: Privilege, account: str) -> str:
    if privilege.what == "USAGE":
        return _take_option(privilege, account)
    return f"REVOKE {replace(privilege, with_option=False)} FROM {account}"


def _take_option(privilege: Privilege, account: str) -> str:
    """A role goes as a whole, for only MariaDB can take the option alone; a later round grants."""
    if not privilege.on:
        return f"REVOKE {privilege.what} FROM {account}"
    return f"REVOKE GRANT OPTION ON {privilege.on} FROM {account}"


_DEFAULTS: Final = {
    "REQUIRE": "REQUIRE NONE",
    "PASSWORD EXPIRE": "PASSWORD EXPIRE DEFAULT",
    "FAILED_LOGIN_ATTEMPTS": "FAILED_LOGIN_ATTEMPTS 0",
    "PASSWORD_LOCK_TIME": "PASSWORD_LOCK_TIME 0",
}
_CLAUSES: Final = re.compile(
    r"REQUIRE|WITH(?= MAX_)|PASSWORD (?:EXPIRE|HISTORY|REUSE|REQUIRE)"
    r"|FAILED_LOGIN_ATTEMPTS|PASSWORD_LOCK_TIME|ACCOUNT|DEFAULT ROLE|ATTRIBUTE|COMMENT"
)
# Who is locked out, marked or has expired is about one account and not about what it is for.
_OWN: Final = frozenset({"ACCOUNT", "DEFAULT ROLE", "ATTRIBUTE", "COMMENT"})


def settings(base: str, clone: str) -> str:
    """
    Compare two accounts, as SHOW CREATE USER prints them, in all but name and password.

    Returns the clauses that make the second like the first; empty if it is.
    """
    wanted, has = _clauses(base), _clauses(clone)
    if wanted == has:
        return ""
    limits = re.findall(r"MAX_\w+", has.get("WITH", ""))
    lifted = " ".join(f"{name} 0" for name in limits if name not in wanted.get("WITH", ""))
    if lifted:
        wanted = {**wanted, "WITH": f"{wanted.get('WITH', 'WITH')} {lifted}"}
    # The grammar has these two first.
    names = sorted({*wanted, *has}, key=lambda name: (name != "REQUIRE", name != "WITH", name))
    return " ".join(filter(None, (wanted.get(n) or _DEFAULTS.get(n) for n in names)))


def _clauses(statement: str) -> dict[str, str]:
    found: dict[str, str] = {}
    quoted = [t.span() for t in _TOKEN.finditer(statement) if t.group()[0] in "`'\""]
    starts = [
        match
        for match in _CLAUSES.finditer(statement)
        if not any(start <= match.start() < end for start, end in quoted)
    ]
    ends = [*(match.start() for match in starts), len(statement)][1:]
    for match, end in zip(starts, ends, strict=True):
        clause = statement[match.start() : end].strip()
        if match.group() not in _OWN and clause != "PASSWORD EXPIRE":
            found[match.group()] = clause
    return found
