"""What a user sees when something goes wrong: one line, with the remedy, and an exit code."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from wickie.errors import Error

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERBOSE: Final = "--verbose"

_SIGN_IN: Final = "sign in (aws sso login) or set AWS_PROFILE"
_REMEDIES: Final[Mapping[str, str]] = {
    "NoCredentialsError": f"no AWS credentials found; {_SIGN_IN}",
    "PartialCredentialsError": f"AWS credentials are incomplete; {_SIGN_IN}",
    "CredentialRetrievalError": f"AWS credentials cannot be had; {_SIGN_IN}",
    "TokenRetrievalError": f"the AWS sign-in has expired; {_SIGN_IN}",
    "SSOTokenLoadError": f"the AWS sign-in has expired; {_SIGN_IN}",
    "UnauthorizedSSOTokenError": f"the AWS sign-in has expired; {_SIGN_IN}",
    "NoRegionError": "no AWS region is set; set AWS_REGION or name one in the profile",
    "ProfileNotFound": "the AWS profile does not exist; correct AWS_PROFILE",
}
"""By botocore's names, so that botocore need not be imported to fail in another way."""

_REFUSED_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class Commands(TyperGroup):
    """A group whose commands end in one line on stderr where they fail, not in a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take --verbose out wherever it stands before a `--`."""
        end = args.index("--") if "--" in args else len(args)
        if _VERBOSE in args[:end]:
            args = [arg for arg in args[:end] if arg != _VERBOSE] + args[end:]
            ctx.meta[_VERBOSE] = True
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and end with one line and exit code 1 where it fails."""
        try:
            return super().invoke(ctx)
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, a user reads one line)
            if ctx.meta.get(_VERBOSE):
                traceback.print_exception(error)
            complain(error)
            raise typer.Exit(1) from None


def complain(error: Exception) -> None:
    """Print an error's one line."""
    typer.echo(f"wickie: error: {printable(explain(error))}", err=True)


def warn(text: str) -> None:
    """Print one line about something that does not stop the command."""
    typer.echo(f"wickie: warning: {printable(text)}", err=True)


def printable(text: str) -> str:
    """Text from elsewhere on one line; a file name may hold commands to a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def explain(error: Exception) -> str:
    """What went wrong and what to do about it, in one line."""
    name = type(error).__name__
    if isinstance(error, Error) or name in _REMEDIES:
        return _REMEDIES.get(name) or " ".join(str(error).split())
    if _of_botocore(error, "ClientError"):
        return _refusal(error)
    if _of_botocore(error, "BotoCoreError"):
        where = getattr(error, "kwargs", {}).get("endpoint_url", "AWS")
        return f"cannot reach {where} ({name}); check network, region and AWS_ENDPOINT_URL"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'this machine'}: {error.strerror}"
    return f"unexpected {name}; run again with {_VERBOSE} and report what it shows"


def _of_botocore(error: Exception, name: str) -> bool:
    """Whether botocore calls it so. If botocore was never imported, it raised nothing."""
    module = sys.modules.get("botocore.exceptions")
    return module is not None and isinstance(error, getattr(module, name))


def _refusal(error: Any) -> str:
    """What AWS refused; its own text names principals and resources, and no values."""
    code = error.response.get("Error", {}).get("Code", "")
    text = " ".join(error.response.get("Error", {}).get("Message", "").split())
    if code in _REFUSED_CREDENTIALS:
        return f"AWS refuses these credentials ({code}); {_SIGN_IN}"
    if code.startswith("AccessDenied"):
        return f"not allowed: {error.operation_name}: {text}; grant it to the role this runs as"
    return f"{error.operation_name}: {code}: {text}"
