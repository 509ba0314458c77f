"""
The two files that OpenSSH keeps keys in: known_hosts, and a user's authorized_keys.

Pure: texts in, texts out. https://man.openbsd.org/sshd#AUTHORIZED_KEYS_FILE_FORMAT
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL_PORT: Final = 22
_TYPE: Final = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+")
# Options hold no space outside quotes, and a quote inside them is \".
_OPTIONS: Final = re.compile(r'((?:[^\s"]|"(?:\\"|[^"])*")+)\s+(.*)', re.DOTALL)


def host_keys(known_hosts: str, host: str, port: int) -> list[bytes]:
    """Return the keys that a host may prove itself by. Raises `ConfigError` without any."""
    name = host if port == _USUAL_PORT else f"[{host}]:{port}"
    found, revoked = [], set()
    for line in known_hosts.splitlines():
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or not _is_for(words[0], name):  # noqa: PLR2004
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue
        if not marker:
            found.append(blob)
        elif marker == "@revoked":
            revoked.add(blob)
    if trusted := [blob for blob in found if blob not in revoked]:
        return trusted
    raise ConfigError(
        f"known_hosts in the secret has no key of {name}; put the lines there that ssh-keyscan "
        f"-p {port} {host} prints, once they were compared with the host's own"
    )


def _is_for(patterns: str, name: str) -> bool:
    """Names as they stand, or hashed (HashKnownHosts); patterns with wildcards are left out."""
    if patterns.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part) for part in patterns.split("|")[2:4])
        except (ValueError, binascii.Error):
            return False
        return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
    return name.lower() in patterns.lower().split(",")


@dataclass(frozen=True)
class AuthorizedKey:
    """A line of authorized_keys that lets a key in."""

    options: str
    """What it is restricted to, as it stands before the key."""
    blob: str
    """The key itself, in base64."""
    comment: str

    @classmethod
    def parse(cls, line: str) -> AuthorizedKey | None:
        """Read a line; None for what is no key."""
        options, rest = "", line.strip()
        if not rest or rest.startswith("#"):
            return None
        if not _TYPE.fullmatch(rest.split()[0]) and (match := _OPTIONS.fullmatch(rest)):
            options, rest = match[1], match[2]
        words = rest.split(None, 2)
        if len(words) < 2 or not _TYPE.fullmatch(words[0]):  # noqa: PLR2004  (type and key)
            return None
        return cls(options, words[1], words[2].strip() if len(words) > 2 else "")  # noqa: PLR2004


def succeeded(text: str, current: str, pending: str, previous: str | None, mark: str) -> str:
    """
    Let `pending`, a public key's line, in beside the key `current`, restricted as that one is.

    What `mark` stands in the comment of, and is neither of the two, an attempt made and lost; it
    goes, and so does `previous`.
    """
    new = AuthorizedKey.parse(pending)
    if new is None:
        raise ConfigError("public_key in the secret is no line of a public key; correct it")
    kept, options, there = [], None, False
    for line, key in _lines(text):
        if key is None or key.blob in (current, new.blob):
            kept.append(line)
            there = there or (key is not None and key.blob == new.blob)
            if key is not None and key.blob == current and options is None:
                options = key.options
        elif key.blob != previous and not _marked(key, mark):
            kept.append(line)
    if options is None:
        raise _not_in_file()
    if not there:
        kept.append(f"{options} {pending}".strip() + "\n")
    return "".join(kept)


def without(text: str, old: str, current: str) -> str:
    """Take the key `old` out, which is not the one in use."""
    if old == current:
        raise ProviderError("the key to revoke is the one in use; rotate the secret first")
    lines = list(_lines(text))
    if not any(key and key.blob == current for _, key in lines):
        raise _not_in_file()
    return "".join(line for line, key in lines if not (key and key.blob == old))


def _lines(text: str) -> Iterator[tuple[str, AuthorizedKey | None]]:
    """Each with its end, which the last one is given if it has none."""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        yield line if line.endswith("\n") else f"{line}\n", AuthorizedKey.parse(line)


def _marked(key: AuthorizedKey, mark: str) -> bool:
    return key.comment.startswith(f"wickie {mark} ")


def _not_in_file() -> ProviderError:
    return ProviderError(
        "the key in use signs in, and stands in another file; name that one by authorized_keys in "
        "the secret"
    )
