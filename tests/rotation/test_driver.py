"""The driver against a database of a dictionary: fast, and without a network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tests.rotation.fakes import login
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderUnavailableError,
    RotationError,
)
from wickie.rotation.driver import Step
from wickie.rotation.leases import Leases
from wickie.rotation.passwords import PasswordPolicy
from wickie.rotation.versions import Secret

pytestmark = pytest.mark.usefixtures("database")


def test_the_value_is_stored_before_the_database_hears_of_it(aws, database, arn):
    aws.until(arn, Step.SET)
    assert aws.value(arn, "AWSPENDING").password != aws.value(arn).password
    assert database.asked == []


def test_set_secret_first_asks_whether_pending_already_works(aws, database, arn):
    token = aws.until(arn, Step.TEST)
    database.asked.clear()
    aws.step(arn, Step.SET, token)
    assert database.asked == [("sign_in", "app")]


def test_create_secret_makes_one_value_for_one_token(aws, arn, monkeypatch):
    token = aws.until(arn, Step.SET)
    monkeypatch.setattr(PasswordPolicy, "draw", lambda _: pytest.fail("another"))
    aws.step(arn, Step.CREATE, token)


@pytest.mark.parametrize("skipped", [Step.SET, Step.TEST])
def test_nothing_is_promoted_that_the_database_does_not_honour(aws, database, arn, skipped):
    before = aws.version(arn)
    token = aws.until(arn, skipped)
    database.passwords["app"] = "changed by hand"
    with pytest.raises(AuthenticationError):
        aws.step(arn, Step.FINISH, token)
    assert aws.version(arn) == before


@pytest.mark.parametrize("step", list(Step)[1:])
def test_a_server_that_cannot_be_asked_is_not_read_as_a_refusal(aws, database, arn, step):
    before, token = aws.version(arn), aws.until(arn, step)
    database.asked.clear()
    database.fails = ProviderUnavailableError("down")
    with pytest.raises(ProviderUnavailableError):
        aws.step(arn, step, token)
    assert database.asked == [("sign_in", "app")]  # nothing else was tried
    assert aws.version(arn) == before


def test_a_token_that_is_not_pending_is_refused(aws, arn):
    with pytest.raises(RotationError, match="is not AWSPENDING; start a new rotation"):
        aws.step(arn, Step.CREATE, "0" * 36)


@pytest.mark.parametrize("step", list(Step)[1:])
def test_an_empty_pending_version_is_an_error_of_its_own(aws, arn, step, monkeypatch):
    monkeypatch.setattr("wickie.rotation.versions._READ_PAUSES", (0,))
    with pytest.raises(RotationError, match="has no value; createSecret must store one first"):
        aws.step(arn, step, aws.begin(arn))


def test_a_secret_without_current_value_says_what_to_do(aws):
    arn = aws.client.create_secret(Name="empty")["ARN"]
    with pytest.raises(RotationError, match="no AWSCURRENT version; store the credential"):
        aws.step(arn, Step.CREATE, aws.begin(arn))


def test_what_a_step_stored_is_waited_for(aws, arn, monkeypatch):
    token, reads = aws.until(arn, Step.SET), []
    monkeypatch.setattr("wickie.rotation.versions._READ_PAUSES", (0, 0, 0, 0))
    client = aws.clients.secrets_manager
    read = client.get_secret_value

    def late(**parameters):
        reads.append(parameters)
        if parameters.get("VersionId") == token and len(reads) < 4:
            parameters["VersionId"] = "0" * 36
        return read(**parameters)

    monkeypatch.setattr(client, "get_secret_value", late)
    aws.step(arn, Step.SET, token)
    assert len(reads) > 3


def test_create_keeps_an_earlier_attempts_value_that_is_not_visible_yet(aws, arn, monkeypatch):
    token = aws.until(arn, Step.SET)
    before = aws.value(arn, "AWSPENDING")
    monkeypatch.setattr("wickie.rotation.versions.Secret.find", _blind_once())
    aws.step(arn, Step.CREATE, token)
    assert aws.value(arn, "AWSPENDING").password == before.password


def _blind_once():
    find, calls = Secret.find, []

    def wrapped(self, version_id):
        calls.append(version_id)
        return None if len(calls) == 2 else find(self, version_id)

    return wrapped


def test_finish_loses_to_whoever_moved_current_meanwhile(aws, database, arn, monkeypatch):
    token = aws.until(arn, Step.FINISH)
    old = aws.version(arn)
    sign_in = database.sign_in

    def meanwhile(login):
        text = aws.value(arn).to_secret_string()
        aws.client.put_secret_value(SecretId=arn, SecretString=text)
        return sign_in(login)

    monkeypatch.setattr(database, "sign_in", meanwhile)
    with pytest.raises(RotationError, match="was no longer on version"):
        aws.step(arn, Step.FINISH, token)
    assert aws.version(arn) not in (old, token)


def test_after_promotion_a_retry_still_reaches_the_fingerprints(aws, arn):
    token = aws.rotate(arn)
    dynamodb = aws.clients.dynamodb
    for item in dynamodb.scan(TableName="fingerprints")["Items"]:
        dynamodb.put_item(TableName="fingerprints", Item={**item, "stage": {"S": "PENDING"}})
    aws.step(arn, Step.FINISH, token)
    assert aws.stages(arn)[token] == "CURRENT"


def test_a_retry_after_the_promotion_frees_what_was_cut_off_before_its_end(aws, database, arn):
    token = aws.until(arn, Step.FINISH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Leases, "give_back", lambda *_: None)
        aws.step(arn, Step.FINISH, token)
    aws.step(arn, Step.FINISH, token)
    old = aws.version(arn, "AWSPREVIOUS")
    assert aws.act("retire", arn, old)["verdict"] == "DEAD"
    assert ("end_sessions", "app") in database.asked


def test_what_aws_does_not_allow_is_told_in_one_line(aws, arn, monkeypatch):
    answer = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized to perform"}}

    def denied(**_):
        raise ClientError(answer, "GenerateMac")

    monkeypatch.setattr(aws.clients.kms, "generate_mac", denied)
    with pytest.raises(ConfigError, match=r"not allowed on secret .* not authorized to perform"):
        aws.step(arn, Step.CREATE, aws.begin(arn))


@pytest.mark.parametrize("step", list(Step))
def test_no_step_begins_that_the_timeout_would_cut_off(aws, database, arn, step):
    token = aws.until(arn, step)
    database.asked.clear()
    hurried = replace(aws, seconds_left=3.0)
    with pytest.raises(ProviderUnavailableError, match="not begun with 3 s left"):
        hurried.step(arn, step, token)
    assert database.asked == []


def test_the_rotation_token_is_passed_on(aws, arn, monkeypatch):
    client, seen = aws.clients.secrets_manager, []
    put = client.put_secret_value
    monkeypatch.setattr(client, "put_secret_value", lambda **kw: (seen.append(kw), put(**kw))[1])
    token, proof = aws.begin(arn), "p" * 40
    event = {"Step": "createSecret", "SecretId": arn, "ClientRequestToken": token}
    aws.send(event | {"RotationToken": proof})
    assert seen[0]["RotationToken"] == proof


def test_a_rotation_that_only_tests_signs_in_and_changes_nothing(alternating_fake, database):
    """RotateImmediately=false: testSecret alone, on a pending version equal to the current."""
    arn = alternating_fake.store(login())
    token = alternating_fake.begin(arn)
    alternating_fake.client.put_secret_value(
        SecretId=arn,
        ClientRequestToken=token,
        SecretString=alternating_fake.value(arn).to_secret_string(),
        VersionStages=["AWSPENDING"],
    )
    alternating_fake.step(arn, Step.TEST, token)
    assert database.changed == []


@pytest.mark.parametrize("step", [Step.SET, Step.TEST, Step.FINISH])
def test_a_step_reads_each_value_once(aws, database, arn, monkeypatch, step):
    """While the user has its new password already, AWSCURRENT does not let anybody in."""
    token, read = aws.until(arn, step), []
    get = aws.client.get_secret_value
    monkeypatch.setattr(
        aws.client, "get_secret_value", lambda **kw: (read.append(kw["VersionId"]), get(**kw))[1]
    )
    aws.step(arn, step, token)
    assert sorted(read) == sorted({*read})
    assert len(read) == 2
    assert database.asked
