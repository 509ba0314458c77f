"""The stacks of one stage, split by how long what they hold lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from stacks.acknowledgements import acknowledge
from stacks.data import DataStack
from stacks.observability import ObservabilityStack
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
    data = DataStack(app, config)
    RotationStack(app, config, data, code_for)
    WorkPoolStack(app, config, data)
    ObservabilityStack(app, config, code_for)
    acknowledge(app, config)
