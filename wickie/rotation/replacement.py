"""
The replacement procedure: a secret's value is exchanged for a new one, and the old one ends.

    preflight → start → wait → verify new → refresh dependents → retire old → prove old dead
                                                  └→ restore → refresh dependents again

The order stands here once; a flow and the CLI run it through a `StepRunner` of their own.
Every step may be repeated: a run that was cut short is simply run again.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

from wickie.errors import (
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
    Stage,
    TimelineEntry,
    Verdict,
)
from wickie.rotation import remote
from wickie.rotation.asking import Patience
from wickie.rotation.dependents import refreshed
from wickie.rotation.remote import RemoteSecret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wickie.aws import Clients
    from wickie.rotation.dependents import Dependent

T = TypeVar("T")

PERMISSIONS: Final = remote.PERMISSIONS
_WITH_SECRETS_MANAGER: Final = Patience(180)
_WITH_PROVIDERS: Final = Patience(10)


class StepRunner(Protocol):
    """How one step of the procedure is carried out: as a task, with progress shown, …"""

    def __call__(self, name: str, action: Callable[[], T], /) -> T:
        """Run `action`, and let whatever it raises through."""


def directly(name: str, action: Callable[[], T], /) -> T:  # noqa: ARG001  (a StepRunner)
    """Run a step with nothing around it."""
    return action()


@dataclass(frozen=True)
class ReplacementRequest:
    """Which secret is to be replaced, why, and who must be told."""

    secret: str
    """Name or ARN."""
    reason: Literal["requested", "leak"] = "requested"
    leaked_version: str | None = None
    """The version seen where it should not be; on a leak without one, the version in use."""
    dependents: tuple[Dependent, ...] = ()
    patience: Patience = _WITH_SECRETS_MANAGER
    """With Secrets Manager, which tries a failing rotation again by itself."""
    patience_with_providers: Patience = _WITH_PROVIDERS
    """With the system behind the credential, when it gives no verdict."""

    @property
    def leak(self) -> bool:
        """Whether the old value has to be dead when the procedure ends."""
        return self.reason == "leak" or self.leaked_version is not None


def replace(
    request: ReplacementRequest, clients: Clients, run: StepRunner = directly
) -> RotationOutcome:
    """Carry the procedure out. It never raises wickie's errors: a failure is an outcome too."""
    return _Replacement(request, clients, run).outcome()


class _Replacement:
    def __init__(self, request: ReplacementRequest, clients: Clients, run: StepRunner) -> None:
        self._request = request
        self._clients = clients
        self._run = run
        self._token = str(uuid.uuid4())
        self._started = datetime.now(UTC)
        self._timeline = [TimelineEntry("asked", self._started, request.reason)]
        self._absent: tuple[DependentOutcome, ...] = ()
        self._result = RotationOutcome(
            request.secret,
            RotationState.FAILED,
            request.reason,
            from_version=request.leaked_version,
        )

    def outcome(self) -> RotationOutcome:
        try:
            self._in_order()
        except Error as error:
            self._note("failed", str(error))
            self._record(state=RotationState.FAILED, error=str(error))
        seconds = (datetime.now(UTC) - self._started).total_seconds()
        return changed(self._result, timeline=tuple(self._timeline), seconds=seconds)

    def _in_order(self) -> None:
        secret = self._step("preflight", self._preflight)
        old = self._request.leaked_version or secret.current()
        if secret.stage_of(old) is Stage.PENDING:
            # In use it can be rotated away; dropped half-set it could be the only value honoured.
            self._wait(secret, old, "finish the rotation under way")
            secret = RemoteSecret.describe(self._clients, secret.arn)
        if superseded := secret.stage_of(old) is not Stage.CURRENT:
            new = secret.current()
        else:
            new = self._step("start", lambda: secret.rotate(self._clients, self._token), str)
            self._wait(secret, new, "wait")
        self._record(from_version=old, to_version=new)
        answer = self._step("verify new", lambda: self._verify_new(secret, new), _verdict)
        if answer.verdict is Verdict.DEAD:
            self._give_back(secret, old, new, "the new value is not honoured")
            return
        if secret.stage_of(old) is not Stage.RETIRED and not self._refresh(new):
            ill = _in_words(o for o in self._result.dependents if not _well(o))
            if superseded:
                raise DependentError(f"{ill}; repair it, then rotate with version {old} again")
            self._give_back(secret, old, new, ill)
            return
        if self._request.leak:
            self._step("retire old", lambda: secret.ask(self._clients, "retire", old), _verdict)
            self._step("prove old dead", lambda: self._prove_dead(secret, old), _verdict)
        else:
            self._step("look at old", lambda: self._look_at(secret, old), _verdict)
        self._record(state=RotationState.ROTATED)

    def _wait(self, secret: RemoteSecret, version: str, name: str) -> None:
        patience = self._request.patience
        self._step(name, lambda: secret.wait_for(self._clients, version, patience))

    def _preflight(self) -> RemoteSecret:
        """Ask whether the value in use is honoured: nothing that ails a secret gets past this."""
        secret = RemoteSecret.describe(self._clients, self._request.secret)
        self._record(secret=secret.name)
        answer = secret.ask(self._clients, "verify", secret.current())
        self._record(strategy=answer.strategy)
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
        self._record(new_credential=answer.verdict)
        if answer.verdict is Verdict.UNKNOWN:
            raise ProviderUnavailableError(
                f"the new value of {secret.name} could not be verified ({answer.detail}); it is "
                f"in use, though its dependents were not told: rotate again"
            )
        return answer

    def _refresh(self, version: str, name: str = "refresh dependents") -> bool:
        present = [
            dependent
            for dependent in self._request.dependents
            if dependent.name not in {outcome.name for outcome in self._absent}
        ]
        if not present:
            self._record(dependents=self._absent)
            return True

        def refresh_all() -> tuple[DependentOutcome, ...]:
            with ThreadPoolExecutor(len(present)) as pool:
                return tuple(pool.map(lambda dependent: refreshed(dependent, version), present))

        outcomes = self._step(name, refresh_all, _in_words)
        self._record(dependents=(*outcomes, *self._absent))
        return all(_well(outcome) for outcome in outcomes)

    def _give_back(self, secret: RemoteSecret, old: str, new: str, why: str) -> None:
        """Put the old value back in use while it is still honoured, leaked or not."""
        try:
            self._step("restore old", lambda: secret.ask(self._clients, "restore", old), _verdict)
        except Error as error:
            raise RotationError(
                f"{secret.name}: {why}; version {old} could not be put back for {new}: {error}"
            ) from None
        ill_too = not self._refresh(old, "refresh dependents again")
        self._record(
            state=RotationState.ROLLED_BACK,
            old_credential=Verdict.LIVE,
            new_credential=Verdict.UNKNOWN,
            error=f"{secret.name}: {why}, so version {old} was put back"
            + (", which did not help" if ill_too else "")
            + ("; the leaked value is in use" if self._request.leak else "")
            + "; repair that, then rotate again",
        )

    def _prove_dead(self, secret: RemoteSecret, old: str) -> Answer:
        answer = self._persistently(secret, old)
        self._record(old_credential=answer.verdict)
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
        self._record(old_credential=answer.verdict)
        return answer

    def _persistently(self, secret: RemoteSecret, version: str) -> Answer:
        """Verify `version`, asking again for a while when there is no answer."""
        last = Answer(Verdict.UNKNOWN)

        def known() -> Answer | None:
            nonlocal last
            last = secret.ask(self._clients, "verify", version)
            return None if last.verdict is Verdict.UNKNOWN else last

        return self._request.patience_with_providers.until(known) or last

    def _step(
        self, name: str, action: Callable[[], T], told: Callable[[T], str] = lambda _: ""
    ) -> T:
        value = self._run(name, action)
        self._note(name, told(value))
        return value

    def _note(self, step: str, detail: str) -> None:
        self._timeline.append(TimelineEntry(step, datetime.now(UTC), detail))

    def _record(self, **changes: Any) -> None:
        self._result = changed(self._result, **changes)


def _well(outcome: DependentOutcome) -> bool:
    return outcome.state is DependentState.REFRESHED


def _in_words(outcomes: Iterable[DependentOutcome]) -> str:
    return ", ".join(
        f"{o.name} {o.state.value}" + f" ({o.detail})" * bool(o.detail) for o in outcomes
    )


def _verdict(answer: Answer) -> str:
    return answer.verdict.value
