"""Who starts tasks for Prefect Cloud: a user whose access key wickie itself rotates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.grants import grant
from stacks.constructs.logged_function import LoggedFunction
from stacks.constructs.submission import let_submit
from stacks.permissions import PUSHER_KEY
from wickie.config.prefect import pusher_name
from wickie.registration.custom_resource import PUSHER_KEY as RESOURCE_TYPE

if TYPE_CHECKING:
    from stacks.constructs.flow_task import FlowTask
    from stacks.packaging import CodeFor
    from wickie.config import Config

_SESSION = Duration.hours(1)


class Pusher(Construct):
    """
    User, role, secret, and a function that makes the first key and, in the end, deletes the last.

    The key may do nothing but assume the role, which may start flows of this stage and stop them.
    `assume_role: false` gives the user itself what the role may do.
    """

    role_arn = ""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: Config,
        cluster: str,
        task: FlowTask,
        code_for: CodeFor,
    ) -> None:
        super().__init__(scope, id_)
        name = pusher_name(config.stage)
        user = iam.User(self, "User", user_name=name)
        submits: iam.IRole | iam.User = user
        if config.prefect and config.prefect.assume_role:
            role = iam.Role(
                self,
                "Role",
                role_name=name,
                # By a condition: IAM knows a user that was just made as a principal only later.
                assumed_by=iam.AccountRootPrincipal().with_conditions(
                    {"ArnEquals": {"aws:PrincipalArn": user.user_arn}}
                ),
                description="wickie: starts flows for Prefect Cloud",
                max_session_duration=_SESSION,
            )
            user.add_to_policy(
                iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[role.role_arn])
            )
            self.role_arn, submits = role.role_arn, role
        let_submit(submits, cluster, task)
        self._keep_key(config, user, code_for)

    def _keep_key(self, config: Config, user: iam.User, code_for: CodeFor) -> None:
        assert config.pusher  # noqa: S101  (whoever makes this has looked)
        secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            name=config.pusher.name,
            description=f"wickie {config.stage}: an access key of its pusher",
        )
        secret.apply_removal_policy(RemovalPolicy.DESTROY)
        function = LoggedFunction(
            self,
            "FirstKey",
            name=f"wickie-{config.stage}-first-key",
            code=lambda_.Code.from_asset(str(code_for("register"))),
            handler="lambdas.register.lambda_handler",
            environment={},
            timeout=Duration.minutes(2),
        )
        on = {"iam": [user.user_arn], "secretsmanager": [secret.ref]}
        grant(function.role, PUSHER_KEY, on)
        CustomResource(
            self,
            "Key",
            service_token=function.function.function_arn,
            resource_type=RESOURCE_TYPE,
            properties={"User": user.user_name, "Secret": secret.ref},
        )
