from __future__ import annotations

import re
import secrets
import traceback

import pytest

from wickie import errors
from wickie.credentials import Sensitive
from wickie.errors import Error, ProviderError, RotationError, redacted

EVERY = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Error)]


def test_the_tree_at_the_top_of_the_module_names_every_error_there_is():
    drawn = set(re.findall(r"[*+-] (\w*Error)\b", errors.__doc__ or ""))
    assert drawn == {e.__name__ for e in EVERY}


def test_only_what_could_not_be_asked_is_worth_asking_again():
    assert [e.__name__ for e in EVERY if e.retryable] == ["ProviderUnavailableError"]


def test_a_foreign_error_crosses_into_ours_without_the_secret_it_quotes():
    secret = Sensitive(secrets.token_urlsafe(16))

    def call() -> None:
        with redacted(secret):
            raise ValueError(f"cannot connect to postgres://app:{secret.reveal()}@db\nmore")

    with pytest.raises(ProviderError) as caught:
        call()
    printed = "".join(traceback.format_exception(caught.value))
    assert secret.reveal() not in printed
    assert str(caught.value) == "ValueError: cannot connect to postgres://app:[redacted]@db more"


def test_an_error_of_ours_passes_through_as_it_is():
    with pytest.raises(RotationError, match=r"^as it is$"), redacted(Sensitive("x")):
        raise RotationError("as it is")
