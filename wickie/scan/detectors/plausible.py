"""
Whether what a generic rule matched may be a credential, and not code, prose or a placeholder.

Where the place leaves no doubt that a password stands there (a connection string, `mysql -p`),
only placeholders are dismissed. Elsewhere a value must also look unlike a word, a name or a path.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from wickie.scan import rules

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = "4"
"""To be raised with every change of what is plausible."""

_PLACEHOLDERS: Final = re.compile(
    r"""
    \$\{ | \$\( | \{\{ | \}\} | <% | %\( | \#\{ | %[sdv] (?!\w) | \{\w{0,30}\}
    | ^ [$%@!&]+ [A-Za-z_][\w:.-]* [%@;)]* $ | ^ \\? [<\[({] .* [>\])}]? $ | ^ __?\w+?__? $
    | ^ ["'`] \s? [+.&|]{1,2} \s? [\w.()\[\]]+ \s? [+.&|]           # what code joins to strings
    | ^ \$ (?: [1-7y] | 2[abxy] | gy | apr1 | argon2\w{1,2} | scrypt | pbkdf2[\w-]* ) \$    # hashes
    | \b sha-?(?: 1|224|256|384|512 ) \b
    | ^ (?P<mark> [^\w\s]{1,3} ) [A-Za-z_.-]+ (?P=mark) $                  # of templates
    | ^ (?P<one> . ) (?P=one)* $ | [xX]{4} | \*{3} | \#{3} | \.{3} | \u2026 | _{4} | -{4}
    | ^ (?: arn | vault | ssm | op | sm | kms | file | env | secretsmanager | resolve | data ) :
    | ^ (?: ENC | env | getenv | lookup | var | local | ref ) [(.\[]
    | process\.env | os\.environ | getenv | secretsmanager
    | chang(?:e|ing)_?-?(?:me|this|it) | change.?in.?prod | examp?le | placeholder | redacted | your
    | insert | replace | dummy | not.?real | \bfake | sample | \btodo\b | fixme | goes.?here
    | update.?me | fill.?me | set.?me | enter.?(?:a|the|pass) | mustbechanged | correct.?horse
    | removed | hidden | (?:some|new|old|my|the|any|this).?(?:pass|secret|token|key|pwd) | hunter2
    """,
    re.VERBOSE | re.IGNORECASE,
)
_VOCABULARY: Final = frozenset(rules.VOCABULARY.read_text().split())
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NAMES: Final = re.compile(
    r"""
    [A-Za-z_]+\d{0,2} (?: (?: \.|->|::|\?\. ) [A-Za-z_]+\d{0,2} )+ [\[\](){};,]*  # of attributes
    | [A-Za-z_][\w.]* \s? [(\[] .* | [A-Za-z_]+ [)}\]]+ [.,;] .*       # calls, and ends of them
    | [A-Za-z]+ \d                                                    # numbered words
    | [A-Za-z_.@-]+ | [\d.,:_-]+                                      # words, numbers
    | [A-Z][A-Z\d]* (?: _[A-Z\d]+ )+ ;?                               # constants
    | [\w.+-]+ @ [\w-]+ (?: \.[\w-]+ )+                               # addresses
    | [\w./-]+ \. (?: py|js|ts|json|html?|php|txt|ya?ml|md|css|svg|png|pem|key|crt|cer|go|java|rb|sh
      |xml|conf|cfg|ini|properties|log|p12|jks|pfx|tf|sql|jsx|tsx|vue|c|h|cpp|cs ) (?: \?.* )?
    | [0-9a-fA-F]{8} (?: -[0-9a-fA-F]{4} ){3} -[0-9a-fA-F]{12}
    | [v~=<>]{0,2} \d+ (?: \.\d+ )+ [\w.-]*                           # versions
    | (?: \.{0,2} | ~ | [A-Za-z]: ) [/\\] [\w.@/\\-]* [\w/\\-]
    | [\w.-]+ (?: / [\w.-]+ )* / [a-z_.-]+
    | (?: a|div|input|form|span|button|label )? [\#.] [A-Za-z_-]{2,} \d{0,3} (?: [ .\#>:\[] .* )?
    | &[a-z]+; | [\^] .* | \\\) .*
    | .* (?: \\[dwsSDWbn] | \[a-z | \.[*+][)?$] | \(\? | :// | => | \]\( | <\/? | \?\: ) .*
    | [\w-]+ = [\w-]* (?: [,;&] [\w-]+ = [\w-]* )* | [\w.-]+ [,;] | [\w-]* : [\w.-]*
    """,
    re.VERBOSE,
)
_SIMPLE: Final = re.compile(r"[a-z]{4,20}\d?|[A-Z][a-z]{4,20}\d|\d{6,}")
_KEYED: Final = re.compile(
    r"""
    passw(?:or)?d ["']? \]? \s{0,4} (?: : | =>? ) \s{0,4} (?: \w+\( )? ["'] $
    | ^ [\w.-]* passw(?:or)?d = $                # of a properties file
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FOREIGN: Final = re.compile(r"[\u2e80-\U0010ffff]")
_HEX: Final = re.compile(r"[0-9a-fA-F]{32,}")
_HASHED: Final = re.compile(r"(?i)sha\d|md5|hash|digest|checksum|integrity|etag|commit|revision")
_ARN: Final = re.compile(r"arn:[\w-]+:secretsmanager:[\w-]*:\d*:secret:$")
_SEQUENCE: Final = re.compile(r"(?i)123456789|12345678(?!\d)|abcdefgh|qwertyui")
_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[A-Za-z]")
_MIXED: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z].{7,}")
_SELF: Final = frozenset({"password", "passwd", "secret"})
_SHORT: Final = 2
_LETTERS: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z\d]{20,}")
_TURN: Final = 3
"""Letters of one kind that follow each other in what is drawn, at most, on average."""
_UNWORDED: Final = re.compile(r"(?=(?:[^\d]*\d){2})(?=(?:[^A-Za-z]*[A-Za-z]){4})")
_WORDED: Final = re.compile(
    r"""
    (?: [A-Za-z]* | \d* ) (?: [-_./:+=] (?: [A-Za-z]* | \d* ) )*   # words and numbers, joined
    | (?: [A-Za-z]* \d? ) (?: / [A-Za-z]* \d? )+                   # paths
    | (?: .* \. )? [A-Za-z]{6,} (?: \. .* )?                       # words among what is dotted
    """,
    re.VERBOSE,
)
_SYMBOLS: Final = frozenset("!@#$%^&*?~+=")
_DOCUMENTED: Final = re.compile(
    r"@ (?:[\w-]+\.)* (?:example|test|invalid) \b", re.VERBOSE | re.IGNORECASE
)
_GUESSES: Final = frozenset(
    {"guest", "root", "sesame", "open sesame", "postgres", "admin"}
    | {"1234567890"[:length] for length in range(4, 11)}
)
"""What is tried first, and stands in documentation much oftener than before a server."""
_FIXED: Final[Mapping[str, re.Pattern[str]]] = {
    "wickie.basic-authorization": re.compile(r"[^\s:]{1,80}:(.{3,200})"),
    "wickie.registry-auth": re.compile(r"[^\s:]{1,80}:(.{3,500})"),
    "wickie.npm-password": re.compile(r"(.{4,200})"),
}
"""What stands in base64, and which of it is the secret."""
_WHOLE: Final = frozenset({"wickie.password-setting", "wickie.environment-password"})
_LISTED: Final = re.compile(r"[&;,]\w+=")
_FORMED: Final = frozenset(
    "wickie." + name
    for name in ("password-hash", "putty-key", "private-key-open", "json-web-key", "wireguard-key")
)


def plausible(rule: str, value: str, before: str, after: str, *, certain: bool) -> bool:
    """
    Tell whether `value` may be a credential.

    Args:
        rule: The rule that matched.
        value: What it takes for the credential.
        before: What stands before it on its line.
        after: What follows it.
        certain: Whether the place alone makes it one.
    """
    if rule in _FORMED:
        return not _SEQUENCE.search(value)
    if rule in _FIXED:
        inner = _FIXED[rule].fullmatch(_decoded(value))
        return inner is not None and not _is_placeholder(inner[1], before, after)
    listed = rule in _WHOLE and _LISTED.search(value)
    hashed = _HEX.fullmatch(value) and _HASHED.search(before)
    if listed or hashed or _is_placeholder(value, before, after):
        return False
    if rule == "wickie.environment-password":
        return bool(_SIMPLE.fullmatch(value)) or not _NAMES.fullmatch(value)
    if rule.startswith(("wickie.secret-", "wickie.bearer-")):
        return is_random(value, before)
    return certain or _is_password(value, before)


def _is_placeholder(value: str, before: str, after: str) -> bool:
    if _PLACEHOLDERS.search(value) or _FOREIGN.search(value) or _DOCUMENTED.match(after):
        return True
    # `a:b@` twice the same is what examples say, and what nobody has bothered to change.
    user = re.search(r"([\w.-]+):$", before)
    if value.lower() in _GUESSES or (user and user[1] == value):
        return True
    bare = value.strip("'\"`.,;:!?-_ ").lower()
    words = [word.lower() for word in _WORDS.findall(value)]
    return bare in _VOCABULARY or (
        bool(words)
        and all(word in _VOCABULARY for word in words)
        and not any(symbol in value for symbol in "!@#$%^&*")
    )


def _is_password(value: str, before: str) -> bool:
    """What people and generators make: a digit, or capitals and symbols, and no name."""
    if _SIMPLE.fullmatch(value):
        return value.isdigit() or bool(_KEYED.search(before))
    if not value.isascii() or _NAMES.fullmatch(value):
        return False
    symbols = bool(_SYMBOLS & set(value))
    if not _DIGIT.search(value):
        return symbols and bool(_MIXED.fullmatch(value))
    named = any(word.lower() in _SELF for word in _WORDS.findall(value))
    return symbols or (bool(_LETTER.search(value)) and not named)


def is_random(value: str, before: str = "") -> bool:
    """What no person types: letters and digits mixed, without words."""
    # An ARN ends in six random characters.
    if not value.isascii() or _SEQUENCE.search(value) or _ARN.search(before):
        return False
    if _NAMES.fullmatch(value):
        return _is_scrambled(value)
    if _HEX.fullmatch(value) or _is_scrambled(value):
        return True
    words = [word for word in _WORDS.findall(value) if len(word) > _SHORT]
    known = sum(word.lower() in _VOCABULARY for word in words)
    return bool(_UNWORDED.match(value)) and known <= _SHORT and not _WORDED.fullmatch(value)


def _is_scrambled(value: str) -> bool:
    """Capitals and small letters in turns much shorter than the words of a name."""
    return bool(_LETTERS.fullmatch(value)) and len(value) <= _TURN * len(_WORDS.findall(value))


def _decoded(text: str) -> str:
    """The text that base64 stands for; nothing if it is not text."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    text = decoded.removesuffix("\n")  # of an `echo` that nobody told otherwise
    return text if text.isprintable() else ""
