"""
What MySQL and MariaDB store for a password, computed here so that the plaintext need not travel.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html
"""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ALPHABET: Final = "./" + string.digits + string.ascii_uppercase + string.ascii_lowercase
_SALT_CHARACTERS: Final = 20
# In thousands, and the server's default. More makes guessable passwords harder to guess; ours
# are 190 random bits.
_ROUNDS: Final = 5


def native_hash(password: str) -> str:
    """Compute what `mysql_native_password` stores."""
    stage = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(stage, usedforsecurity=False).hexdigest().upper()


def caching_sha2_hash(password: str, salt: str | None = None) -> str:
    """
    Compute what `caching_sha2_password` stores: SHA-crypt over a salt longer than crypt(3)'s.

    The salt is of letters and digits, so that the result is plain ASCII whichever way it is
    sent; the server's own may hold any byte.
    """
    salt = salt or "".join(secrets.choice(_ALPHABET[2:]) for _ in range(_SALT_CHARACTERS))
    digest = _sha256_crypt(password.encode(), salt.encode(), _ROUNDS * 1000)
    return f"$A${_ROUNDS:03X}${salt}{_encode(digest)}"


HASHES: Final[Mapping[str, Callable[[str], str]]] = {
    "caching_sha2_password": caching_sha2_hash,
    "mysql_native_password": native_hash,
}
"""By the name of the server's plugin."""


def _sha256_crypt(key: bytes, salt: bytes, rounds: int) -> bytes:
    """Steps 1 to 21 of https://www.akkadia.org/drepper/SHA-crypt.txt."""
    sha256 = hashlib.sha256
    other = sha256(key + salt + key).digest()
    text = key + salt + _stretch(other, len(key))
    bits = len(key)
    while bits:
        text += other if bits & 1 else key
        bits >>= 1
    digest = sha256(text).digest()
    p = _stretch(sha256(key * len(key)).digest(), len(key))
    s = _stretch(sha256(salt * (16 + digest[0])).digest(), len(salt))
    for turn in range(rounds):
        odd = turn % 2
        middle = (s if turn % 3 else b"") + (p if turn % 7 else b"")
        digest = sha256((p if odd else digest) + middle + (digest if odd else p)).digest()
    return digest


def _stretch(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _encode(digest: bytes) -> str:
    """Step 22: base 64, least significant character first, of bytes in an order of its own."""
    order = [(turn * 21) % 30 for turn in range(10)]
    groups = [bytes(digest[(first + step) % 30] for step in (0, 10, 20)) for first in order]
    text = "".join(_characters(int.from_bytes(group), 4) for group in groups)
    return text + _characters(int.from_bytes(digest[31:29:-1]), 3)


def _characters(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 6 * place & 63] for place in range(count))
