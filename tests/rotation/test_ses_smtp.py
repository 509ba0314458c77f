"""The SMTP password of SES: how it is computed, who judges it, and whole rotations of it."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bench.faults.standins.smtp import SmtpServer, derived
from bench.faults.standins.sts import Sts
from tests.rotation.keys import DAY
from wickie.credentials import Sensitive
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
    RotationError,
)
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.ses_smtp import SesSmtp, smtp_password
from wickie.rotation.driver import Step

pytestmark = pytest.mark.slow

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def sts(aws):
    del aws  # moto goes first
    with pytest.MonkeyPatch.context() as patch:
        sts = Sts()
        sts.install(patch)
        yield sts


@pytest.fixture(scope="module")
def smtp(aws, sts, tmp_path_factory):
    region = aws.clients.region
    with SmtpServer(sts.secret_of, region, tmp_path_factory.mktemp("smtp")) as server:
        yield server


@pytest.fixture
def server(aws, sts, tmp_path):
    """A server of the test's own, not started."""
    return SmtpServer(sts.secret_of, aws.clients.region, tmp_path)


@pytest.fixture
def user(aws):
    name = f"mail-{uuid.uuid4().hex[:8]}"
    aws.clients.iam.create_user(UserName=name)
    return name


@pytest.fixture
def provider(aws, smtp, user):
    return SesSmtp(Context(aws.clients, {"user": user}, str(smtp.ca)))


@pytest.fixture
def document(aws, smtp, user):
    """The secret's value, with a key made by hand."""
    key = aws.clients.iam.create_access_key(UserName=user)["AccessKey"]
    password = derived(key["SecretAccessKey"], aws.clients.region)
    where = {"host": "localhost", "port": smtp.port}
    return {**where, "username": key["AccessKeyId"], "password": password, "team": "sea"}


@pytest.fixture
def player(aws, smtp, user):
    options = {"user": user}
    settings = replace(aws.settings, engine="ses-smtp", strategy="dual-key", options=options)
    return replace(aws, settings=replace(settings, ca_bundle=str(smtp.ca)))


def read(provider, **document):
    return provider.parse(json.dumps(document), "mail")


# From the tests of Terraform's AWS provider, made when AWS changed the algorithm:
# https://github.com/hashicorp/terraform-provider-aws (TestSESSMTPPasswordFromSecretKeySigV4)
@pytest.mark.parametrize(
    ("region", "secret_key", "password"),
    [
        ("eu-central-1", "some+secret+key", "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"),
        ("eu-central-1", "another+secret+key", "BBbphbrQmrKMx42d1N6+C7VINYEBGI5v9VsZeTxwskfh"),
        ("us-west-1", "some+secret+key", "BH+jbMzper5WwlwUar9E1ySBqHa9whi0GPo+sJ0mVYJj"),
    ],
)
def test_the_password_is_the_one_that_ses_computes(region, secret_key, password):
    assert smtp_password(Sensitive(secret_key), region).reveal() == password
    assert derived(secret_key, region) == password


def test_it_is_the_same_as_botocores_signer_computes_for_any_key():
    for _ in range(20):
        key = secrets.token_urlsafe(30)
        assert smtp_password(Sensitive(key), REGION).reveal() == derived(key, REGION)


def test_a_key_signs_in_and_a_wrong_password_does_not(provider, document, user):
    login = read(provider, **document)
    assert provider.sign_in(login) == f"IAM user {user}"
    with pytest.raises(AuthenticationError, match="does not honour the password of AKIA"):
        provider.sign_in(replace(login, password=Sensitive("B" * 44)))


def test_nothing_is_said_before_tls_but_that_it_is_wanted(provider, document, smtp):
    smtp.in_clear.clear()
    provider.sign_in(read(provider, **document))
    assert [line.split()[0].upper() for line in smtp.in_clear] == ["EHLO", "STARTTLS"]


def test_tls_from_the_start_where_the_port_says_so(provider, document, server, monkeypatch):
    server.tls_first = True
    with server:
        monkeypatch.setattr("wickie.providers.ses_smtp._TLS_FIRST", {server.port})
        provider = trusting(provider, server)
        provider.sign_in(read(provider, **document | {"port": server.port}))
    assert server.in_clear == []


def trusting(provider, server):
    return replace(provider, context=replace(provider.context, ca_bundle=str(server.ca)))


def test_a_server_without_tls_gets_no_password(provider, document, server):
    server.starttls = False
    with server, pytest.raises(ProviderError, match="offers no STARTTLS"):
        provider.sign_in(read(provider, **document | {"port": server.port}))
    assert not any(document["password"] in line for line in server.in_clear)


@pytest.mark.parametrize("flaw", ["of another authority", "of another host"])
def test_a_certificate_is_verified(provider, document, server, flaw):
    server.name = "elsewhere" if flaw == "of another host" else "localhost"
    with server:
        if flaw == "of another host":
            provider = trusting(provider, server)
        with pytest.raises(ProviderError, match=r"TLS certificate of .* is not to be trusted"):
            provider.sign_in(read(provider, **document | {"port": server.port}))


@pytest.mark.parametrize("answer", [b"454 Temporary authentication failure", b"421 Too busy"])
def test_a_server_that_gives_no_verdict_is_not_read_as_a_refusal(
    provider, document, server, answer
):
    server.trouble = answer
    with server:
        provider = trusting(provider, server)
        with pytest.raises(ProviderUnavailableError):
            provider.sign_in(read(provider, **document | {"port": server.port}))


def test_a_server_that_cannot_be_reached_is_unknown(provider, document):
    verdict, detail = verify(provider, read(provider, **document | {"port": 1}))
    assert verdict is Verdict.UNKNOWN
    assert "cannot reach localhost:1" in detail


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("email-smtp.eu-west-1.amazonaws.com", "eu-west-1"),
        ("email-smtp-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("vpce-0a1-b2c.email-smtp.ap-south-1.vpce.amazonaws.com", "ap-south-1"),
        ("email-smtp.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        (None, "us-east-1"),
    ],
)
def test_the_password_is_for_the_region_of_the_endpoint(provider, document, sts, host, region):
    current = read(provider, **document | {"host": host})
    assert current.host == (host or "email-smtp.us-east-1.amazonaws.com")
    new = provider.issue(current, lambda: None, str(uuid.uuid4()))
    assert new.password.reveal() == derived(sts.secret_of(new.username), region)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "email-smtp.us-east-1.amazonaws.com.evil.example", "amazonaws.com", 7],
)
def test_the_secret_cannot_have_its_next_password_sent_elsewhere(provider, document, host):
    with pytest.raises(ConfigError, match="names a host that is no SMTP endpoint of SES"):
        read(provider, **document | {"host": host})


def test_the_secret_key_itself_is_not_stored(player, provider, document, sts):
    arn = player.store(json.dumps(document))
    player.rotate(arn)
    text = player.client.get_secret_value(SecretId=arn)["SecretString"]
    stored = json.loads(text)
    assert stored.keys() == document.keys()
    assert stored["team"] == "sea"
    assert sts.secret_of(stored["username"]) not in text
    assert provider.sign_in(read(provider, **stored))


def test_a_new_password_is_waited_for_and_the_old_one_works_until_it_is_retired(
    player, provider, document, sts
):
    arn = player.store(json.dumps(document))
    old, version = read(provider, **document), player.version(arn)
    sts.lag = 0.5
    player.rotate(arn)
    assert verify(provider, old)[0] is Verdict.LIVE
    start = datetime.now(UTC) - timedelta(days=1)
    assert provider.used_since(old, old, start) is None
    assert player.act("retire", arn, version)["verdict"] == "DEAD"
    sts.lag = 0.0
    assert verify(provider, old)[0] is Verdict.DEAD
    assert player.act("verify", arn, player.version(arn))["verdict"] == "LIVE"
    sts.age(DAY)
    player.rotate(arn)


def test_a_pending_password_of_another_user_is_not_promoted(aws, player, provider, document):
    arn = player.store(json.dumps(document))
    aws.clients.iam.create_user(UserName=(other := f"mail-{uuid.uuid4().hex[:8]}"))
    key = aws.clients.iam.create_access_key(UserName=other)["AccessKey"]
    token = player.begin(arn)
    forged = document | {
        "username": key["AccessKeyId"],
        "password": derived(key["SecretAccessKey"], aws.clients.region),
    }
    player.client.put_secret_value(
        SecretId=arn,
        ClientRequestToken=token,
        SecretString=json.dumps(forged),
        VersionStages=["AWSPENDING"],
    )
    assert verify(provider, read(provider, **forged))[0] is Verdict.LIVE
    with pytest.raises(RotationError, match="acts as another than IAM user"):
        player.step(arn, Step.SET, token)


def test_no_password_is_in_any_error_or_repr(provider, document):
    login = read(provider, **document)
    assert document["password"] not in repr(login)
    with pytest.raises(ConfigError) as caught:
        read(provider, **document | {"port": "five"})
    assert document["password"] not in str(caught.value)
    with pytest.raises(ProviderUnavailableError) as unreachable:
        provider.sign_in(replace(login, port=1))
    assert document["password"] not in repr(unreachable.value)
