"""The course of one secret's replacement, in the phases that `replacement` runs in order."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from wickie.errors import (
    AbandonedError,
    AuthenticationError,
    DependentError,
    Error,
    ProviderUnavailableError,
    RotationError,
)
from wickie.model import (
    Answer,
    DependentOutcome,
    DependentState,
    RotationOutcome,
    RotationState,
    SettleState,
    Stage,
    Verdict,
)
from wickie.rotation.dependents.together import in_words, well
from wickie.rotation.journal import Journal
from wickie.rotation.remote import RemoteSecret
from wickie.rotation.strategies import WITH_TWO_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wickie.aws import Clients
    from wickie.rotation.dependents import Dependent
    from wickie.rotation.replacement import ReplacementRequest, StepRunner


class Course:
    """Each phase is for `attempt`; `telling` and `told` stand between them."""

    _secret: RemoteSecret
    _old: str
    _new: str

    def __init__(self, request: ReplacementRequest, clients: Clients, run: StepRunner) -> None:
        self._request = request
        self._clients = clients
        self._token = str(uuid.uuid4())
        self._absent: tuple[DependentOutcome, ...] = ()
        self._superseded = False
        self._to_tell: str | None = None
        """The version that the dependents are to be told of, as long as they have not been."""
        self._given_back = ""
        """Why the old value was put back in use, if it was."""
        self._failed = False
        nothing_yet = RotationOutcome(
            request.secret,
            RotationState.FAILED,
            request.reason,
            from_version=request.leaked_version,
        )
        self.journal = Journal(nothing_yet, run)

    def attempt(self, phase: Callable[[], None]) -> None:
        """Run a phase, unless an earlier one failed."""
        if self._failed:
            return
        try:
            phase()
        except Error as error:
            self.fail(error)

    def fail(self, error: Error) -> None:
        """End the course here."""
        self._failed, self._to_tell = True, None
        self.journal.note("failed", str(error))
        self.journal.record(state=RotationState.FAILED, error=str(error))

    def renew(self) -> None:
        """Have a new value in use, and see that it is honoured."""
        secret = self.journal.step("preflight", self._preflight)
        old = self._request.leaked_version or secret.current()
        if secret.stage_of(old) is Stage.PENDING:
            # In use it can be rotated away; dropped half-set it could be the only value honoured.
            self._wait(secret, old, "finish the rotation under way")
            secret = RemoteSecret.describe(self._clients, secret.arn)
        if superseded := secret.stage_of(old) is not Stage.CURRENT:
            new = secret.current()
        else:
            if self._request.leak:
                self._make_room(secret)
            new = self._rotate(secret)
        self._secret, self._old, self._new = secret, old, new
        self._superseded = superseded
        self.journal.record(from_version=old, to_version=new)
        answer = self._judge("verify new", lambda: self._verify_new(secret, new))
        if answer.verdict is Verdict.DEAD:
            self._give_back("the new value is not honoured")
        elif secret.stage_of(old) is not Stage.RETIRED:
            self._to_tell = new

    def telling(self) -> list[tuple[Dependent, str]]:
        """Who is to be refreshed now, and with which version."""
        version, absent = self._to_tell, {outcome.name for outcome in self._absent}
        if version is None or self._failed:
            return []
        return [(d, version) for d in self._request.dependents if d.name not in absent]

    def told(self, outcomes: Sequence[DependentOutcome]) -> None:
        """Take note of what became of those that were `telling`."""
        if self._to_tell is not None:
            self._to_tell = None
            self.journal.record(dependents=(*outcomes, *self._absent))

    def judge(self) -> None:
        """Put the old value back in use where a dependent is not well with the new one."""
        ill = self._ill()
        if self._given_back or not ill:
            return
        if self._superseded:
            raise DependentError(f"{ill}; repair it, then rotate with version {self._old} again")
        self._give_back(ill)

    def conclude(self) -> None:
        """See to the value that is in use no more."""
        secret, old = self._secret, self._old
        if self._given_back:
            self._rolled_back()
            return
        if self._request.leak:
            self._judge("retire old", lambda: secret.ask(self._clients, "retire", old))
            self._judge("prove old dead", lambda: self._prove_dead(secret, old))
        else:
            self._judge("look at old", lambda: self._look_at(secret, old))
        self.journal.record(state=RotationState.ROTATED)

    def _judge(self, name: str, ask: Callable[[], Answer]) -> Answer:
        return self.journal.step(name, ask, lambda answer: answer.verdict.value)

    def _make_room(self, secret: RemoteSecret) -> None:
        """
        Retire the key before the leaked one where only two may be: it would stop the new one.

        A rotation on request leaves it alone while it is used; here it is told who uses it.
        """
        previous = secret.version(Stage.PREVIOUS)
        if (
            self.journal.result.strategy not in WITH_TWO_KEYS
            or not previous
            or secret.version(Stage.PENDING)
        ):
            return
        found = self.journal.step(
            "settle previous", lambda: self._settle(secret), lambda a: a.detail
        )
        if found.state == SettleState.KEPT:
            self._judge("retire previous", lambda: secret.ask(self._clients, "retire", previous))

    def _settle(self, secret: RemoteSecret) -> Answer:
        return secret.ask(self._clients, "settle", GraceSeconds="0")

    def _rotate(self, secret: RemoteSecret) -> str:
        """
        Have a rotation made, or join the one under way; one that comes to nothing is followed.

        Such is the test that Secrets Manager makes when a schedule is set: its version is dropped.
        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
        """
        new = self._start(secret)
        try:
            self._wait(secret, new, "wait")
        except AbandonedError:
            if new == self._token:
                raise
            new = self._start(secret)
            self._wait(secret, new, "wait")
        return new

    def _start(self, secret: RemoteSecret) -> str:
        return self.journal.step("start", lambda: secret.rotate(self._clients, self._token), str)

    def _wait(self, secret: RemoteSecret, version: str, name: str) -> None:
        patience, joined = self._request.patience, version != self._token
        self.journal.step(
            name, lambda: secret.wait_for(self._clients, version, patience, seen=joined)
        )

    def _preflight(self) -> RemoteSecret:
        """Ask whether the value in use is honoured: nothing that ails a secret gets past this."""
        secret = RemoteSecret.describe(self._clients, self._request.secret)
        self.journal.record(secret=secret.name)
        answer = secret.ask(self._clients, "verify", secret.current())
        self.journal.record(strategy=answer.strategy)
        if answer.verdict is Verdict.DEAD:
            raise AuthenticationError(
                f"the value of {secret.name} in use is not honoured ({answer.detail}); "
                f"run wickie repair {secret.name}, or store one that is, then rotate"
            )
        if answer.verdict is Verdict.UNKNOWN:
            raise ProviderUnavailableError(
                f"the value of {secret.name} in use cannot be verified ({answer.detail})"
            )
        self._check_dependents()
        return secret

    def _check_dependents(self) -> None:
        """A dependent that is amiss already stops a rotation on request, and no leak response."""
        absent = []
        for dependent in self._request.dependents:
            try:
                dependent.check()
            except Error as error:
                if not self._request.leak:
                    raise
                if not error.retryable:
                    unhealthy = DependentState.UNHEALTHY
                    absent.append(DependentOutcome(dependent.name, unhealthy, str(error)))
        self._absent = tuple(absent)

    def _verify_new(self, secret: RemoteSecret, new: str) -> Answer:
        answer = self._persistently(secret, new)
        self.journal.record(new_credential=answer.verdict)
        if answer.verdict is Verdict.UNKNOWN:
            raise ProviderUnavailableError(
                f"the new value of {secret.name} could not be verified ({answer.detail}); it is "
                f"in use, though its dependents were not told: rotate again"
            )
        return answer

    def _ill(self) -> str:
        """Who of those that were told is not well. Whoever was absent before, was not told."""
        told = self.journal.result.dependents[
            : len(self.journal.result.dependents) - len(self._absent)
        ]
        if all(well(outcome) for outcome in told):
            return ""
        return in_words(o for o in self.journal.result.dependents if not well(o))

    def _give_back(self, why: str) -> None:
        """Put the old value back in use while it is still honoured, leaked or not."""
        secret, old = self._secret, self._old
        try:
            self._judge("restore old", lambda: secret.ask(self._clients, "restore", old))
        except Error as error:
            raise RotationError(
                f"{secret.name}: {why}; version {old} could not be put back for {self._new}: "
                f"{error}"
            ) from None
        self._given_back, self._to_tell = why, old

    def _rolled_back(self) -> None:
        self.journal.record(
            state=RotationState.ROLLED_BACK,
            old_credential=Verdict.LIVE,
            new_credential=Verdict.UNKNOWN,
            error=f"{self._secret.name}: {self._given_back}, so version {self._old} was put back"
            + (", which did not help" if self._ill() else "")
            + ("; the leaked value is in use" if self._request.leak else "")
            + "; repair that, then rotate again",
        )

    def _prove_dead(self, secret: RemoteSecret, old: str) -> Answer:
        answer = self._persistently(secret, old)
        self.journal.record(old_credential=answer.verdict)
        if answer.verdict is Verdict.LIVE:
            raise RotationError(
                f"version {old} of {secret.name} is still honoured after it was retired; "
                f"revoke it by hand"
            )
        if answer.verdict is Verdict.UNKNOWN:
            raise ProviderUnavailableError(
                f"version {old} of {secret.name} could not be proven dead ({answer.detail}); "
                f"rotate again with --version {old} when the system behind it can be reached"
            )
        return answer

    def _look_at(self, secret: RemoteSecret, old: str) -> Answer:
        """With alternating users the old value stays good until the next rotation, by design."""
        try:
            answer = secret.ask(self._clients, "verify", old)
        except Error as error:
            answer = Answer(Verdict.UNKNOWN, detail=str(error))
        self.journal.record(old_credential=answer.verdict)
        return answer

    def _persistently(self, secret: RemoteSecret, version: str) -> Answer:
        """Verify `version`, asking again for a while when there is no answer."""
        last = Answer(Verdict.UNKNOWN)

        def known() -> Answer | None:
            nonlocal last
            last = secret.ask(self._clients, "verify", version)
            return None if last.verdict is Verdict.UNKNOWN else last

        return self._request.patience_with_providers.until(known) or last
