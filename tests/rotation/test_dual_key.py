"""Whole rotations of an IAM access key: late, cut off anywhere, under load, and back again."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bench.faults.fuse import Died
from bench.faults.standins.sts import Sts
from tests.rotation.asking import signing_in
from tests.rotation.keys import DAY, Keys, as_key, dying
from wickie.errors import ProviderUnavailableError, RotationError
from wickie.model import Verdict
from wickie.providers.iam_user import IamUser
from wickie.rotation.driver import Step
from wickie.rotation.versions import Secret


@pytest.fixture(scope="module")
def sts(aws):
    del aws  # moto goes first
    with pytest.MonkeyPatch.context() as patch:
        sts = Sts()
        sts.install(patch)
        yield sts


@pytest.fixture
def keys(aws, sts):
    sts.lag, sts.reports = 0.0, True
    return Keys.make(aws, sts)


def test_the_old_key_works_for_one_rotation_more(keys, sts):
    first = keys.key()
    keys.rotate()
    second = keys.key()
    assert keys.verdict(first) is keys.verdict(second) is Verdict.LIVE
    sts.age(DAY)
    keys.rotate()
    assert keys.verdict(first) is Verdict.DEAD
    assert keys.verdict(second) is keys.verdict(keys.key()) is Verdict.LIVE
    assert keys.key().document["team"] == "sea"


def test_a_key_made_beside_one_that_was_stored_unseen_is_not_left_behind(keys, monkeypatch):
    token = keys.aws.until(keys.arn, Step.SET)
    find, unseen = Secret.find, [token, token]

    def lagging(secret, version_id):
        return None if unseen and unseen.pop() == version_id else find(secret, version_id)

    stored = keys.key("AWSPENDING")
    monkeypatch.setattr(Secret, "find", lambda s, v: lagging(s, v) if v == token else find(s, v))
    keys.aws.step(keys.arn, Step.CREATE, token)
    assert not unseen
    assert keys.key("AWSPENDING") == stored
    assert keys.ids <= {keys.key().key_id, stored.key_id}


def test_a_key_that_could_not_be_taken_back_is_named(keys, monkeypatch):
    token = keys.aws.begin(keys.arn)
    made = []
    monkeypatch.setattr(Secret, "store_pending", lambda _, __, key, ___: made.append(key))

    def broken(*_):
        raise ProviderUnavailableError("IAM is away")

    monkeypatch.setattr(IamUser, "revoke", broken)
    with pytest.raises(RotationError, match=r"could not be revoked \(IAM is away\)") as raised:
        keys.aws.step(keys.arn, Step.CREATE, token)
    assert made[0].key_id in str(raised.value)


def test_fingerprints_follow_the_labels(keys):
    first = keys.aws.version(keys.arn)
    token = keys.rotate()
    assert keys.aws.stages(keys.arn) == {first: "PREVIOUS", token: "CURRENT"}


def test_a_key_is_promoted_only_when_it_is_honoured(keys, sts):
    sts.lag = 1e6  # until it settles
    token = keys.aws.until(keys.arn, Step.SET)
    pending = keys.key("AWSPENDING")
    assert keys.verdict(pending) is Verdict.DEAD
    threading.Timer(0.3, sts.settle).start()
    keys.aws.step(keys.arn, Step.SET, token)  # waits
    assert keys.verdict(pending) is Verdict.LIVE
    keys.rotate(token)
    assert keys.key() == pending


@pytest.mark.slow
def test_a_wait_ends_before_the_function_is_cut_off(keys, sts):
    token = keys.aws.until(keys.arn, Step.SET)
    pending, before = keys.key("AWSPENDING"), keys.aws.version(keys.arn)
    sts.lag = 60.0
    short = replace(keys.aws, seconds_left=15.0)
    with pytest.raises(ProviderUnavailableError, match=f"{pending.key_id} is not honoured after 5"):
        short.step(keys.arn, Step.SET, token)
    assert keys.aws.version(keys.arn) == before
    sts.lag = 0.0
    keys.rotate(token)  # Secrets Manager tries again
    assert keys.key() == pending


def test_a_pending_key_of_another_user_is_not_promoted(keys, aws, sts):
    other = Keys.make(aws, sts)
    token = keys.aws.begin(keys.arn)
    keys.aws.client.put_secret_value(
        SecretId=keys.arn,
        ClientRequestToken=token,
        SecretString=other.text(),
        VersionStages=["AWSPENDING"],
    )
    for step in (Step.SET, Step.TEST, Step.FINISH):
        with pytest.raises(RotationError, match=f"acts as .*{other.user}, and AWSCURRENT as"):
            keys.aws.step(keys.arn, step, token)


def test_retiring_waits_until_the_old_key_is_refused(keys, sts):
    old, version = keys.key(), keys.aws.version(keys.arn)
    keys.rotate()
    sts.settle()
    sts.lag = 0.6
    for _ in range(2):
        assert keys.aws.act("retire", keys.arn, version)["verdict"] == "DEAD"
    sts.lag = 0.0
    assert keys.verdict(old) is Verdict.DEAD
    assert keys.ids == {keys.key().key_id}


@pytest.mark.slow
def test_a_leaked_key_that_is_retired_leaves_room_at_once(keys):
    for _ in range(3):
        version = keys.aws.version(keys.arn)
        keys.rotate()
        keys.aws.act("retire", keys.arn, version)
    assert keys.ids == {keys.key().key_id}


def test_the_old_key_can_be_put_back_even_if_the_new_one_died(keys):
    old, version = keys.key(), keys.aws.version(keys.arn)
    keys.rotate()
    name = {"UserName": keys.user, "AccessKeyId": keys.key().key_id}
    keys.aws.clients.iam.update_access_key(**name, Status="Inactive")
    assert keys.aws.act("restore", keys.arn, version)["verdict"] == "LIVE"
    assert keys.key() == old


@pytest.mark.slow
@pytest.mark.parametrize("first", ["TagUser", "CreateAccessKey"])
def test_killed_twice_while_a_key_is_made_the_third_attempt_ends_well(aws, sts, first):
    sts.lag, broken, point = 0.0, [], 0
    while True:
        keys = Keys.make(aws, sts)
        token = keys.aws.begin(keys.arn)
        with pytest.raises(Died), dying(after=first):
            keys.aws.step(keys.arn, Step.CREATE, token)
        try:
            with dying(after=point):
                keys.aws.step(keys.arn, Step.CREATE, token)
        except Died:
            keys.aws.step(keys.arn, Step.CREATE, token)
        else:
            break
        if keys.ids != {keys.key().key_id, keys.key("AWSPENDING").key_id}:
            broken.append((point, keys.ids))
        point += 1
    assert not broken
    assert point > 10


@pytest.fixture
def orphaned(keys):
    """A rotation that died between CreateAccessKey and PutSecretValue: its token, and the key."""
    before, token = keys.ids, keys.aws.begin(keys.arn)
    with pytest.raises(Died), dying(after="CreateAccessKey"):
        keys.aws.step(keys.arn, Step.CREATE, token)
    (orphan,) = keys.ids - before
    return token, orphan


@pytest.mark.parametrize("last", [Step.CREATE, Step.FINISH])
def test_a_slower_run_of_the_same_rotation_leaves_what_the_other_stored(
    keys, sts, monkeypatch, last
):
    """Both found no value; IAM tells of a key's use up to four hours late."""
    sts.reports, token, rival = False, keys.aws.begin(keys.arn), []
    steps = list(Step)[: list(Step).index(last) + 1]

    def overtaken(user):
        if not rival:
            rival.append(user)
            for step in steps:
                keys.aws.step(keys.arn, step, token)
        return listed(user)

    listed = IamUser._keys
    monkeypatch.setattr(IamUser, "_keys", overtaken)
    with pytest.raises(RotationError, match="got its new value meanwhile"):
        keys.aws.step(keys.arn, Step.CREATE, token)
    stored = keys.key("AWSCURRENT" if last is Step.FINISH else "AWSPENDING")
    assert keys.verdict(stored) is keys.verdict(keys.key()) is Verdict.LIVE
    keys.rotate(token)
    assert keys.key() == stored


def refused_for(keys, key_id, token):
    with pytest.raises(RotationError, match=f"no room for a new key: {key_id} is in neither"):
        keys.aws.step(keys.arn, Step.CREATE, token)
    return key_id in keys.ids


def test_an_orphan_is_found_by_the_retry(keys, orphaned):
    token, orphan = orphaned
    keys.rotate(token)
    assert orphan not in keys.ids


def test_a_key_that_was_used_is_no_orphan(keys, sts, orphaned):
    token, stranger = orphaned
    sts.use(stranger, "s3")
    assert refused_for(keys, stranger, token)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_key_made_at_another_time_is_no_orphan(keys, sts, orphaned, minutes):
    token, stranger = orphaned
    sts.key(stranger).create_date += timedelta(minutes=minutes)
    assert refused_for(keys, stranger, token)


def test_the_orphan_of_another_rotation_is_for_a_person_to_judge(keys, orphaned):
    _, orphan = orphaned
    assert refused_for(keys, orphan, keys.aws.begin(keys.arn))


def test_a_strangers_key_made_before_the_rotation_is_left_alone(keys):
    stranger = as_key(keys.create())
    token = keys.aws.begin(keys.arn)
    for _ in range(2):
        assert refused_for(keys, stranger.key_id, token)
    assert keys.verdict(stranger) is Verdict.LIVE
    assert "wickie:issuing" not in keys.tags()


def test_an_orphan_that_iam_does_not_list_yet_is_found_by_a_later_retry(keys, sts, orphaned):
    token, orphan = orphaned
    iam, ago = keys.aws.clients.iam, timedelta(minutes=5)
    note = f"{token} {datetime.now(UTC) - ago:%Y-%m-%dT%H:%M:%SZ}"
    iam.tag_user(UserName=keys.user, Tags=[{"Key": "wickie:issuing", "Value": note}])
    sts.key(orphan).create_date = datetime.now(UTC) - ago
    reply = iam.list_access_keys(UserName=keys.user)
    known = [key for key in reply["AccessKeyMetadata"] if key["AccessKeyId"] != orphan]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iam, "list_access_keys", lambda **_: {"AccessKeyMetadata": known})
        with pytest.raises(ProviderUnavailableError, match="does not list yet"):
            keys.aws.step(keys.arn, Step.CREATE, token)
    keys.rotate(token)
    assert orphan not in keys.ids


def test_a_tag_has_room_for_the_longest_token_and_many_attempts(keys):
    user, token = IamUser.of(keys.iam.context), "t" * 64
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IamUser, "_create", lambda _: ("", None))
        for _ in range(20):
            user.issue(keys.key().key_id, lambda: None, token)
    assert len(keys.tags()["wickie:issuing"]) <= 256
    assert len(user._attempts(token)) == 8


@pytest.mark.slow
def test_no_call_is_refused_while_keys_rotate_late_and_die(aws, sts):
    keys = Keys.make(aws, sts)
    sts.settle()
    sts.lag = 0.3
    with signing_in(lambda: keys.verdict(keys.key())) as client:
        for _ in range(3):
            keys.rotate()
            client.goes_on()
            sts.age(DAY)
    assert set(client.verdicts) == {Verdict.LIVE}
