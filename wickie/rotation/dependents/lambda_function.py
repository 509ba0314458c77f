"""A Lambda function: its environments read the secret when they start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Self

from wickie.asking import Patience, asking
from wickie.errors import DependentError
from wickie.model import DependentOutcome, DependentState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_lambda import LambdaClient

    from wickie.rotation.dependents import Declared

_VARIABLE: Final = "WICKIE_SECRET_VERSION_"


@dataclass(frozen=True)
class LambdaFunction:
    """Renewed by a change of its configuration."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = (
        "lambda:GetFunctionConfiguration",
        "lambda:UpdateFunctionConfiguration",
    )
    OPTIONS: ClassVar[tuple[str, ...]] = ("function",)
    EXCLUSIVE: ClassVar[bool] = True

    lambda_: LambdaClient
    function: str
    mark: str
    patience: Patience = field(default=Patience(120), repr=False)

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """See `Kind`."""
        return cls(entry.clients.lambda_, entry.options["function"], entry.mark)

    @property
    def name(self) -> str:
        return f"Lambda function {self.function}"

    def check(self) -> None:
        """Raise `NotFoundError` if the function does not exist."""
        with asking(self.name):
            self.lambda_.get_function_configuration(FunctionName=self.function)

    def refresh(self, version: str) -> DependentOutcome:
        """See `Dependent`."""
        return self.refresh_for({self.mark: version})

    def refresh_for(self, versions: Mapping[str, str]) -> DependentOutcome:
        """
        Change a variable for each secret, which retires every environment that is warm.

        UpdateFunctionConfiguration replaces all variables, so the others are sent along, and
        only if no one has changed the function in between (RevisionId).
        """
        with asking(self.name):
            now = self.lambda_.get_function_configuration(FunctionName=self.function)
            if "Error" in now.get("Environment", {}):
                raise DependentError(
                    f"{self.name}: its variables cannot be read; allow kms:Decrypt on their key"
                )
            variables = now.get("Environment", {}).get("Variables", {})
            wanted = {_VARIABLE + mark: version for mark, version in versions.items()}
            if not wanted.items() <= variables.items():
                self.lambda_.update_function_configuration(
                    FunctionName=self.function,
                    Environment={"Variables": {**variables, **wanted}},
                    RevisionId=now["RevisionId"],
                )
        outcome = self.patience.until(self._outcome)
        return outcome or DependentOutcome(
            self.name,
            DependentState.UNHEALTHY,
            f"still updating after {self.patience.seconds:.0f} s",
        )

    def _outcome(self) -> DependentOutcome | None:
        with asking(self.name):
            now = self.lambda_.get_function_configuration(FunctionName=self.function)
        if now.get("LastUpdateStatus", "Successful") == "Successful":
            return DependentOutcome(self.name, DependentState.REFRESHED)
        if now["LastUpdateStatus"] == "Failed":
            reason = now.get("LastUpdateStatusReason", "its update failed")
            return DependentOutcome(self.name, DependentState.UNHEALTHY, reason)
        return None
