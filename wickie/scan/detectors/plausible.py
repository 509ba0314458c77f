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

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = "1"
"""To be raised with every change of what is plausible."""

_PLACEHOLDERS: Final = re.compile(
    r"""
    \$\{ | \$\( | \{\{ | \}\} | <% | %\( | \#\{ | %[sdv] (?!\w) | \{\w{0,30}\}
    | ^ [$%@!&]+ [A-Za-z_][\w:.-]* [%@;)]* $ | ^ \\? [<\[({] .* [>\])}]? $ | ^ __?\w+?__? $
    | ^ (.) \1* $ | [xX]{4} | \*{3} | \.{3} | \u2026 | _{4} | -{4}
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
_VOCABULARY: Final = frozenset(
    """
    a abc access account admin administrator adm alice an api app application apps auth
    authentication author bad bar base base64 baz bearer blah bob bogus client code config confirm
    confirmation cookie correct credential credentials current custom data database db default demo
    dev development email empty encoded encrypted encryption env expired false field file first foo
    fooz for form from generic guest hash hello here http https id in incorrect input invalid is it
    jwt key keys label local localhost login long md5 me method missing mock mode msg my mysql name
    new no none null oauth of old on optional or pass passcode passphrase passwd passwort password
    passwords path placeholder plain please post postgres private prod production prompt public pw
    pwd pws random real refresh reg register required reset rest root rsa salt secret secrets secure
    server service session sha sha256 sha512 short sign some staging str string strong super
    supersecret system temp temporary test tester testing tests text that the this to token tokens
    top true two type uid undefined unknown unsafe url use user username users utf val valid value
    version very wallet weak with world wrong yes you qwerty foobar testpass testpassword mypassword
    mypass userpass dbpass secretkey nopassword asdf pass word letmein topsecret changeit
    """.split()
)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NAMES: Final = re.compile(
    r"""
    [A-Za-z_]+\d{0,2} (?: (?: \. | -> | :: | \?\. ) [A-Za-z_]+\d{0,2} )+ [\[\](){};,]*   # of attributes
    | [A-Za-z_]\w* \s? [(\[] .*                                       # calls
    | [A-Za-z]+ \d                                                    # numbered words
    | [A-Za-z_.@-]+ | [\d.,:_-]+                                      # words, numbers
    | [A-Z][A-Z\d]* (?: _[A-Z\d]+ )+ ;?                               # constants
    | [\w.+-]+ @ [\w-]+ (?: \.[\w-]+ )+                               # addresses
    | [\w.-]+ \. (?: py|js|ts|json|html?|php|txt|ya?ml|md|css|svg|png|pem|key|crt|cer|go|java|rb|sh
      |xml|conf|cfg|ini|properties|log|p12|jks|pfx|tf|sql|jsx|tsx|vue|c|h|cpp|cs )
    | [0-9a-fA-F]{8} (?: -[0-9a-fA-F]{4} ){3} -[0-9a-fA-F]{12}
    | v?\d+ (?: \.\d+ )+ [\w.-]*
    | (?: \.{0,2} | ~ | [A-Za-z]: ) [/\\] [\w.@/\\-]* [\w/\\-]
    | [\w.-]+ (?: / [\w.-]+ )* / [a-z_.-]+
    | (?: a|div|input|form|span|button|label )? [\#.] [A-Za-z_-][\w-]* (?: [ .\#>:\[] .* )?
    | &[a-z]+; | [\^] .* | .* (?: \\[dwsSDWbn] | \[a-z | \.[*+][)?$] | \(\? | :// | => | \]\( | <\/? | \?\: ) .*
    | [\w-]+ = [\w-]* | [\w.-]+ [,;] | [\w-]* : [\w.-]*
    """,
    re.VERBOSE,
)
_SIMPLE: Final = re.compile(r"[a-z]{5,20}\d?|\d{6,}")
_KEYED: Final = re.compile(r"""(?i)passw(?:or)?d["']?\]?\s{0,4}(?::|=>?)\s{0,4}["']$""")
_FOREIGN: Final = re.compile(r"[\u2e80-\U0010ffff]")
_HEX: Final = re.compile(r"[0-9a-fA-F]{32,}")
_HASHED: Final = re.compile(r"(?i)sha\d|md5|hash|digest|checksum|integrity|etag|commit|revision")
_SEQUENCE: Final = re.compile(r"(?i)123456789|12345678(?!\d)|abcdefgh|qwertyui")
_SYMBOLS: Final = frozenset("!@#$%^&*?~+=")
_DOCUMENTED: Final = re.compile(r"@ (?:[\w-]+\.)* (?:example|test|invalid) \b", re.VERBOSE | re.I)
_GUESSES: Final = frozenset({"guest", "root", "sesame", "open sesame", "postgres", "admin"})
_FIXED: Final[Mapping[str, re.Pattern[str]]] = {
    "wickie.basic-authorization": re.compile(r"[^\s:]{1,80}:(.{3,200})"),
    "wickie.registry-auth": re.compile(r"[^\s:]{1,80}:(.{3,500})"),
    "wickie.npm-password": re.compile(r"(.{4,200})"),
}
"""What stands in base64, and which of it is the secret."""
_TO_THE_END: Final = frozenset({"wickie.password-setting", "wickie.environment-password"})
_LISTED: Final = re.compile(r"[&;]\w+=")
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
        decoded = _decoded(value)
        inner = decoded and _FIXED[rule].fullmatch(decoded)
        return bool(inner) and not _is_placeholder(inner[1], before, after)
    if _is_placeholder(value, before, after):
        return False
    if rule in _TO_THE_END and _LISTED.search(value):
        return False
    if rule == "wickie.environment-password":
        return bool(_SIMPLE.fullmatch(value)) or not _NAMES.fullmatch(value)
    if certain:
        return True
    if rule.startswith(("wickie.secret-", "wickie.bearer-")):
        return _is_random(value, before)
    if _KEYED.search(before) and _SIMPLE.fullmatch(value):
        return True
    return _is_password(value)


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


def _is_password(value: str) -> bool:
    """What people and generators make: at least a digit, or capitals and symbols, in no name."""
    if value.isdigit():
        return len(value) >= 6
    if not value.isascii() or _NAMES.fullmatch(value):
        return False
    symbols = bool(_SYMBOLS & set(value))
    if not any(map(str.isdigit, value)):
        cases = any(map(str.isupper, value)) and any(map(str.islower, value))
        return symbols and cases and len(value) >= 8 and value[0].isalnum()
    if not any(map(str.isalpha, value)):
        return symbols and len(value) >= 8
    named = any(word.lower() in ("password", "passwd", "secret") for word in _WORDS.findall(value))
    return symbols or not named


def _is_random(value: str, before: str) -> bool:
    """What no person types: letters and digits mixed, without words."""
    if not value.isascii() or _SEQUENCE.search(value) or _NAMES.fullmatch(value):
        return False
    if _HEX.fullmatch(value):
        return not _HASHED.search(before)
    digits, letters = (sum(map(test, value)) for test in (str.isdigit, str.isalpha))
    if digits < 2 or letters < 4:
        return False
    if sum(word.lower() in _VOCABULARY for word in _WORDS.findall(value) if len(word) > 2) > 2:
        return False
    if "." in value and any(len(part) > 5 and part.isalpha() for part in value.split(".")):
        return False
    if "/" in value and all(re.fullmatch(r"[A-Za-z]*\d?", part) for part in value.split("/")):
        return False
    parts = re.split(r"[-_./:+=]", value)
    return not all(part.isalpha() or part.isdigit() or not part for part in parts)


def _decoded(text: str) -> str:
    """The text that base64 stands for; nothing if it is not text."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded if decoded.isprintable() else ""
