"""Calls to other systems: TLS is verified, no redirection followed, failures told apart."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.certificates import make_certificates
from tests.rotation.dependents.servers import Receiver, serve
from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError
from wickie.https import call, checked_url, place


@dataclass
class Secure:
    """A receiver with TLS, and the CA that vouches for it."""

    receiver: Receiver
    ca: Path


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    made = make_certificates(["localhost"])
    certificate, ca = tmp_path / "server.pem", tmp_path / "ca.pem"
    certificate.write_text(made.key_pem + made.certificate_pem)
    ca.write_text(made.ca_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serve(
        lambda place: Receiver(f"https://{place}/"),
        lambda sock: context.wrap_socket(sock, server_side=True),
    ) as receiver:
        yield Secure(receiver, ca)


def test_a_server_that_a_trusted_ca_vouches_for_is_called(secure: Secure) -> None:
    reply = call("PATCH", secure.receiver.url, headers={}, body=b"x", ca_bundle=str(secure.ca))
    assert reply.status == 200
    assert secure.receiver.seen[0].body == b"x"


def test_a_server_that_is_not_proven_to_be_itself_is_told_nothing(secure: Secure) -> None:
    with pytest.raises(ProviderError, match=r"not proven to be itself \(TLS: CERTIFICATE_VERIFY"):
        call("POST", secure.receiver.url, headers={"Authorization": "x"}, body=b"x")
    assert not secure.receiver.seen


def test_a_server_without_tls_is_not_fallen_back_to(receiver: Receiver) -> None:
    with pytest.raises(ProviderError, match="TLS") as caught:
        call("POST", receiver.url.replace("http:", "https:"), headers={}, body=b"x")
    assert not isinstance(caught.value, ProviderUnavailableError)


def test_a_redirection_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    receiver.answers = [(307, {"Location": "/elsewhere"}, b"")]
    assert call("GET", receiver.url, headers={"Authorization": "x"}).status == 307
    assert len(receiver.seen) == 1


def test_that_nobody_answers_can_be_tried_again() -> None:
    with pytest.raises(ProviderUnavailableError, match="does not answer"):
        call("GET", "http://localhost:9/", headers={})


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/x", "write an https:// URL"),
        ("ftp://hooks.example.com/x", "write an https:// URL"),
        ("file:///etc/passwd", "write an https:// URL"),
        ("https:///x", "write an https:// URL"),
        ("https://user:word@hooks.example.com/x", "no user or password"),
        ("https://hooks.example.com:port/x", "this is no URL"),
        ("http://localhost.example.com/x", "write an https:// URL"),
        ("http://prefect.wickie-dev.internal.example.com/x", "write an https:// URL"),
        ("http://prefect.wickie-dev-internal/x", "write an https:// URL"),
        ("http://other.wickie-dev.internal/x", "write an https:// URL"),
    ],
)
def test_only_a_safe_url_is_called(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        checked_url(url)
    with pytest.raises(ConfigError):
        call("GET", url, headers={})


def test_wickies_own_prefect_is_asked_within_its_vpc_without_tls() -> None:
    assert checked_url("http://prefect.wickie-dev.internal:4200/api")


def test_a_query_is_not_shown() -> None:
    assert place("https://hooks.example.com:8443/a?token=x#y") == "https://hooks.example.com:8443/a"
