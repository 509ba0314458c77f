"""TDS 7.4 spoken to a server of this file's: PRELOGIN, TLS inside of it, LOGIN7, refusals."""

from __future__ import annotations

import json
import ssl
import struct
import threading
from socket import create_server

import pytest

from local.certificates import make_certificates
from wickie.aws import Clients
from wickie.errors import AuthenticationError, ProviderError
from wickie.providers import Context
from wickie.providers.sqlserver import SqlServer
from wickie.providers.tds import session

DONE = struct.pack("<BHHQ", 0xFD, 0, 0, 0)
ACK = b"\xad" + struct.pack("<HB", 12, 1) + b"\x74\0\0\x04" + b"\x01S\0" + b"\x10\0\0\0"


def refusal(number: int, text: str) -> bytes:
    body = struct.pack("<iBBH", number, 1, 14, len(text)) + text.encode("utf-16-le")
    body += b"\0\0" + struct.pack("<i", 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body + struct.pack("<BHHQ", 0xFD, 2, 0, 0)


def exactly(read, size):
    data = b""
    while len(data) < size:
        piece = read(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def packet(read):
    header = exactly(read, 8)
    return exactly(read, struct.unpack(">H", header[2:4])[0] - 8)


def framed(kind, data):
    return struct.pack(">BBHHBB", kind, 1, len(data) + 8, 0, 1, 0) + data


class Secured:
    """The server's end of the channel."""

    def __init__(self, plain, context):
        self.plain, self.inward, self.out = plain, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.out, server_side=True)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.inward.write(packet(plain.recv))
        self.flush()

    def flush(self):
        if self.out.pending:
            self.plain.sendall(framed(18, self.out.read()))

    def read(self, size):
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                self.inward.write(exactly(self.plain.recv, 1))


def serve(listener, context, encryption, answer, seen):
    try:
        plain = listener.accept()[0]
        with plain:
            packet(plain.recv)
            fields = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 255)
            plain.sendall(framed(4, fields + b"\x10\0\0\0\0\0" + bytes([encryption])))
            secured = Secured(plain, context)
            for reply in (answer, DONE, DONE):
                seen.append(packet(secured.read))
                secured.tls.write(framed(4, reply))
                plain.sendall(secured.out.read())
    except (OSError, EOFError):
        return


@pytest.fixture
def ask():
    made = make_certificates(["localhost"])

    def ask(answer=ACK + DONE, encryption=1, host="localhost", ca=made.ca_pem, tmp=None):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        (tmp / "pem").write_text(made.key_pem + made.certificate_pem)
        context.load_cert_chain(tmp / "pem")
        seen: list[bytes] = []
        with create_server(("127.0.0.1", 0)) as listener:
            arguments = (listener, context, encryption, answer, seen)
            thread = threading.Thread(target=serve, args=arguments)
            thread.start()
            document = {"engine": "sqlserver", "host": host, "username": "app", "sslrootcert": ca}
            document |= {"port": listener.getsockname()[1], "password": "hunter2-hunter2"}
            login = SqlServer(Context(Clients())).parse(json.dumps(document), "s")
            try:
                with session(login, None):
                    return seen
            finally:
                thread.join(10)

    return ask


def test_a_login_goes_over_tls_inside_of_prelogin(ask, tmp_path):
    seen = ask(tmp=tmp_path)
    assert "app".encode("utf-16-le") in seen[0]
    assert "set lock_timeout 5000".encode("utf-16-le") in seen[1]


def test_a_refused_password_is_told_from_a_database_that_cannot_be_opened(ask, tmp_path):
    refused = refusal(18456, "Login failed for user 'app'.")
    with pytest.raises(AuthenticationError):
        ask(refused, tmp=tmp_path)
    with pytest.raises(ProviderError) as caught:
        ask(refusal(4060, "Cannot open database.")[: -len(DONE)] + refused, tmp=tmp_path)
    assert not isinstance(caught.value, AuthenticationError)


def test_a_certificate_that_is_not_to_be_trusted_sees_no_password(ask, tmp_path):
    other = make_certificates(["localhost"]).ca_pem
    with pytest.raises(ProviderError, match="is not to be trusted"):
        ask(ca=other, tmp=tmp_path)
    with pytest.raises(ProviderError, match="is not to be trusted"):
        ask(host="127.0.0.1", tmp=tmp_path)


@pytest.mark.parametrize("encryption", [0, 2])
def test_a_server_without_tls_is_an_error_and_never_spoken_to_in_plaintext(
    ask, encryption, tmp_path
):
    with pytest.raises(ProviderError, match="offers no TLS"):
        ask(encryption=encryption, tmp=tmp_path)
