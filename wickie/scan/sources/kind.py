"""What a kind of place is: how it is opened, and what reading it takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from wickie.scan.sources.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wickie.aws import Clients
    from wickie.model import Gap
    from wickie.scan.chunk import Artifact, Source


@dataclass(frozen=True)
class Kind:
    """One kind of place: how it is opened, and what reading it takes."""

    reads: str
    """What of it is looked at, for docs/sources.md."""
    open: Callable[[Mapping[str, Any], Any], Source]
    """Takes `Clients`, or a `PrefectServer` where that is what is read."""
    permissions: tuple[str, ...] = ()
    """In IAM; the scanner's role is granted exactly these."""
    unchanged: str = "the same text"
    """By what an artifact is known from an earlier scan, for docs/sources.md."""
    reach: Literal["once", "accounts", "regions"] = "regions"
    """Where there is one of it: whether it is read in every account, and in every region."""
    sized: bool = False
    """Whether listing it tells how large its artifacts are."""


def listing(
    reads: str,
    module: Any,
    service: str,
    artifacts: Callable[..., Iterator[Artifact | Gap]],
    *,
    tells_account: bool = True,
    **more: Any,
) -> Kind:
    """
    What one AWS API lists, narrowed to names that start with `prefix`.

    Where its replies do not have the account, `artifacts` takes what asks for it.
    """

    def open_listing(options: Mapping[str, str], clients: Clients) -> Listing:
        prefix = options.get("prefix", "")
        asked = {} if tells_account else {"account": partial(_account, clients)}
        read = partial(artifacts, clients.service(service), prefix, **asked)
        return Listing(module.KIND, prefix, module.PERMISSIONS, read)

    return Kind(reads, open_listing, module.PERMISSIONS, **more)


def _account(clients: Clients) -> str:
    return str(clients.service("sts").get_caller_identity()["Account"])
