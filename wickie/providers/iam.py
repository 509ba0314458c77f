"""IAM: the access keys of a user, honoured by every service of AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from wickie.credentials import AccessKey
from wickie.errors import AuthenticationError, ProviderError, ProviderUnavailableError, redacted
from wickie.providers.iam_user import IamUser

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from wickie.providers import Context

# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
_REFUSED: Final = frozenset({"InvalidClientTokenId", "SignatureDoesNotMatch"})
# Under the second of them STS also says that our clock is wrong.
_CLOCK: Final = ("expired", "not yet current")


@dataclass(frozen=True)
class Iam:
    """An `Issuer` and a `Witness` for the user that `options` names."""

    context: Context

    def parse(self, text: str, name: str) -> AccessKey:
        """See `Provider.parse`."""
        return AccessKey.parse(text, name)

    def sign_in(self, key: AccessKey) -> str:
        """See `Provider.sign_in`. GetCallerIdentity needs no permission, and none denies it."""
        with redacted(key.secret_key):
            try:
                reply = self.context.clients.sts_as(key).get_caller_identity()
            except ClientError as error:
                raise _refusal(error, key) from None
            except BotoCoreError as error:
                raise ProviderUnavailableError(
                    f"STS could not be asked about {key.key_id} ({type(error).__name__}); try "
                    f"again, and check that the function reaches STS from its subnets"
                ) from None
        return reply["Arn"]

    def issue(
        self, current: AccessKey, previous: Callable[[], AccessKey | None], token: str
    ) -> AccessKey:
        """See `Issuer.issue`."""
        return current.succeeded_by(*self._user.issue(current.key_id, previous, token))

    def revoke(self, old: AccessKey, current: AccessKey) -> None:
        """See `Issuer.revoke`."""
        self._user.revoke(old.key_id, current.key_id)

    def used_since(self, old: AccessKey, current: AccessKey, since: datetime) -> str | None:
        """See `Witness.used_since`."""
        del current
        return self._user.used_since(old.key_id, since)

    @property
    def _user(self) -> IamUser:
        return IamUser.of(self.context)


def _refusal(error: ClientError, key: AccessKey) -> ProviderError:
    code = error.response["Error"].get("Code", "")
    text = " ".join(error.response["Error"].get("Message", "").split())
    if code in _REFUSED and not any(word in text.lower() for word in _CLOCK):
        return AuthenticationError(f"AWS does not honour key {key.key_id} ({code})")
    return ProviderUnavailableError(
        f"STS did not say whether it honours key {key.key_id} ({code}: {text}); try again later"
    )
