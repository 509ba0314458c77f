"""What a client of ours sends, reads, tries again and raises."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.retries import standard

import wickie.awsjson
from local.certificates import make_certificates
from tests.rotation.dependents.servers import Receiver, serve
from wickie.awsjson import _CODES, _STATUSES, JsonClient, open_client
from wickie.awsjson.errors import RefusedError, UnansweredError, refusals, silences

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIA1",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serve(lambda place: Receiver(f"http://{place}")) as receiver:
        yield receiver


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(wickie.awsjson.time, "sleep", slept.append)
    return slept


def client(url: str, service: str = "secretsmanager", **more: str) -> JsonClient:
    made = open_client(service, KEYS | {"AWS_ENDPOINT_URL": url} | more)
    assert made
    return made


def told(document: object, status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {"x-amzn-requestid": "r1"}, json.dumps(document).encode()


def refused(code: str, status: int = 400, **more: object) -> tuple[int, dict[str, str], bytes]:
    return told({"__type": code, "message": "No.", **more}, status)


def test_a_reply_is_read_as_botocore_reads_it(receiver: Receiver) -> None:
    receiver.answers = [told({"CreatedDate": 1.5, "SecretBinary": "aGk=", "KmsKeyId": None})]
    reply = client(receiver.url).get_secret_value(SecretId="s")
    assert reply.pop("ResponseMetadata") == {"HTTPStatusCode": 200, "RequestId": "r1"}
    assert reply == {
        "CreatedDate": datetime.fromtimestamp(1.5, UTC),
        "SecretBinary": b"hi",
    }
    (request,) = receiver.seen
    assert request.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    assert request.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert json.loads(request.body) == {"SecretId": "s"}


def test_bytes_go_and_come_in_base64_and_a_string_of_a_table_stays_one(receiver: Receiver) -> None:
    receiver.answers = [told({"Items": [{"B": {"S": "aGk="}, "e": {"B": "aGk="}}]})]
    found = client(receiver.url, "dynamodb").query(Values={":e": {"B": b"\0\xff"}})
    assert found["Items"] == [{"B": {"S": "aGk="}, "e": {"B": b"hi"}}]
    assert (
        json.loads(receiver.seen[0].body)["Values"][":e"]["B"]
        == base64.b64encode(b"\0\xff").decode()
    )


def test_a_write_that_may_be_repeated_carries_one_token_through_all_attempts(
    receiver: Receiver, pauses: list[float]
) -> None:
    receiver.answers = [500, 503, told({})]
    client(receiver.url, "dynamodb").transact_write_items(TransactItems=[])
    tokens = {json.loads(request.body)["ClientRequestToken"] for request in receiver.seen}
    assert (len(receiver.seen), len(tokens), len(pauses)) == (3, 1, 2)
    assert 0 <= pauses[0] <= 1
    assert 0 <= pauses[1] <= 2
    client(receiver.url).put_secret_value(SecretId="s", ClientRequestToken="mine")
    assert json.loads(receiver.seen[-1].body)["ClientRequestToken"] == "mine"


def test_what_is_tried_again_is_what_botocores_standard_mode_tries_again() -> None:
    transient, throttled = standard.TransientRetryableChecker, standard.ThrottledRetryableChecker
    assert {*transient._TRANSIENT_ERROR_CODES, *throttled._THROTTLED_ERROR_CODES} == _CODES
    assert set(transient._TRANSIENT_STATUS_CODES) == _STATUSES


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        (refused("AccessDeniedException"), 1),
        (refused("com.amazonaws#ThrottlingException"), 3),
        (refused("InternalServiceError", 500), 3),
        ((403, {}, b"<html>a gateway</html>"), 1),
        ((502, {}, b"<html>a gateway</html>"), 3),
    ],
)
def test_a_refusal_is_told_after_as_many_attempts_as_may_help(
    receiver: Receiver,
    pauses: list[float],
    answer: tuple[int, dict[str, str], bytes],
    attempts: int,
) -> None:
    receiver.answers = [answer]
    with pytest.raises(RefusedError):
        client(receiver.url).describe_secret(SecretId="s")
    assert (len(receiver.seen), len(pauses)) == (attempts, attempts - 1)


def test_a_refusal_is_of_the_class_that_its_code_names_and_reads_as_botocores(
    receiver: Receiver,
) -> None:
    item = {"owner": {"S": "x"}, "e": {"B": "aGk="}}
    receiver.answers = [refused("a.b.v1#ConditionalCheckFailedException", Item=item)]
    asked, other = client(receiver.url, "dynamodb"), client(receiver.url, "kms")
    with pytest.raises(asked.exceptions.ConditionalCheckFailedException) as caught:
        asked.update_item(Key={})
    error = caught.value
    assert error.response["Error"] == {
        "Code": "ConditionalCheckFailedException",
        "Message": "No.",
    }
    assert error.response["Item"] == {"owner": {"S": "x"}, "e": {"B": b"hi"}}
    assert str(error) == str(ClientError(error.response, "UpdateItem"))
    assert isinstance(error, other.exceptions.ConditionalCheckFailedException)
    assert not isinstance(error, asked.exceptions.TransactionCanceledException)


def test_keys_that_change_are_used_from_the_next_call_on(receiver: Receiver) -> None:
    receiver.answers = [told({})]
    environment = KEYS | {"AWS_ENDPOINT_URL": receiver.url, "AWS_SESSION_TOKEN": "t1"}
    asked = open_client("kms", environment)
    assert asked
    asked.generate_mac(KeyId="k")
    environment |= {"AWS_ACCESS_KEY_ID": "AKIA2", "AWS_SESSION_TOKEN": "t2"}
    asked.generate_mac(KeyId="k")
    seen = [(r.headers["X-Amz-Security-Token"], r.headers["Authorization"]) for r in receiver.seen]
    assert [token for token, _ in seen] == ["t1", "t2"]
    assert ["AKIA2/" in text for _, text in seen] == [False, True]


def test_who_catches_either_clients_failures_names_them_once() -> None:
    assert {RefusedError, ClientError} == set(refusals())
    assert issubclass(EndpointConnectionError, silences())
    assert not issubclass(RefusedError, silences())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{x",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * ((8 << 20) + 1),
        b"the-value, as a proxy might say it\r\n\r\n",
    ],
)
def test_an_answer_that_cannot_be_read_is_none_and_is_not_quoted(
    answer: bytes, pauses: list[float]
) -> None:
    def speak(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=speak, args=(listening,), daemon=True).start()
        place = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(UnansweredError, match="did not answer PutSecretValue") as caught:
            client(place).put_secret_value(SecretString="the-value")
        listening.shutdown(socket.SHUT_RDWR)
    assert len(pauses) == 2
    assert "the-value" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_connection_is_kept_and_one_that_the_other_side_has_closed_is_not_used(
    pauses: list[float],
) -> None:
    accepted: list[socket.socket] = []
    closed = threading.Semaphore(0)

    def speak(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                accepted.append(connection)
                for _ in range(2):
                    while not connection.recv(65536).endswith(b"{}"):
                        pass  # head and body come apart
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                connection.close()
                closed.release()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=speak, args=(listening,), daemon=True).start()
        asked = client(f"http://127.0.0.1:{listening.getsockname()[1]}")
        for _ in range(2):
            for _ in range(2):
                asked.describe_secret()
            assert closed.acquire(timeout=60)
        listening.shutdown(socket.SHUT_RDWR)
    assert len(accepted) == 2
    assert not pauses


@pytest.mark.usefixtures("pauses")
def test_a_server_that_is_not_proven_to_be_itself_is_told_nothing(tmp_path: Path) -> None:
    made = make_certificates(["localhost"])
    certificate, ca = tmp_path / "server.pem", tmp_path / "ca.pem"
    certificate.write_text(made.key_pem + made.certificate_pem)
    ca.write_text(made.ca_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serve(
        lambda place: Receiver(f"https://{place}", [told({"ARN": "a"})]),
        lambda sock: context.wrap_socket(sock, server_side=True),
    ) as receiver:
        with pytest.raises(UnansweredError, match="SSLCertVerificationError"):
            client(receiver.url).describe_secret(SecretId="s")
        assert not receiver.seen
        trusting = client(receiver.url, AWS_CA_BUNDLE=str(ca))
        assert trusting.describe_secret(SecretId="s")["ARN"] == "a"
        elsewhere = client(receiver.url.replace("localhost", "127.0.0.1"), AWS_CA_BUNDLE=str(ca))
        with pytest.raises(UnansweredError, match="SSLCertVerificationError"):
            elsewhere.describe_secret(SecretId="s")
