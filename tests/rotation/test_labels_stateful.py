"""
Whatever happens to a secret, in whatever order, somebody can still sign in.

Steps come twice, late and out of order; functions die at any call; people put values by hand and
move the clock; actions are asked for at any moment. After each of these the invariants hold.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
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
from tests.rotation.paper_versions import PaperLeases, PaperPrints, PaperVersions
from wickie.errors import Error
from wickie.model import Answer, RepairState, SettleState, Stage
from wickie.rotation.actions import act
from wickie.rotation.driver import Rotation, RotationEvent, Step, rotate
from wickie.rotation.passwords import PasswordPolicy
from wickie.rotation.strategies import Means, find_strategy
from wickie.rotation.versions import Secret

pytestmark = pytest.mark.slow  # it looks for half a minute

SETTINGS = settings(
    max_examples=120,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
NOW = {"GraceSeconds": "0", "OlderThanSeconds": "0"}
DEATHS = st.none() | st.integers(0, 20)


class Died(BaseException):
    """What no `except Exception` catches."""


class Life(RuleBasedStateMachine):
    """The life of one secret. Before every call to the outside is a point to die at."""

    strategy: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.calls_left: int | None = None

    @initialize()
    def is_made(self) -> None:
        self.database = FakeDatabase(app="first-password", admin="admin-password")
        self.database.boundary = self.boundary
        self.secret = PaperVersions(self.boundary)
        self.leases, self.prints = PaperLeases(self.boundary), PaperPrints(self.boundary)
        self.tokens = [self.secret.put_by_hand(login().to_secret_string())]

    @property
    def rotation(self) -> Rotation[Any]:
        """As each invocation of the function puts it together."""
        means = Means(lambda _: login("admin", "admin-password"), PasswordPolicy())
        secret: Secret[Any] = Secret(self.secret, "one", parse)  # type: ignore[arg-type]
        return Rotation(
            secret,
            secret.versions(),
            self.database,
            find_strategy(self.strategy)(self.database, means),
            self.prints,
            self.leases,  # type: ignore[arg-type]
            lambda: 60.0,
        )

    def boundary(self) -> None:
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise Died

    def attempt(self, what: Callable[[], Any], dies_after: int | None, *, later: bool) -> Any:
        """Do something that may be refused or die; `later`, when no lease is in its way."""
        if later:
            self.leases.owner = None
        self.calls_left = dies_after
        try:
            with suppress(Error, Died):
                return what()
        finally:
            self.calls_left = None

    def ask(self, dies_after: int | None, later: bool, **event: str) -> Answer | None:
        answer: Answer | None = self.attempt(
            lambda: act(self.rotation, event | NOW), dies_after, later=later
        )
        return answer

    @precondition(lambda self: self.secret.holder("AWSPENDING") in (None, self.current))
    @rule()
    def rotation_begins(self) -> None:
        self.secret.tidy()
        self.tokens.append(self.secret.stage("AWSPENDING"))

    @rule(step=st.sampled_from(Step), dies_after=DEATHS, later=st.booleans())
    def step_is_sent(self, step: Step, dies_after: int | None, later: bool) -> None:
        token = self.secret.holder("AWSPENDING") or self.tokens[-1]
        event = RotationEvent(step, token)
        self.attempt(lambda: rotate(self.rotation, event), dies_after, later=later)

    @rule(dies_after=st.none() | st.integers(0, 50))
    def every_step_is_sent(self, dies_after: int | None) -> None:
        token = self.secret.holder("AWSPENDING") or self.tokens[-1]

        def steps() -> bool:
            for step in Step:
                rotate(self.rotation, RotationEvent(step, token))
            return True

        if self.attempt(steps, dies_after, later=True):
            assert self.current == token
            self.prints_agree()

    @rule(step=st.sampled_from(Step), data=st.data())
    def step_comes_late(self, step: Step, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(self.tokens))
        over, before = not self.in_force(token), self.everything()
        event = RotationEvent(step, token)
        self.attempt(lambda: rotate(self.rotation, event), None, later=True)
        assert not over or self.everything() == before

    @rule(
        action=st.sampled_from(["retire", "restore"]),
        dies_after=DEATHS,
        later=st.booleans(),
        data=st.data(),
    )
    def version_is_acted_on(
        self, action: str, dies_after: int | None, later: bool, data: st.DataObject
    ) -> None:
        version = data.draw(st.sampled_from(self.tokens))
        in_force = self.in_force(version)
        answer = self.ask(dies_after, later, Action=action, VersionId=version)
        assert not (answer and action == "retire" and in_force)

    @precondition(lambda self: self.secret.holder("AWSPREVIOUS"))
    @rule(action=st.sampled_from(["retire", "restore"]), dies_after=DEATHS)
    def previous_is_acted_on(self, action: str, dies_after: int | None) -> None:
        version = self.secret.holder("AWSPREVIOUS") or ""
        answer = self.ask(dies_after, later=True, Action=action, VersionId=version)
        if answer and action == "restore":
            assert self.current == version
            self.prints_agree()

    @rule(dies_after=DEATHS, later=st.booleans())
    def is_settled(self, dies_after: int | None, later: bool) -> None:
        answer = self.ask(dies_after, later, Action="settle")
        if answer and answer.state == SettleState.RETIRED:
            assert self.secret.holder("AWSPREVIOUS") is None
            self.prints_agree()

    @rule(dies_after=DEATHS, restore=st.booleans())
    def is_repaired(self, dies_after: int | None, restore: bool) -> None:
        wish = {"Restore": "true"} if restore else {}
        answer = self.ask(dies_after, later=True, Action="repair", **wish)
        if answer:
            assert answer.state not in (RepairState.STUCK, RepairState.UNKNOWN)
            assert self.honoured("AWSCURRENT")
            assert self.secret.holder("AWSPENDING") in (None, self.current)
            if answer.state != RepairState.SOUND:
                self.prints_agree()

    @rule()
    def person_puts_a_working_value(self) -> None:
        value = parse(self.secret.values[self.current], "one")
        password = PasswordPolicy().draw()
        self.database.passwords[value.username] = password.reveal()
        text = value.succeeded_by(value.username, password).to_secret_string()
        self.tokens.append(self.secret.put_by_hand(text))

    def in_force(self, version: str) -> bool:
        return bool({"AWSCURRENT", "AWSPENDING"} & self.secret.labels[version])

    def everything(self) -> str:
        """All that a step could change."""
        return repr(
            (self.secret.labels, self.secret.values, self.prints.stages, self.database.passwords)
        )

    @property
    def current(self) -> str:
        version = self.secret.holder("AWSCURRENT")
        assert version
        return version

    def honoured(self, label: str) -> bool:
        text = self.secret.values.get(self.secret.holder(label) or "")
        if text is None:
            return False
        value = parse(text, "one")
        return self.database.passwords.get(value.username) == value.password.reveal()

    @invariant()
    def one_version_is_current_and_one_at_most_pending(self) -> None:
        carried = [label for names in self.secret.labels.values() for label in names]
        assert carried.count("AWSCURRENT") == 1
        assert carried.count("AWSPENDING") <= 1
        assert carried.count("AWSPREVIOUS") <= 1

    def user(self, label: str) -> str | None:
        text = self.secret.values.get(self.secret.holder(label) or "")
        return parse(text, "one").username if text else None

    @invariant()
    def whoever_reads_the_secret_can_sign_in(self) -> None:
        """With AWSCURRENT, or where the one user of both just changed, with AWSPENDING."""
        same = self.user("AWSPENDING") == self.user("AWSCURRENT")
        assert self.honoured("AWSCURRENT") or (same and self.honoured("AWSPENDING"))

    @invariant()
    def what_is_in_use_is_never_taken_for_retired(self) -> None:
        for label in ("AWSCURRENT", "AWSPENDING"):
            stage = self.prints.stages.get(self.secret.holder(label) or "")
            assert stage is not Stage.RETIRED, "a scanner would take it for information"

    def prints_agree(self) -> None:
        """They follow the labels, so it holds of what was not cut off."""
        for version, stage in self.prints.stages.items():
            assert stage is Stage.of(sorted(self.secret.labels[version])), version


@pytest.mark.parametrize("strategy", ["single-user", "alternating-users"])
def test_in_any_order_of_events_somebody_can_sign_in(strategy, monkeypatch):
    monkeypatch.setattr("wickie.rotation.versions._READ_PAUSES", ())
    monkeypatch.setattr("wickie.rotation.strategies._ADMIN_PAUSE", 0)

    class OfStrategy(Life):
        pass

    OfStrategy.strategy = strategy
    run_state_machine_as_test(OfStrategy, settings=SETTINGS)
