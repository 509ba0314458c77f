"""The ways a value is written in files, and whether it is random enough to be printed at all."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable


def _lower_hex(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text)


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _unicode_escaped(text: str) -> str:
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _base64(shift: int, encode: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    """Encode what follows `shift` unknown bytes (mod 3), less the characters they touch."""

    def encoded(value: str) -> bytes:
        raw = value.encode()
        text = encode(bytes(shift) + raw).rstrip(b"=")
        unsure_end = 1 if (shift + len(raw)) % 3 else 0
        return text[(0, 2, 3)[shift] : len(text) - unsure_end]

    return encoded


# The order is stored: append only.
_ENCODERS: Final[dict[str, Callable[[str], str | bytes]]] = {
    "raw": lambda value: value,
    "url": lambda value: quote(value, safe=""),
    "url-lower": lambda value: _lower_hex(quote(value, safe="")),
    "url-plus": quote_plus,
    "json": _json,
    "json-slash": lambda value: _json(value).replace("/", "\\/"),
    "json-unicode": lambda value: _unicode_escaped(_json(value)),
    "json-in-json": lambda value: _json(_json(value)),
    "shell-single": lambda value: value.replace("'", "'\\''"),
    "shell-double": lambda value: re.sub(r'(["\\$`])', r"\\\1", value),
    "shlex": lambda value: value.replace("'", "'\"'\"'"),
    "html": html.escape,
    "utf-16-le": lambda value: value.encode("utf-16-le"),
    "utf-16-be": lambda value: value.encode("utf-16-be"),
    "base64-0": _base64(0, base64.b64encode),
    "base64-1": _base64(1, base64.b64encode),
    "base64-2": _base64(2, base64.b64encode),
    "base64url-0": _base64(0, base64.urlsafe_b64encode),
    "base64url-1": _base64(1, base64.urlsafe_b64encode),
    "base64url-2": _base64(2, base64.urlsafe_b64encode),
}
NAMES: Final = tuple(_ENCODERS)


def encodings(value: str) -> dict[str, bytes]:
    """
    The byte strings by which `value` turns up in files, by encoding; equal ones once.

    To register these beats decoding the text: a scanner need not know where an encoding begins.
    """
    found: dict[bytes, str] = {}
    for name, encode in _ENCODERS.items():
        encoded = encode(value)
        found.setdefault(encoded.encode() if isinstance(encoded, str) else encoded, name)
    return {name: encoded for encoded, name in found.items()}


FEWEST_CHARACTERS: Final = 24
_FEWEST_BITS: Final = 128
_WORD_BITS: Final = 2
"""Bits a letter of a word is worth: people choose words, and attackers list them."""
# Half of all pairs of letters in English text, and one in thirteen of those drawn at random.
_PAIRS: Final = (
    "al ar as at be ce co de ea ed en er es ha he hi ho in io is it le li ll ly ma me nd ne ng nt "
    "of om on or ou pa ra re ri ro rs se si ss st te th ti to tt ve wo"
)


def publishable(value: str) -> bool:
    """Whether `value` is long and random enough that its prints give nothing usable away."""
    return len(value) >= FEWEST_CHARACTERS and _bits(value) >= _FEWEST_BITS


def _bits(value: str) -> float:
    """Estimate entropy from the alphabet used; words count little, repetitions nothing."""
    if re.fullmatch("[0-9a-f]+|[0-9A-F]+", value):
        each = [4.0] * len(value)
    else:
        classes = {"[a-z]": 26, "[A-Z]": 26, "[0-9]": 10, "[^a-zA-Z0-9]": 32}
        pool = sum(size for pattern, size in classes.items() if re.search(pattern, value))
        each = [math.log2(pool)] * len(value)
        for run in re.finditer("[A-Z]?[a-z]{3,}|[A-Z]{4,}", value):
            if _is_wordy(run[0].lower()):
                each[run.start() : run.end()] = [_WORD_BITS] * len(run[0])
    seen: set[str] = set()
    bits = 0.0
    for index, worth in enumerate(each):
        gram = value[max(0, index - 5) : index + 1]
        bits += 0 if gram in seen else worth
        seen.add(gram)
    return bits


def _is_wordy(letters: str) -> bool:
    pairs = [letters[i : i + 2] for i in range(len(letters) - 1)]
    return 5 * sum(pair in _PAIRS for pair in pairs) >= 2 * len(pairs)
