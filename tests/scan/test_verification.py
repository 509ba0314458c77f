"""Issuers are asked what they can answer, once, over verified TLS; nothing else is a verdict."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bench.faults.standins.sts import Sts
from local.certificates import make_certificates
from tests.rotation.dependents.servers import Receiver, serve
from tests.scan.paper import ALPHANUMERIC, KEY, Paper, drawn, github_token, prints
from wickie.aws import Clients
from wickie.credentials import AccessKey, Sensitive
from wickie.model import Finding, Verdict, to_jsonable
from wickie.scan import engine
from wickie.scan.cache import ScanCache
from wickie.scan.detectors import KingfisherDetector, ManagedDetector
from wickie.scan.issuers import APIS, AwsKeys, HttpIssuer, open_issuers
from wickie.scan.verification import Verification

LIVE, DEAD, UNKNOWN = Verdict.LIVE, Verdict.DEAD, Verdict.UNKNOWN
RULE = "betterleaks.github-pat"


@dataclass
class Asked:
    """An issuer that answers as scripted, and remembers what it was asked."""

    answers: list[Any] = field(default_factory=lambda: [LIVE])
    seen: list[str] = field(default_factory=list)
    rules: tuple[str, ...] = (RULE, "betterleaks.aws-access-token")

    def ask(self, credential: Any) -> Verdict:
        secret = credential.secret_key if isinstance(credential, AccessKey) else credential
        self.seen.append(secret.reveal())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Verdict)
        return answer


def scanned(
    texts: Sequence[str], issuer: Any, managed: ManagedDetector | None = None, **more: Any
) -> list[Finding]:
    ours = managed or ManagedDetector([], KEY)
    detectors = (ours, KingfisherDetector(KEY, askable=issuer.rules))
    given = {"pause": 0, **more}
    verification = Verification([issuer], ours.knows, **given)
    source = Paper([text.encode() for text in texts])
    return list(engine.scan([source], detectors, run_id="r", verification=verification).findings)


def access_key() -> tuple[str, str]:
    return f"AKIA{drawn(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}", drawn(40, ALPHANUMERIC)


@pytest.mark.parametrize("verdict", [LIVE, DEAD, UNKNOWN])
def test_a_finding_has_its_issuers_verdict_and_no_plaintext(verdict: Verdict) -> None:
    token, issuer = github_token(), Asked([verdict])
    (finding,) = scanned([f"token={token}"], issuer)
    assert finding.verdict is verdict
    assert issuer.seen == [token]
    assert token not in json.dumps(to_jsonable(finding))


def test_nobody_is_asked_unless_somebody_wants_to() -> None:
    source = Paper([f"a={github_token()}".encode()])
    detector = KingfisherDetector(KEY)
    (match,) = detector.detect(list(next(source.artifacts()).read()))  # type: ignore[union-attr]
    assert match.credential is None  # type: ignore[union-attr]
    (finding,) = engine.scan([source], [detector], run_id="r").findings
    assert finding.verdict is UNKNOWN


def test_each_credential_is_asked_about_once_in_a_run() -> None:
    token, other, issuer = github_token(), github_token(), Asked([LIVE, DEAD])
    found = scanned([f"a={token}\nb={token}", f"c={token}", f"d={other}"], issuer)
    assert sorted(issuer.seen) == sorted([token, other])
    assert sorted(each.verdict for each in found) == [DEAD, LIVE, LIVE]


def test_whatever_an_issuer_breaks_with_is_unknown_and_shown_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = github_token()
    (finding,) = scanned([f"token={token}"], Asked([ValueError(f"bad header {token}")]))
    assert finding.verdict is UNKNOWN
    assert token not in caplog.text


def test_values_of_managed_secrets_and_honeytokens_are_never_shown_to_anybody() -> None:
    key_id, secret = access_key()
    token, issuer = github_token(), Asked()
    managed = ManagedDetector([*prints(secret, "key"), *prints(token, "token")], KEY)
    texts = [
        f"aws_access_key_id={key_id}\naws_secret_access_key={secret}\n",
        f"token={token}",
        f"token: {''.join(f'{b:02x}' for b in token.encode())} {token}",
    ]
    found = scanned(texts, issuer, managed)
    assert issuer.seen == []
    assert {each.verdict for each in found} == {UNKNOWN}
    assert any(each.managed is None for each in found), "the id of the key is found by itself"


def test_both_parts_of_an_access_key_are_needed_and_the_nearest_ones_belong_together() -> None:
    pairs = [access_key(), access_key()]
    profiles = "".join(
        f"[{number}]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
        for number, (key_id, secret) in enumerate(pairs)
    )
    issuer = Asked()
    scanned([profiles], issuer)
    assert sorted(issuer.seen) == sorted(secret for _, secret in pairs)
    alone, far = Asked(), Asked()
    key_id, secret = access_key()
    scanned([f"key {key_id}"], alone)
    scanned([f"aws_access_key_id={key_id}\n{'x ' * 999}\naws_secret_access_key={secret}"], far)
    scanned([f"aws_access_key_id=ASIA{key_id[4:]}\naws_secret_access_key={secret}"], far)
    assert (alone.seen, far.seen) == ([], [])


def test_a_later_place_that_has_both_parts_gives_the_finding_its_verdict() -> None:
    key_id, secret = access_key()
    pair = f"aws_access_key_id={key_id}\naws_secret_access_key={secret}"
    (finding,) = (
        each
        for each in scanned([f"key {key_id}\n{'x ' * 999}\n{pair}"], Asked([DEAD]))
        if each.rule_id == "betterleaks.aws-access-token"
    )
    assert (finding.verdict, finding.location.line) == (DEAD, 1)


def test_asking_has_an_end_and_a_pace_and_what_is_left_is_told() -> None:
    now, waits = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    issuer = Asked()
    verification = Verification(
        [issuer], lambda _: False, 3.0, pause=2.0, clock=lambda: now[0], sleep=sleep
    )
    detectors = [KingfisherDetector(KEY, askable=issuer.rules)]
    source = Paper([f"token={github_token()}".encode() for _ in range(5)])
    found = engine.scan([source], detectors, run_id="r", verification=verification).findings
    assert (len(issuer.seen), waits) == (3, [2.0, 2.0])
    assert [each.verdict for each in found].count(UNKNOWN) == 2
    assert "2 credentials were not verified, because the 3 s for it" in verification.notices[0]


def test_a_verdict_is_not_kept_for_the_next_night() -> None:
    issuer, stored, verdicts = Asked([LIVE, DEAD]), b"", []
    source = Paper([f"token={github_token()}".encode(), b"nothing"], version="1")
    for _ in range(2):
        verification = Verification([issuer], lambda _: False, pause=0)
        detectors = [KingfisherDetector(KEY, askable=issuer.rules)]
        cache = ScanCache(detectors, KEY, stored, verification.is_stale)
        result = engine.scan(
            [source], detectors, run_id="r", cache=cache, verification=verification
        )
        verdicts.append(result.findings[0].verdict)
        stored = cache.dump()
    assert verdicts == [LIVE, DEAD]
    assert result.unchanged == 1, "what holds nothing to be asked about is not read again"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Receiver, str]]:
    """An HTTPS server on this machine, and the CA that vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    made = make_certificates(["localhost"])
    (folder / "pem").write_text(made.key_pem + made.certificate_pem)
    (folder / "ca").write_text(made.ca_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    with serve(
        lambda place: Receiver(f"https://{place}/base"),
        lambda sock: context.wrap_socket(sock, server_side=True),
    ) as receiver:
        yield receiver, str(folder / "ca")


def says(**document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("name", "status", "body", "verdict"),
    [
        ("github", 200, b"{}", LIVE),
        ("github", 401, b"{}", DEAD),
        ("github", 403, b"{}", UNKNOWN),
        ("github", 429, b"", UNKNOWN),
        ("gitlab", 200, b"{}", LIVE),
        ("gitlab", 401, b"", DEAD),
        ("gitlab", 403, b"", UNKNOWN),
        ("datadog", 200, b"{}", LIVE),
        ("datadog", 403, b"", DEAD),
        ("sendgrid", 200, b"{}", LIVE),
        ("sendgrid", 403, b"", UNKNOWN),
        ("slack", 200, says(ok=True), LIVE),
        ("slack", 200, says(ok=False, error="token_revoked"), DEAD),
        ("slack", 200, says(ok=False, error="ratelimited"), UNKNOWN),
        ("slack", 200, b"<html>", UNKNOWN),
        ("slack", 401, b"", UNKNOWN),
        ("cloudflare", 200, says(result={"status": "active"}), LIVE),
        ("cloudflare", 200, says(result={"status": "disabled"}), DEAD),
        ("cloudflare", 401, says(success=False), UNKNOWN),
        ("stripe", 401, says(error={}), DEAD),
        ("openai", 401, says(error={"code": "invalid_api_key"}), DEAD),
        ("openai", 401, says(error={"code": "ip_not_authorized"}), UNKNOWN),
        ("openai", 302, b"", UNKNOWN),
        ("openai", 500, b"", UNKNOWN),
    ],
)
def test_only_what_an_api_says_clearly_is_a_verdict(
    api: tuple[Receiver, str], name: str, status: int, body: bytes, verdict: Verdict
) -> None:
    receiver, ca = api
    receiver.seen.clear()
    receiver.answers = [(status, {"Location": "https://localhost:1/elsewhere"}, body)]
    token = drawn(40, ALPHANUMERIC)
    assert HttpIssuer(APIS[name], receiver.url, ca).ask(Sensitive(token)) is verdict
    (request,) = receiver.seen
    assert request.path == f"/base{APIS[name].path}"
    assert request.method in {"GET", "POST"}
    assert [value for value in request.headers.values() if token in value] != []
    assert token not in request.path


def test_an_api_that_cannot_prove_who_it_is_gets_no_token(api: tuple[Receiver, str]) -> None:
    receiver, _ = api
    receiver.seen.clear()
    receiver.answers = [200]
    issuer = HttpIssuer(APIS["github"], receiver.url)
    (finding,) = scanned([f"token={github_token()}"], issuer)
    assert finding.verdict is UNKNOWN
    assert receiver.seen == []


def test_what_does_not_fit_a_header_is_not_sent(api: tuple[Receiver, str]) -> None:
    receiver, ca = api
    receiver.seen.clear()
    for token in ("a\r\nb", "a b", "ä"):
        assert HttpIssuer(APIS["github"], receiver.url, ca).ask(Sensitive(token)) is UNKNOWN
    assert receiver.seen == []


def test_whoever_has_no_one_address_is_asked_only_where_wickie_yaml_says() -> None:
    def asked(urls: dict[str, str]) -> set[str]:
        return {
            issuer.url for issuer in open_issuers(Clients(), urls) if isinstance(issuer, HttpIssuer)
        }

    assert not {url for url in asked({}) for name in ("github", "gitlab", "datadog") if name in url}
    assert "https://git.shop.example/api/v4" in asked({"gitlab": "https://git.shop.example/api/v4"})


@pytest.mark.slow
def test_every_rule_that_is_asked_about_exists() -> None:
    import kingfisher_sdk  # noqa: PLC0415

    known = {rule["id"]: rule for rule in kingfisher_sdk.Rules(confidence="low").metadata()}
    rules = {rule for api in APIS.values() for rule in api.rules} | set(AwsKeys(Clients()).rules)
    assert rules <= set(known)


def test_sts_decides_about_access_keys_and_a_wrong_pair_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        Sts().install(patch)
        iam = boto3.client("iam", "us-east-1")
        iam.create_user(UserName="shop")
        made = iam.create_access_key(UserName="shop")["AccessKey"]
        key = AccessKey(made["AccessKeyId"], Sensitive(made["SecretAccessKey"]))
        issuer = AwsKeys(Clients())
        assert issuer.ask(key) is LIVE
        assert issuer.ask(AccessKey(key.key_id, Sensitive(drawn(40, ALPHANUMERIC)))) is UNKNOWN
        iam.delete_access_key(UserName="shop", AccessKeyId=key.key_id)
        assert issuer.ask(key) is DEAD
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    text = f"aws_access_key_id={key.key_id}\naws_secret_access_key={key.secret_key.reveal()}"
    assert {each.verdict for each in scanned([text], AwsKeys(Clients()))} == {UNKNOWN}
