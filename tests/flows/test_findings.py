"""The `nightly-scan` flow and what was decided of findings, is known of them, or lies in wait."""

from __future__ import annotations

import secrets
import string
from types import SimpleNamespace
from typing import Any

import pytest

from tests.flows.conftest import Stand
from tests.rotation.paper import Secret
from wickie.fingerprints import FingerprintTable, working_key
from wickie.model import Stage

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "shop")]

BAIT = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/bait-AbCdEf"


def ignores(*findings: Any) -> dict[str, Any]:
    return {
        "ignore": [
            {"finding": f["value_key"], "owner": "shop", "reason": "known", "until": "2999-01-01"}
            for f in findings
        ]
    }


def drawn(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters) for _ in range(length))


def test_an_ignore_hides_a_finding_and_neither_stops_containment_nor_hides_a_value_in_use(
    stand: Stand, secret: Secret
) -> None:
    leak = stand.plant("logs", f"pw={stand.values['v1']}\npw={stand.values['v0']}")
    (leak / "app.env").write_text(f"token=ghp_{drawn(36)}\n")
    assert stand.scan(leak, rotate_on_leak=False).is_completed()
    found = stand.report()["scan"]["findings"]
    assert len(found) == 3

    state = stand.scan(leak, scan=ignores(*found), rotate_on_leak=True)
    assert state.is_completed(), state.message
    assert "v1" not in secret.live
    report = stand.report()
    counted = [f for f in report["scan"]["findings"] if not f["suppressed_by"]]
    assert [f["managed"]["stage"] for f in counted] == [Stage.CURRENT]
    assert len(report["scan"]["findings"]) == 3
    assert "which is in use; rotate it" in report["scan"]["notices"][0]
    assert "v0" not in secret.live, "PREVIOUS is retired, ignored or not"


def test_a_baseline_that_is_none_ends_no_scan_and_stops_no_containment(
    stand: Stand, secret: Secret
) -> None:
    baseline = stand.folder / "baseline.json"
    baseline.write_text("{}")
    leak = stand.plant("logs", stand.values["v1"])
    state = stand.scan(leak, scan={"baseline": str(baseline)})
    assert state.is_completed(), state.message
    assert "v1" not in secret.live
    assert "cannot be read as a baseline" in stand.report()["scan"]["notices"][0]


@pytest.fixture
def sts(secret: Secret, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An STS that honours every key; what it was asked about."""
    asked: list[str] = []

    def sts_as(key: Any, seconds: float) -> Any:
        assert seconds <= 10
        asked.append(key.key_id)
        return SimpleNamespace(get_caller_identity=dict)

    monkeypatch.setattr(secret, "sts_as", sts_as, raising=False)
    return asked


def test_live_keys_are_told_and_asked_about_anew_every_night(stand: Stand, sts: list[str]) -> None:
    leak = stand.plant("code", f"aws_access_key_id=AKIA{drawn(16).upper()}\n")
    text = f"aws_access_key_id=AKIAQYLPMN5HHHFPZAM2\naws_secret_access_key={drawn(40)}\n"
    (leak / "app.env").write_text(text)
    for night in (1, 2):
        state = stand.scan(leak, scan={"verify": True})
        assert state.result()["headline"] == "1 live credential found"
        assert len(sts) == night
    assert stand.scan(leak).is_completed()
    assert len(sts) == 2


def test_a_honeytoken_is_neither_verified_nor_rotated_and_its_copy_is_the_headline(
    stand: Stand, secret: Secret, sts: list[str]
) -> None:
    key_id, secret_key = "AKIAQYLPMN5HHHFPZAM2", drawn(40)
    kms_id = stand.aws.ssm.get_parameter(Name="/wickie/test/fingerprint-key")["Parameter"]["Value"]
    table = FingerprintTable(stand.aws.dynamodb, "fingerprint_table")
    key = working_key(stand.aws.kms, kms_id)
    table.plant(BAIT, "v1", [key_id, secret_key], key)
    leak = stand.plant("logs", f"aws_access_key_id={key_id}\naws_secret_access_key={secret_key}")
    state = stand.scan(leak, scan={"verify": True})
    assert state.is_completed(), state.message
    assert state.result()["headline"] == ("1 honeytoken found where nobody planted it: shop/bait")
    assert (sts, secret.rotations, secret.asked) == ([], [], [])
    assert stand.report()["rotations"] == []
