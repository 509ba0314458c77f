"""A function that a queue asks, and that tells Prefect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_

from stacks.constructs.grants import grant
from stacks.constructs.logged_function import LoggedFunction
from stacks.constructs.prefect_access import let_ask_prefect
from stacks.permissions import TAKE_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from stacks.packaging import CodeFor
    from wickie.config import Network
    from wickie.config.prefect import Prefect

_TIMEOUT: Final = Duration.seconds(30)
VISIBILITY: Final = Duration.minutes(3)
"""Of the queue: six times the function's timeout, as Lambda asks for."""


class QueueReader(LoggedFunction):
    """It finds its settings in a file beside its code, and Prefect's key in the secret's value."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        kind: str,
        queue_arn: str,
        stage: str,
        prefect: Prefect,
        network: Network,
        code_for: CodeFor,
        settings: Mapping[str, Any],
    ) -> None:
        keys = {"api_key": prefect.api_key_secret, "auth_string": prefect.auth_string_secret}
        text = json.dumps({"api_url": prefect.api_url, "keys": keys, **settings}, sort_keys=True)
        super().__init__(
            scope,
            id_,
            name=f"wickie-{stage}-{kind}",
            code=lambda_.Code.from_asset(str(code_for(kind, files={"settings.json": text}))),
            handler=f"lambdas.{kind}.lambda_handler",
            environment={},
            timeout=_TIMEOUT,
        )
        let_ask_prefect(self, network, prefect)
        grant(self.role, TAKE_MESSAGES, {"sqs": [queue_arn]})
        mapping = lambda_.EventSourceMapping(
            self, "Source", target=self.function, event_source_arn=queue_arn, batch_size=1
        )
        # Lambda looks whether the role may read the queue before it takes the mapping.
        mapping.node.add_dependency(self.role)
