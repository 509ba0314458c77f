"""What `wickie scan` counts, whom it asks, and what nobody may use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import Result

from tests.cli.leaks import CONFIG, access_key, leak, scanned
from wickie.scan.issuers import AwsKeys

pytestmark = pytest.mark.usefixtures("home")

Wickie = Callable[..., Result]


@pytest.mark.slow
def test_what_a_baseline_knows_is_shown_and_does_not_count(
    wickie: Wickie, code: Path, token: str, folder: Path
) -> None:
    leak(code, token)
    assert wickie("scan", "code", "--baseline-out", "known.json").exit_code == 0
    (code / "moved").mkdir()
    (code / "settings.py").rename(code / "moved" / "conf.py")
    done = wickie("scan", "code", "--baseline", "known.json", "--format", "json")
    assert done.exit_code == 0
    (finding,) = scanned(done)["findings"]
    assert finding["suppressed_by"]["by"] == "known.json"
    sarif = json.loads(
        wickie("scan", "code", "--baseline", "known.json", "--format", "sarif").stdout
    )
    (suppression,) = sarif["runs"][0]["results"][0]["suppressions"]
    assert suppression["status"] == "accepted"
    assert "known on" in suppression["justification"]
    assert wickie("scan", "code").exit_code == 10
    assert token not in (folder / "known.json").read_text()


def test_an_ignore_in_wickie_yaml_counts_until_it_ends_and_not_for_a_value_in_use(
    wickie: Wickie, configured: Callable[[str], Path], code: Path, deployed: str, token: str
) -> None:
    configured(CONFIG)
    leak(code, token)
    (code / "notes.txt").write_text(f"it is {deployed}, keep it\n")
    found = scanned(wickie("scan", "--format", "json"))["findings"]
    keys = [finding["value_key"] for finding in found]
    assert len(set(keys)) == 2

    def ignoring(until: str) -> Result:
        ignores = [
            {"finding": key, "owner": "shop", "reason": "fixture", "until": until} for key in keys
        ]
        configured(CONFIG.replace("{targets", f"{{ignore: {json.dumps(ignores)}, targets"))
        return wickie("scan", "--format", "json")

    done = ignoring("2999-01-01")
    assert done.exit_code == 11
    (counted,) = [f for f in scanned(done)["findings"] if not f["suppressed_by"]]
    assert counted["managed"]["stage"] == "CURRENT"
    assert "which is in use; rotate it" in done.stderr
    (code / "notes.txt").unlink()
    assert ignoring("2999-01-01").exit_code == 0
    ended = ignoring("2020-01-01")
    assert ended.exit_code == 10
    assert "ended on 2020-01-01; renew it or fix it" in ended.stderr


def test_verify_without_a_stage_is_refused_for_honeytokens_could_not_be_told(
    wickie: Wickie, code: Path
) -> None:
    leak(code, "nothing")
    done = wickie("scan", "code", "--verify")
    assert done.exit_code == 1
    assert "--verify might use one of your own honeytokens" in done.stderr


@mock_aws
def test_where_the_stage_is_not_deployed_nothing_is_verified_and_that_is_told(
    wickie: Wickie, configured: Callable[[str], Path], code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AwsKeys, "ask", lambda *_: pytest.fail("asked"))
    configured(CONFIG)
    key_id, secret = access_key()
    (code / "env").write_text(f"aws_access_key_id={key_id}\naws_secret_access_key={secret}\n")
    done = wickie("scan", "--verify", "--format", "json")
    assert done.exit_code == 10
    (gap,) = scanned(done)["gaps"]
    assert gap["uri"] == "managed secrets of stage prod, and nothing is verified"


@pytest.mark.parametrize("how", ["--verify", "wickie.yaml", "neither"])
@pytest.mark.usefixtures("deployed")
def test_a_live_access_key_is_11_where_aws_is_asked(
    wickie: Wickie, configured: Callable[[str], Path], code: Path, how: str
) -> None:
    verify = "verify: true, " if how == "wickie.yaml" else ""
    configured(CONFIG.replace("{targets", f"{{{verify}targets"))
    key_id, secret = access_key()
    (code / "env").write_text(f"aws_access_key_id={key_id}\naws_secret_access_key={secret}\n")
    done = wickie("scan", "--format", "json", *(["--verify"] if how == "--verify" else []))
    found = {each["rule_id"]: each for each in scanned(done)["findings"]}
    assert found.keys() <= {"betterleaks.aws-access-token", "wickie.secret-setting"}
    finding = found["betterleaks.aws-access-token"]
    asked = how != "neither"
    assert (done.exit_code, finding["verdict"]) == ((11, "LIVE") if asked else (10, "UNKNOWN"))
    assert secret not in done.output


def test_a_honeytoken_is_made_recognised_and_no_news_where_it_was_planted(
    wickie: Wickie,
    configured: Callable[[str], Path],
    code: Path,
    deployed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del deployed
    monkeypatch.setattr(AwsKeys, "ask", lambda *_: pytest.fail("a honeytoken was used"))
    boto3.client("iam").create_user(UserName="bait")
    bait = {"name": "shop/bait", "user": "bait", "planted": ["code/attic*"]}
    configured(CONFIG.replace("{targets", "{verify: true, targets") + f"honeytokens: [{bait}]\n")
    before = wickie("scan")
    assert "honeytoken shop/bait is not recognised; run wickie honeytoken create" in before.stderr

    for words in ("made", "known"):
        done = wickie("honeytoken", "create")
        assert done.exit_code == 0
        assert f"shop/bait: {words}, and recognised from the next scan on" in done.stdout
    text = boto3.client("secretsmanager").get_secret_value(SecretId="shop/bait")["SecretString"]
    key = json.loads(text)
    assert key["SecretAccessKey"] not in done.output
    (code / "attic.env").write_text(
        f"aws_access_key_id={key['AccessKeyId']}\naws_secret_access_key={key['SecretAccessKey']}\n"
    )
    assert wickie("scan").exit_code == 0
    (code / "copy.env").write_text((code / "attic.env").read_text())
    done = wickie("scan")
    assert done.exit_code == 11
    assert "1 honeytoken found where nobody planted it: shop/bait" in done.stdout

    assert "still stands in wickie.yaml" in wickie("honeytoken", "forget", "shop/bait").stderr
    configured(CONFIG)
    assert wickie("honeytoken", "forget", "shop/bait").exit_code == 0
    assert "not known" in wickie("honeytoken", "forget", "shop/bait").stdout
    rules = {f["rule_id"] for f in scanned(wickie("scan", "--format", "json"))["findings"]}
    assert "betterleaks.aws-access-token" in rules
    assert "wickie.honeytoken" not in rules

    configured(CONFIG + f"honeytokens: [{bait}]\n")
    done = wickie("honeytoken", "create", "other")
    assert "other is no honeytoken of wickie.yaml; add it under honeytokens" in done.stderr
