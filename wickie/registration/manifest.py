"""What is registered with Prefect for one stage, but for what only a deployment knows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFERENCE: Final = "$id"
"""`{"$id": "deployment/upkeep/prod"}` stands for the id that Prefect gave to that one."""


def limit_name(stage: str, api: str) -> str:
    """What the concurrency limit of an AWS API is called in Prefect."""
    return f"wickie-{stage}-{api}"


@dataclass(frozen=True)
class Manifest:
    """Plain data, written at synthesis and applied by a function, or from a laptop."""

    stage: str
    pool_type: str
    base_job_template: Mapping[str, Any]
    """prefect-aws's own; `work_pool.base_job_template` makes it the stage's."""
    deployments: Sequence[Mapping[str, Any]]
    """As `prefect deploy` would send them, but with the flow's name for its id."""
    automations: Sequence[Mapping[str, Any]] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    """How many targets are scanned at once, by the concurrency limit's name."""
    credentials: str | None = None
    """The block with which a push work pool signs in to AWS; its key goes into it by rotation."""
    notified: str | None = None
    """Block that automations send to, which is there already: slug of its type, a slash, name."""
    filled: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Dependents by secret: blocks that are given their first value once they are made."""

    @property
    def pool(self) -> str:
        """The work pool's name."""
        return f"wickie-{self.stage}"

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """The same for the same input, so that its digest tells when it changed."""
        return json.dumps(asdict(self), sort_keys=True)
