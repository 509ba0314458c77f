"""
The transport of SSH-2, as a client: the host proves who it is, then all is sealed.

Of the clients of SSH in Python that are kept up, paramiko is LGPL, asyncssh EPL, and Twisted's,
which is MIT, brings an event loop along; so the few messages that are needed are spoken here.
Of each kind of algorithm one is offered, which OpenSSH has by default since 6.5 (2014).

RFC 4253 (transport); RFC 8731 (key exchange); RFC 5647 as OpenSSH's PROTOCOL §1.6 has it (AES-GCM).
"""

from __future__ import annotations

import os
import struct
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from wickie.errors import ProviderError, ProviderUnavailableError
from wickie.providers.sshdata import Reader, mpint, names, string

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

_DISCONNECT, _IGNORE, _UNIMPLEMENTED, _DEBUG, _EXT_INFO = 1, 2, 3, 4, 7
_KEXINIT, _NEWKEYS, _ECDH_INIT, _ECDH_REPLY = 20, 21, 30, 31
_SAYS_NOTHING: Final = frozenset({_IGNORE, _UNIMPLEMENTED, _DEBUG, _EXT_INFO})

_VERSION: Final = b"SSH-2.0-wickie"
# "Strict" has a host end what begins with more than the exchange: CVE-2023-48795 (Terrapin).
_KEX: Final = ("curve25519-sha256", "curve25519-sha256@libssh.org")
_STRICT: Final = "kex-strict-c-v00@openssh.com"
_CIPHER: Final = ("aes256-gcm@openssh.com",)
_MAC: Final = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-256")
"""Named for servers that insist; the cipher seals by itself."""
_SIGNATURES: Final = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
"""By type of host key: RFC 8709, RFC 5656, RFC 8332."""

_TAG, _BLOCK, _PLAIN_BLOCK = 16, 16, 8
_LONGEST: Final = 1 << 18
_LINES_BEFORE_VERSION: Final = 50


class _Seal:
    """AES-256-GCM in one direction; the counter is its own, so that no packet can be left out."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._aead, self._fixed, self._count = AESGCM(key), iv[:4], int.from_bytes(iv[4:])

    def _nonce(self) -> bytes:
        nonce = self._fixed + self._count.to_bytes(8)
        self._count = (self._count + 1) % (1 << 64)
        return nonce

    def close(self, length: bytes, packet: bytes) -> bytes:
        return self._aead.encrypt(self._nonce(), packet, length)

    def open(self, length: bytes, packet: bytes) -> bytes:
        return self._aead.decrypt(self._nonce(), packet, length)


class Transport:
    """
    One connection, once its host was proven to be who `known_hosts` says.

    What is sent waits until an answer is asked for. Errors are those of `Provider.sign_in`.
    """

    def __init__(self, connection: socket.socket, place: str, host_keys: Sequence[bytes]) -> None:
        self._connection, self.place = connection, place
        self._arrived, self._waiting = b"", b""
        self._sealing: _Seal | None = None
        self._opening: _Seal | None = None
        self.session_id = b""
        self._shake_hands(host_keys)

    def send(self, message: bytes) -> None:
        """RFC 4253 §6."""
        block, sealed = (_BLOCK, 0) if self._sealing else (_PLAIN_BLOCK, 4)
        pad = block - (sealed + 1 + len(message)) % block
        pad += block if pad < 4 else 0  # noqa: PLR2004  (the least that the RFC allows)
        packet = bytes([pad]) + message + os.urandom(pad)
        length = struct.pack(">I", len(packet))
        self._waiting += length
        self._waiting += self._sealing.close(length, packet) if self._sealing else packet

    def receive(self) -> tuple[int, Reader]:
        """Return number and rest of the next message that says something."""
        while True:
            number, reader = self._next()
            if number == _DISCONNECT:
                raise ProviderUnavailableError(
                    f"{self.place} ended the connection: {_reason(reader)}; try again later"
                )
            if number not in _SAYS_NOTHING:
                return number, reader

    def unexpected(self, number: int) -> ProviderError:
        """What to raise about a message that has no place here."""
        return ProviderError(
            f"{self.place} sent message {number} out of place; check host and port in the secret"
        )

    def _next(self) -> tuple[int, Reader]:
        self._flush()
        length = self._read(4)
        size = int.from_bytes(length)
        if not 1 < size <= _LONGEST:
            raise ProviderError(f"{self.place} does not speak SSH; check host and port")
        if self._opening is None:
            packet = self._read(size)
        else:
            try:
                packet = self._opening.open(length, self._read(size + _TAG))
            except InvalidTag:
                raise ProviderError(f"what {self.place} sent was changed on its way") from None
        message = packet[1 : len(packet) - packet[0]]
        return message[0], Reader(message[1:])

    def _flush(self) -> None:
        if self._waiting:
            self._connection.sendall(self._waiting)
            self._waiting = b""

    def _read(self, size: int) -> bytes:
        while len(self._arrived) < size:
            self._more()
        taken, self._arrived = self._arrived[:size], self._arrived[size:]
        return taken

    def _more(self) -> None:
        got = self._connection.recv(1 << 16)
        if not got:
            raise ConnectionResetError("closed")
        self._arrived += got

    def _expect(self, wanted: int) -> tuple[Reader, bytes]:
        """While keys are exchanged nothing but the exchange is let in, as strict exchange wants."""
        number, reader = self._next()
        if number == _DISCONNECT:
            raise ProviderError(f"{self.place} refused to exchange keys: {_reason(reader)}")
        if number != wanted:
            raise self.unexpected(number)
        return reader, bytes([number]) + reader.data

    def _shake_hands(self, host_keys: Sequence[bytes]) -> None:
        kinds = dict.fromkeys(Reader(blob).text() for blob in host_keys)
        wanted = [name for kind in kinds for name in _SIGNATURES.get(kind, ())]
        offer = (_KEX, wanted, _CIPHER, _CIPHER, _MAC, _MAC, ("none",), ("none",))
        ours = bytes([_KEXINIT]) + os.urandom(16) + names(*_KEX, _STRICT)
        ours += b"".join(names(*kind) for kind in offer[1:]) + names() * 2 + bytes(5)
        self._waiting = _VERSION + b"\r\n"
        self.send(ours)
        version = self._version()
        reader, theirs = self._expect(_KEXINIT)
        reader.take(16)
        agreed = [self._agreed(kind, reader.names()) for kind in offer[:4]]

        secret = X25519PrivateKey.generate()
        share = secret.public_key().public_bytes_raw()
        self.send(bytes([_ECDH_INIT]) + string(share))
        reader, _ = self._expect(_ECDH_REPLY)
        host_key, their_share, signature = reader.string(), reader.string(), reader.string()
        shared = mpint(secret.exchange(X25519PublicKey.from_public_bytes(their_share)))
        parts = (_VERSION, version, ours, theirs, host_key, share, their_share)
        digest = sha256(b"".join(map(string, parts)) + shared).digest()
        self._prove(host_key, host_keys, agreed[1], signature, digest)
        self._expect(_NEWKEYS)
        self.send(bytes([_NEWKEYS]))
        self.session_id = digest

        def key(letter: bytes) -> bytes:  # RFC 4253 §7.2: 32 bytes need one hash
            return sha256(shared + digest + letter + digest).digest()

        self._sealing = _Seal(key(b"C"), key(b"A")[:12])
        self._opening = _Seal(key(b"D"), key(b"B")[:12])

    def _version(self) -> bytes:
        """RFC 4253 §4.2: lines that are none of SSH's may come first."""
        self._flush()
        for _ in range(_LINES_BEFORE_VERSION):
            while b"\n" not in self._arrived:
                if len(self._arrived) > _LONGEST:
                    break
                self._more()
            line, _, self._arrived = self._arrived.partition(b"\n")
            if line.startswith((b"SSH-2.0-", b"SSH-1.99-")):
                return line.rstrip(b"\r")
        raise ProviderError(f"{self.place} does not speak SSH; check host and port in the secret")

    def _agreed(self, ours: Sequence[str], theirs: Sequence[str]) -> str:
        for name in ours:
            if name in theirs:
                return name
        raise ProviderError(
            f"{self.place} has none of {', '.join(ours)}; allow one of them in its sshd_config, "
            f"or put the key of a kind it has into known_hosts"
        )

    def _prove(
        self, blob: bytes, known: Sequence[bytes], name: str, signature: bytes, digest: bytes
    ) -> None:
        if blob not in known:
            raise ProviderError(
                f"{self.place} is not proven to be itself: its {name} key is not the one in "
                f"known_hosts; correct the secret if the host was given another key"
            )
        try:
            _verify(blob, name, signature, digest)
        except InvalidSignature:
            raise ProviderError(f"{self.place} is not proven to be itself: bad signature") from None


def _verify(blob: bytes, name: str, sealed: bytes, data: bytes) -> None:
    """Raise `InvalidSignature` unless the key has signed `data` in the way agreed upon."""
    told, signature = _two(sealed)
    if told.decode() != name:
        raise InvalidSignature
    kind = Reader(blob).string()
    key = load_ssh_public_key(kind + b" " + b64encode(blob))
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, data)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        r, s = (int.from_bytes(part) for part in _two(signature))
        key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    elif isinstance(key, rsa.RSAPublicKey):
        digest = hashes.SHA512() if name == "rsa-sha2-512" else hashes.SHA256()
        key.verify(signature, data, padding.PKCS1v15(), digest)
    else:
        raise InvalidSignature


def _two(data: bytes) -> tuple[bytes, bytes]:
    reader = Reader(data)
    return reader.string(), reader.string()


def _reason(reader: Reader) -> str:
    reader.number()
    return reader.text()
