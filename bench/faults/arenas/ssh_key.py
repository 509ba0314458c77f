"""A real OpenSSH server, and the keys that its users are let in by."""

from __future__ import annotations

import json
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from bench.faults.arenas import Unavailable
from local.packages import MissingError
from local.sshd import HOST, Sshd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class SshKeyArena:
    """Users that each have a key made by `ssh-keygen`, and somebody else's beside it."""

    options: Mapping[str, str] = {}

    def __init__(self, server: Sshd) -> None:
        self._server = server
        self._files: dict[str, Path] = {}
        self._other = key_pair()[1]
        self._logged = 0

    def secret(self) -> str:
        """See `Arena`."""
        user = f"app{uuid.uuid4().hex[:8]}"
        private, public = key_pair()
        self._files[user] = self._server.add_user(user, f"{self._other}no-pty {public}")
        return json.dumps(
            {
                "user": user,
                "host": HOST,
                "port": self._server.port,
                "private_key": private,
                "public_key": public.strip(),
                "known_hosts": self._server.known_hosts,
            }
        )

    def honours(self, value: str) -> bool:
        """
        See `Arena`. Whether sshd's own file names the key of this private key.

        To sign in by OpenSSH's client says the same, and takes longer than all the rest of a trial.
        """
        pair = json.loads(value)
        key = load_ssh_private_key(pair["private_key"].encode(), None).public_key()
        public = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        return any(public in line for line in self._lines(pair["user"]))

    def strays(self, values: Sequence[str]) -> list[str]:
        """See `Counted`. The key of somebody else, which was there first, is to stay."""
        pairs = [json.loads(value) for value in values]
        held = {pair["public_key"].split()[1] for pair in pairs}
        other, lines = self._other.strip(), self._lines(pairs[0]["user"])
        lost = [] if other in lines else [f"lost: {other}"]
        return lost + [one for one in lines if one != other and not held & set(one.split())]

    def _lines(self, user: str) -> list[str]:
        return self._files[user].read_text().splitlines()

    def log(self) -> str:
        """See `Logging`."""
        text = self._server.log_text()[self._logged :]
        self._logged += len(text)
        return text


def key_pair() -> tuple[str, str]:
    """Draw one by OpenSSH's own hand: the private key's text, and the public key's line."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "key")
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "by hand", "-f", str(file)]
        subprocess.run(argv, check=True)
        return file.read_text(), file.with_suffix(".pub").read_text()


def ssh(pair: Mapping[str, str], command: str = "true") -> subprocess.CompletedProcess[str]:
    """Sign in by OpenSSH's client with the pair of a secret, and run a command."""
    with tempfile.TemporaryDirectory() as scratch:
        key, known = Path(scratch, "key"), Path(scratch, "known")
        key.write_text(pair["private_key"])
        key.chmod(0o600)
        known.write_text(pair["known_hosts"])
        options = {
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "GSSAPIAuthentication": "no",
            "KexAlgorithms": "curve25519-sha256",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(known),
        }
        argv = ["ssh", "-F", "none", "-i", str(key), "-p", str(pair["port"])]
        argv += [text for name, value in options.items() for text in ("-o", f"{name}={value}")]
        argv += [f"{pair['user']}@{pair['host']}", command]
        return subprocess.run(argv, check=False, capture_output=True, text=True)


@contextmanager
def one_host() -> Iterator[SshKeyArena]:
    """One server for all users."""
    try:
        with Sshd() as server:
            yield SshKeyArena(server)
    except MissingError as lacking:
        raise Unavailable(str(lacking)) from None
