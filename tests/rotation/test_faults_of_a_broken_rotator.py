"""The crash harness judged in its turn: a rotator that breaks a rule does not get past it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pg8000.native
import pytest

from bench.faults.arenas import ARENAS, open_arena
from bench.faults.aws import Aws, open_aws
from bench.faults.rotator import Rotator, wickie
from bench.faults.run import calls, every, try_out
from wickie.aws import Clients
from wickie.credentials import DatabaseLogin
from wickie.errors import AuthenticationError, ProviderError
from wickie.model import Stage
from wickie.providers import Context, pgwire, tls
from wickie.providers.http_api import HttpApi
from wickie.providers.postgres import Postgres
from wickie.providers.redis import Redis
from wickie.rotation import driver
from wickie.rotation.driver import Step
from wickie.rotation.versions import Secret

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with open_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def rotator(aws: Aws) -> Iterator[Rotator]:
    with open_arena("PostgreSQL") as arena:
        yield wickie(aws, arena, "postgres", "single-user")


def set_before_it_is_stored(patch: Patch) -> None:
    store = Secret.store_pending

    def late(self: Secret[Any], version: str, pending: DatabaseLogin, proof: Any) -> None:
        versions = self.versions()
        current = self.read(versions.current())
        Postgres(Context(Clients())).set_password(current, pending)
        store(self, version, pending, proof)

    patch.setattr(Secret, "store_pending", late)


def promoted_untested(patch: Patch) -> None:
    def careless(rotation: Any, versions: Any, version_id: str) -> None:
        rotation.secret.move(Stage.CURRENT, versions.current(), version_id)
        driver.publish_stages(rotation)

    patch.setattr(driver, "promote", careless)
    patch.setitem(driver._STEPS, Step.TEST, lambda *_: None)


def forgotten_after_promotion(patch: Patch) -> None:
    rotate = driver.rotate

    def once(rotation: Any, event: Any) -> None:
        if rotation.secret.versions().current() != event.token:
            rotate(rotation, event)

    patch.setattr("wickie.rotation.registry.rotate", once)


def network_read_as_refusal(patch: Patch) -> None:
    patch.setattr(tls, "ProviderUnavailableError", AuthenticationError)


def foreign_errors_let_through(patch: Patch) -> None:
    @contextmanager
    def careless(login: DatabaseLogin, place: str) -> Iterator[None]:
        try:
            yield
        except pg8000.native.DatabaseError as error:
            raise pgwire._refusal(error.args[0], login, place) from None

    patch.setattr(pgwire, "_errors_of", careless)


def password_in_an_error(patch: Patch) -> None:
    def telling(_: Postgres, login: DatabaseLogin) -> str:
        raise ProviderError(f"refused {login.password.reveal()}")

    patch.setattr(Postgres, "sign_in", telling)


def plaintext_in_the_statement(patch: Patch) -> None:
    def careless(connection: Any, target: DatabaseLogin) -> None:
        password = pgwire.literal(target.password.reveal())
        connection.run(f"alter role {pgwire.identifier(target.username)} password {password}")

    patch.setattr("wickie.providers.postgres._set_password", careless)


def unknown_keys_dropped(patch: Patch) -> None:
    keep = DatabaseLogin.to_secret_string

    def dropping(self: DatabaseLogin) -> str:
        return keep(self).replace('"team"', '"teem"')

    patch.setattr(DatabaseLogin, "to_secret_string", dropping)


BREAKAGES = [
    (set_before_it_is_stored, "kill-before", "PutSecretValue", "what clients read is not honoured"),
    (promoted_untested, "out-of-order", "", "what clients read is not honoured"),
    (forgotten_after_promotion, "kill-before", "TransactWriteItems", "fingerprints disagree"),
    (network_read_as_refusal, "cut-before", "connect", "a network fault was read as a refusal"),
    (foreign_errors_let_through, "slow", "exchange", "an error that is not its own got through"),
    (password_in_an_error, "duplicate-step", "", "plaintext in an error or a log"),
    (plaintext_in_the_statement, "duplicate-step", "", "plaintext in an error or a log"),
    (unknown_keys_dropped, "duplicate-step", "", "unknown keys were lost"),
]


def made_and_forgotten(patch: Patch) -> None:
    patch.setattr(HttpApi, "_named", lambda *_: [])


def old_one_taken_away(patch: Patch) -> None:
    add = Redis.add_password

    def careless(self: Redis, session: Any, kept: Any, pending: Any, older: Any) -> None:
        del kept
        add(self, session, pending, pending, older)
        self.drop_others(session, pending)

    patch.setattr(Redis, "add_password", careless)


ELSEWHERE = [
    (
        "HTTP API",
        "dual-key",
        made_and_forgotten,
        "kill-before",
        "PutSecretValue",
        "a credential was made that no version holds",
    ),
    ("Valkey", "dual-password", promoted_untested, "out-of-order", "", "is not honoured"),
    (
        "Valkey",
        "dual-password",
        old_one_taken_away,
        "duplicate-step",
        "",
        "the old credential is not as the strategy promises",
    ),
]


@pytest.mark.parametrize("case", ELSEWHERE, ids=lambda case: case[2].__name__)
def test_it_is_found_out_where_credentials_overlap(aws: Aws, monkeypatch: Patch, case: Any) -> None:
    name, strategy, breakage, fault, call, found = case
    with open_arena(name) as arena:
        broken = wickie(aws, arena, ARENAS[name].engine, strategy)
        breakage(monkeypatch)
        tally = try_out(broken, fault, lambda made: made.name.endswith(call))
    assert found in "; ".join(tally.broken)


@pytest.mark.parametrize("case", BREAKAGES, ids=lambda case: case[0].__name__)
def test_it_is_found_out(rotator: Rotator, monkeypatch: Patch, case: Any) -> None:
    breakage, fault, call, found = case
    breakage(monkeypatch)
    few = every(7) if call == "exchange" else every(1)
    tally = try_out(rotator, fault, lambda made: made.name.endswith(call) and few(made))
    assert found in "; ".join(tally.broken)


def test_a_rotator_that_fails_undisturbed_is_not_tried_at_all(
    rotator: Rotator, monkeypatch: Patch
) -> None:
    unknown_keys_dropped(monkeypatch)
    with pytest.raises(RuntimeError, match="broken without any fault: unknown keys were lost"):
        calls(rotator)
