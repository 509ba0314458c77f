"""SSH: the Ed25519 key that lets a user into hosts, judged and changed there."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import shlex
import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wickie.credentials import Sensitive, read_document
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
)
from wickie.providers import sshfiles
from wickie.providers.sshsession import Door, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wickie.providers import Context
    from wickie.providers.sshsession import Session

_KEYS: Final = ("user", "private_key", "public_key", "known_hosts")
_USUAL_FILE: Final = ".ssh/authorized_keys"
# Where an Ed25519 key's own 32 bytes stand in base64; in ssh-keygen's lines of 70 they share one.
_SEED: Final = slice(215, 257)
_LINE: Final = 70
_TRIES: Final = 5
_CHANGED: Final = 75
"""EX_TEMPFAIL: the file is not what it was when it was read."""

_READ: Final = 'f=$(readlink -f {file}) && cksum < "$f" && cat "$f"'
# Whoever else edits it is waited for where Linux's flock is there, and told by the sum elsewhere.
# The copy is made first for its owner and mode; half of what was sent never takes its place.
_WRITE: Final = (
    'f=$(readlink -f {file}) || exit 1; exec 9<"$(dirname "$f")"; '
    "command -v flock >/dev/null && flock -w 10 9; "
    '[ "$(cksum < "$f")" = "{sum}" ] || exit 75; '
    't=$(mktemp "$f.wickie.XXXXXX") || exit 1; trap \'rm -f "$t"\' EXIT; '
    'cp -p "$f" "$t" && cat > "$t" && [ $(wc -c < "$t") -eq {size} ] && mv -f "$t" "$f"'
)


@dataclass(frozen=True)
class KeyPair:
    """A user's key pair, and the hosts that it lets the user into."""

    user: str
    hosts: tuple[str, ...]
    port: int
    private_key: Sensitive
    """In OpenSSH's own form, without a passphrase."""
    public_key: str
    """The line of authorized_keys: type, key in base64, comment."""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The secret's whole JSON but the private key, so that keys unknown to wickie survive."""

    @classmethod
    def parse(cls, text: str, name: str) -> KeyPair:
        """Parse the value of the secret `name`. Raises `ConfigError`."""
        document = read_document(text, name, _KEYS)
        hosts = document.get("hosts", document.get("host"))
        hosts = [hosts] if isinstance(hosts, str) else hosts
        if not isinstance(hosts, list) or not hosts or not all(isinstance(h, str) for h in hosts):
            raise ConfigError(f"secret {name} lacks host, or hosts as a list; add it to its JSON")
        try:
            port = int(document.get("port") or 22)
        except (TypeError, ValueError):
            raise ConfigError(f"secret {name} has a port that is no number; correct it") from None
        public_key = " ".join(document["public_key"].split())
        try:
            base64.b64decode(public_key.split()[1], validate=True)
        except (IndexError, binascii.Error):
            raise ConfigError(
                f"secret {name} has no public key under public_key; put the line of its .pub there"
            ) from None
        private_key = Sensitive(document.pop("private_key"))
        return cls(document["user"], tuple(hosts), port, private_key, public_key, document)

    @property
    def place(self) -> tuple[object, ...]:
        """See `Credential`."""
        return "ssh", ", ".join(self.hosts), self.port, self.user

    @property
    def holder(self) -> str:
        """See `Credential`. As `ssh-keygen -l` has it: a user may have keys of several secrets."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    @property
    def secret(self) -> Sensitive:
        """See `Credential`. The rest of the file is public, or the same in every one."""
        lines = self.private_key.reveal().splitlines()
        body = "".join(line.strip() for line in lines if not line.startswith("-----"))
        return Sensitive(body[_SEED]) if len(body) > _SEED.stop else self.private_key

    @property
    def blob(self) -> str:
        """The public key itself, in base64."""
        return self.public_key.split()[1]

    def to_secret_string(self) -> str:
        """See `Credential`."""
        pair = {"private_key": self.private_key.reveal(), "public_key": self.public_key}
        return json.dumps({**self.document, **pair})

    def doors(self) -> Iterator[Door]:
        """Where it is presented. Raises `ConfigError` for a host whose key is not known."""
        for host in self.hosts:
            keys = sshfiles.host_keys(self.document["known_hosts"], host, self.port)
            yield Door(host, self.port, self.user, keys)

    def loaded(self) -> Ed25519PrivateKey:
        """The private key. Raises `ConfigError` for one that is of no use here."""
        try:
            key = serialization.load_ssh_private_key(self.private_key.reveal().encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(
                f"private_key for {self.user} is no Ed25519 key in OpenSSH's form without a "
                f"passphrase; make one by ssh-keygen -t ed25519 -N '' and let it in"
            )
        if _line(key).split()[1] != self.blob:
            raise ConfigError(f"public_key is not that of private_key for {self.user}; correct it")
        return key


@dataclass(frozen=True)
class SshKey:
    """An `Issuer` that is an `Installer`, for keys that wickie draws itself."""

    context: Context

    def parse(self, text: str, name: str) -> KeyPair:
        """See `Provider.parse`."""
        return KeyPair.parse(text, name)

    def sign_in(self, pair: KeyPair) -> str:
        """See `Provider.sign_in`. Its rights are the hosts that let it in, of which one will do."""
        key, open_to, refused = pair.loaded(), [], AuthenticationError("no host was asked")
        for door in list(pair.doors()):
            try:
                with session(door, key, pair.secret):
                    open_to.append(door.host)
            except AuthenticationError as error:
                refused = error
        if not open_to:
            raise refused
        return "; ".join(f"{pair.user} at {host}" for host in open_to)

    def issue(
        self, current: KeyPair, previous: Callable[[], KeyPair | None], token: str
    ) -> KeyPair:
        """See `Issuer.issue`. No host hears of it before it is stored: see `install`."""
        del previous
        current.loaded()
        key = Ed25519PrivateKey.generate()
        mark = str(current.document.get("mark") or secrets.token_hex(4))
        return replace(
            current,
            private_key=Sensitive(_written(key)),
            public_key=f"{_line(key)} wickie {mark} {token}",
            document={**current.document, "mark": mark},
        )

    def install(self, pending: KeyPair, current: KeyPair, previous: KeyPair | None) -> None:
        """See `Installer.install`."""
        mark = str(pending.document.get("mark"))
        last = previous.blob if previous else None

        def edited(text: str) -> str:
            return sshfiles.succeeded(text, current.blob, pending.public_key, last, mark)

        _edit_everywhere(current, edited)

    def revoke(self, old: KeyPair, current: KeyPair) -> None:
        """See `Issuer.revoke`. Sessions that are open stay so: they are the host's to end."""
        _edit_everywhere(current, lambda text: sshfiles.without(text, old.blob, current.blob))


def _written(key: Ed25519PrivateKey) -> str:
    """As ssh-keygen writes it."""
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    begin, *body, end = pem.decode().strip().splitlines()
    lines = textwrap.wrap("".join(body), _LINE)
    return "\n".join([begin, *lines, end, ""])


def _line(key: Ed25519PrivateKey) -> str:
    raw = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(*raw).decode()


def _edit_everywhere(current: KeyPair, edited: Callable[[str], str]) -> None:
    """Signed in with the key in use, edit authorized_keys at each host."""
    key = current.loaded()
    for door in list(current.doors()):
        with session(door, key, current.secret) as opened:
            file = shlex.quote(str(current.document.get("authorized_keys") or _USUAL_FILE))
            if not any(_edit(opened, door, file, edited) for _ in range(_TRIES)):
                raise ProviderUnavailableError(
                    f"authorized_keys of {door.user} at {door.place} is being edited by somebody "
                    f"else; try again later"
                )


def _edit(opened: Session, door: Door, file: str, edited: Callable[[str], str]) -> bool:
    """Read it, and put what it is to be in its place, unless another does so meanwhile."""
    status, answer = opened.run(_shell(_READ.format(file=file)))
    if status != 0:
        raise ProviderError(
            f"{door.user} at {door.place} cannot read {file} ({status}); name the right file by "
            f"authorized_keys in the secret"
        )
    checksum, _, content = answer.partition(b"\n")
    before = content.decode(errors="surrogateescape")
    try:
        after = edited(before)
    except ProviderError as error:
        raise ProviderError(f"{file} of {door.user} at {door.place}: {error}") from None
    if after == before:
        return True
    data = after.encode(errors="surrogateescape")
    filled = _WRITE.format(file=file, sum=" ".join(checksum.decode().split()), size=len(data))
    status, _ = opened.run(_shell(filled), data)
    if status not in (0, _CHANGED):
        raise ProviderError(
            f"{door.user} at {door.place} cannot write {file} ({status}); check that the folder "
            f"is the user's own and the disk not full"
        )
    return status == 0


def _shell(script: str) -> str:
    """Whatever the user's shell is."""
    return f"exec sh -c {shlex.quote(script)}"
