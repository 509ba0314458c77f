"""What Prefect knows of this stage: work pool, deployments, automations, made by `cdk deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

from stacks import record
from stacks.constructs.dependent_grants import grant_dependents
from stacks.constructs.grants import grant
from stacks.constructs.logged_function import LoggedFunction
from stacks.constructs.prefect_access import let_ask_prefect
from stacks.constructs.queue_reader import QueueReader
from stacks.constructs.task_events import queue_name
from stacks.packaging import PROJECT
from stacks.permissions import REGISTER
from wickie.deployment import parameter_name
from wickie.registration.build import build_manifest
from wickie.registration.custom_resource import REGISTRATION

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.packaging import CodeFor
    from wickie.config import Config, Network
    from wickie.config.prefect import Prefect


class RegistrationStack(Stack):
    """
    A function that tells Prefect, whenever that or the code that tells it changes.

    And one that tells it of containers that were killed, where it has no worker to do so.

    A stack of its own, and the last: a Prefect server that is down fails this one alone.
    """

    def __init__(
        self,
        scope: Construct,
        config: Config,
        prefect: Prefect,
        network: Network,
        code_for: CodeFor,
    ) -> None:
        super().__init__(
            scope,
            f"WickieRegistration-{config.stage}",
            description="wickie: what Prefect knows of this stage",
        )
        manifest = build_manifest(config, PROJECT / "prefect.yaml")
        code = code_for("register", files={"manifest.json": manifest.to_json()})
        function = LoggedFunction(
            self,
            "Register",
            name=f"wickie-{config.stage}-register",
            code=lambda_.Code.from_asset(str(code)),
            handler="lambdas.register.lambda_handler",
            environment={},
            timeout=Duration.minutes(5),
        )
        let_ask_prefect(function, network, prefect)
        grant(function.role, REGISTER, {"cloudformation": [self.stack_id]})
        if config.pusher:
            # Its rotation function gives the block the key; this one never sees it.
            grant_dependents(function.role, config, [config.pusher])
        if prefect.backend == "cloud-push":
            queue = self.format_arn(service="sqs", resource=queue_name(config.stage))
            QueueReader(
                self,
                "Observe",
                kind="observe",
                queue_arn=queue,
                stage=config.stage,
                prefect=prefect,
                network=network,
                code_for=code_for,
                settings={"pool": manifest.pool},
            )
        # Not an export of the other stack, which could then change none of what this one names.
        work_pool = ssm.StringParameter.value_for_string_parameter(
            self, parameter_name(config.stage, "work_pool")
        )
        keys = {
            "ApiKeySecret": prefect.api_key_secret,
            "AuthStringSecret": prefect.auth_string_secret,
        }
        CustomResource(
            self,
            "Registration",
            service_token=function.function.function_arn,
            resource_type=REGISTRATION,
            properties={
                "ApiUrl": prefect.api_url,
                "WorkPool": work_pool,
                # Of the manifest, and of the code that may apply it otherwise than before.
                "Digest": record.contents(code),
                **{name: secret for name, secret in keys.items() if secret},
            },
        )
