"""
Whatever happens to a secret, in whatever order, somebody can still sign in.

Steps come twice, late and out of order; functions die half-way; people put values by hand and
cancel; actions are asked for at any moment. After each of these the invariants hold.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.rotation.fakes import FakeDatabase, login, parse
from wickie.errors import Error
from wickie.model import Stage
from wickie.rotation.driver import Step
from wickie.rotation.passwords import PasswordPolicy

SETTINGS = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.generate],  # to shrink takes minutes
    suppress_health_check=list(HealthCheck),
    database=None,
)


class Died(BaseException):
    """What no `except Exception` catches."""


class Life(RuleBasedStateMachine):
    """The life of one secret. Every call to the outside is a point to die at."""

    strategy: ClassVar[str]
    player: ClassVar[Any]
    database: ClassVar[FakeDatabase]

    def __init__(self) -> None:
        super().__init__()
        self.dies_after: int | None = None

    @initialize()
    def made(self) -> None:
        password = PasswordPolicy().draw()
        self.database.passwords.clear()
        self.database.passwords |= {"app": password.reveal(), "admin": "admin-password"}
        self.database.boundary = self.boundary
        self.player.forget_users()
        self.arn = self.player.store(login(password=password.reveal()))
        self.tokens = [self.holder("AWSCURRENT")]

    def boundary(self, *_: object, **__: object) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Died

    def attempt(self, act: Callable[[], Any], dies_after: int | None) -> Any:
        """Do something that may be refused, and may die on the way."""
        clients = self.player.clients
        emitters = [c.meta.events for c in (clients.secrets_manager, clients.dynamodb)]
        for emitter in emitters:
            emitter.register("before-call", self.boundary)
        self.dies_after = dies_after
        try:
            with suppress(Error, Died):
                return act()
        finally:
            self.dies_after = None
            for emitter in emitters:
                emitter.unregister("before-call", self.boundary)

    deaths = st.none() | st.integers(0, 14)
    versions = st.integers(0, 30)

    def some_version(self, number: int) -> str:
        return self.tokens[-1 - number % len(self.tokens)]

    @precondition(lambda self: self.holder("AWSPENDING") in (None, self.holder("AWSCURRENT")))
    @rule()
    def rotation_begins(self) -> None:
        self.player.tidy(self.arn)
        self.tokens.append(self.player.begin(self.arn))

    @rule(step=st.sampled_from(Step), dies_after=deaths)
    def step_of_the_rotation_under_way(self, step: Step, dies_after: int | None) -> None:
        token = self.holder("AWSPENDING") or self.tokens[-1]
        self.attempt(lambda: self.player.step(self.arn, step, token), dies_after)

    @rule(dies_after=st.none() | st.integers(0, 40))
    def every_step_in_order(self, dies_after: int | None) -> None:
        token = self.holder("AWSPENDING") or self.tokens[-1]
        if self.attempt(lambda: self.player.rotate(self.arn, token), dies_after):
            assert self.holder("AWSCURRENT") == token
            self.fingerprints_agree()

    @rule(step=st.sampled_from(Step), number=versions)
    def step_of_any_other_rotation(self, step: Step, number: int) -> None:
        token = self.some_version(number)
        self.attempt(lambda: self.player.step(self.arn, step, token), None)

    @rule(action=st.sampled_from(["retire", "restore"]), number=versions, dies_after=deaths)
    def action_on_any_version(self, action: str, number: int, dies_after: int | None) -> None:
        version = self.some_version(number)
        self.attempt(lambda: self.player.act(action, self.arn, version), dies_after)

    @rule(action=st.sampled_from(["retire", "restore"]), dies_after=deaths)
    def action_on_the_previous_version(self, action: str, dies_after: int | None) -> None:
        if version := self.holder("AWSPREVIOUS"):
            self.attempt(lambda: self.player.act(action, self.arn, version), dies_after)

    @rule(dies_after=deaths)
    def settling(self, dies_after: int | None) -> None:
        wish = {"GraceSeconds": "0"}
        self.attempt(lambda: self.player.act("settle", self.arn, **wish), dies_after)

    @rule(dies_after=deaths, restore=st.sampled_from(["true", "false"]))
    def repair(self, dies_after: int | None, restore: str) -> None:
        wish = {"OlderThanSeconds": "0", "Restore": restore}
        answer = self.attempt(lambda: self.player.act("repair", self.arn, **wish), dies_after)
        if answer is not None:
            assert answer["state"] != "STUCK", "nothing here is beyond repair"
            assert self.honoured("AWSCURRENT")
            assert self.holder("AWSPENDING") in (None, self.holder("AWSCURRENT"))
            if answer["state"] != "SOUND":
                self.fingerprints_agree()

    @rule()
    def leases_end(self) -> None:
        self.player.let_leases_end()

    @rule()
    def person_puts_a_working_value(self) -> None:
        value = self.player.value(self.arn)
        password = PasswordPolicy().draw()
        self.database.passwords[value.username] = password.reveal()
        self.player.put_by_hand(self.arn, value.succeeded_by(value.username, password))
        self.tokens.append(self.holder("AWSCURRENT"))

    @property
    def stored(self) -> dict[str, dict[str, Any]]:
        """Versions as moto holds them: to ask by API after every step takes most of the time."""
        found: dict[str, dict[str, Any]] = self.player.stored(self.arn).versions
        return found

    def holder(self, label: str) -> str | None:
        return next((v for v, each in self.stored.items() if label in each["version_stages"]), None)

    def honoured(self, label: str) -> bool:
        version = self.holder(label)
        if version is None or "secret_string" not in self.stored[version]:
            return False
        value = parse(self.stored[version]["secret_string"], self.arn)
        return self.database.passwords.get(value.username) == value.password.reveal()

    @invariant()
    def one_version_is_current_and_one_at_most_pending(self) -> None:
        carried = [label for each in self.stored.values() for label in each["version_stages"]]
        assert carried.count("AWSCURRENT") == 1
        assert carried.count("AWSPENDING") <= 1
        assert carried.count("AWSPREVIOUS") <= 1

    @invariant()
    def whoever_reads_the_secret_can_sign_in(self) -> None:
        if self.strategy == "single-user":
            assert self.honoured("AWSCURRENT") or self.honoured("AWSPENDING")
        else:
            assert self.honoured("AWSCURRENT")

    @invariant()
    def what_is_in_use_is_never_taken_for_retired(self) -> None:
        printed = self.player.stages(self.arn)
        for label in ("AWSCURRENT", "AWSPENDING"):
            assert printed.get(self.holder(label)) != "RETIRED", "a scanner would shrug it off"

    def fingerprints_agree(self) -> None:
        """They follow the labels, so it holds of what was not cut off."""
        for version, stage in self.player.stages(self.arn).items():
            assert stage == Stage.of(self.stored[version]["version_stages"]), version


@pytest.mark.parametrize("strategy", ["single-user", "alternating-users"])
def test_in_any_order_of_events_somebody_can_sign_in(aws, database, strategy):
    master = aws.store(login("admin", "admin-password"))

    class OfStrategy(Life):
        pass

    OfStrategy.strategy, OfStrategy.database = strategy, database
    OfStrategy.player = aws.using(strategy, master=master)
    run_state_machine_as_test(OfStrategy, settings=SETTINGS)
