"""The stacks of one stage, split by how long what they hold lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import App, Stack, Tags, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from stacks.acknowledgements import acknowledge
from stacks.constructs.endpoints import services_asked
from stacks.data import DataStack
from stacks.network import NetworkStack
from stacks.observability import ObservabilityStack
from stacks.prefect import PrefectStack
from stacks.registration import RegistrationStack
from stacks.response import ResponseStack
from stacks.rotation import RotationStack
from stacks.work_pool import WorkPoolStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from stacks.packaging import CodeFor
    from wickie.config import Config


def new_app(
    cdk_json: Path,
    outdir: Path | None = None,
    *,
    thorough: bool = False,
    packs: Iterable[Callable[[App], Any]] = (AwsSolutionsChecks, ServerlessChecks),
) -> App:
    """
    Make an app whose synthesis fails on a finding of cdk-nag's `packs` that is not acknowledged.

    `thorough` adds the CDK's own validation of templates. It takes longer than all the rest
    (some 9 s of 17, cold, on two busy cores), so tests have it and deployments, whose templates
    differ only by what wickie.yaml says, have not.

    The CDK CLI passes the flags of `cdk_json` along; whoever runs the app without it, as tests
    do, would get other templates if they were not read here.
    """
    flags = json.loads(cdk_json.read_text())["context"]
    app = App(
        context=flags,
        outdir=str(outdir) if outdir else None,
        builtin_cloud_formation_validation=thorough,
    )
    Validations.of(app).add_plugins(*(pack(app) for pack in packs))
    return app


def add_stage(app: App, config: Config, code_for: CodeFor) -> None:
    """
    Add one stage's stacks to `app`. Raises `ConfigError` for what AWS would refuse.

    Env-agnostic on purpose: the account and region are whoever's credentials deploy it.
    """
    network, data = NetworkStack(app, config), DataStack(app, config)
    work_pool = WorkPoolStack(app, config, data, network.flows, code_for)
    prefect = None
    if config.prefect and config.prefect.server:
        prefect = PrefectStack(
            app,
            config,
            config.prefect,
            config.prefect.server,
            network=network.flows,
            data=data,
            work_pool=work_pool,
        )
    rotation = RotationStack(app, config, data, network.functions, code_for, prefect=prefect)
    inside: list[Stack] = [rotation, work_pool]
    stacks: list[Stack] = [network, data, ObservabilityStack(app, config, code_for)]
    for user in (rotation, work_pool):
        user.add_stack_dependency(network)  # endpoints in a VPC of yours are not referred to
    if config.pusher:
        rotation.add_stack_dependency(work_pool, reason="the secret that it rotates is made there")
    if prefect:
        inside.append(prefect)
        prefect.add_stack_dependency(network)
        rotation.add_stack_dependency(prefect, reason="the secret that it rotates is made there")
    if config.prefect:
        registration = RegistrationStack(app, config, config.prefect, network.functions, code_for)
        registration.add_stack_dependency(work_pool, reason="it reads what that one publishes")
        registration.add_stack_dependency(
            rotation, reason="a block of Prefect gets its key from there"
        )
        told: list[Stack] = [registration]
        if config.events:
            told.append(ResponseStack(app, config, config.prefect, network.functions, code_for))
        (inside if prefect else stacks).extend(told)
    network.reach(services_asked(*inside))
    for stack in (*stacks, *inside):
        _mark(stack, config)
    acknowledge(app, config)


def _mark(stack: Stack, config: Config) -> None:
    """Give what is in it the tags and the boundary that wickie.yaml wants."""
    for key, value in config.tags.items():
        Tags.of(stack).add(key, value)
    if arn := config.permissions_boundary:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", arn)
        iam.PermissionsBoundary.of(stack).apply(boundary)
