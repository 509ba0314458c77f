"""Where credentials leak: one module per kind of place, by the name it has in wickie.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError
from wickie.scan.sources import (
    amplify,
    api_gateway,
    api_gateway_v2,
    appsync,
    autoscaling,
    aws_lambda,
    batch,
    cloudformation,
    cloudwatch_logs,
    codebuild,
    data_pipeline,
    directory,
    ec2,
    ec2_launch_template,
    ecr_image,
    ecs,
    eventbridge,
    git,
    glue_connection,
    glue_job,
    lambda_code,
    prefect,
    s3,
    sagemaker_model,
    sagemaker_notebook,
    secrets_manager,
    ssm_document,
    ssm_parameter,
    step_functions,
    step_functions_execution,
)
from wickie.scan.sources.kind import Kind, listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.aws import Clients
    from wickie.prefect import PrefectServer
    from wickie.scan.chunk import Source


SOURCES: Final[Mapping[str, Kind]] = {
    "directory": Kind(
        "files, and what archives and compressed files hold",
        directory.open_directory,
        unchanged="inode, size and times",
        reach="once",
        sized=True,
    ),
    "git": Kind(
        "every version of every file that any ref leads to",
        git.open_repository,
        unchanged="blob",
        reach="once",
    ),
    "s3": Kind(
        "objects, and what archives and compressed files hold",
        s3.open_bucket,
        s3.PERMISSIONS,
        unchanged="ETag and size",
        reach="once",
        sized=True,
    ),
    "prefect": Kind(
        "variables and deployments of Prefect; parameters, logs and artifacts of recent runs",
        prefect.open_prefect,
        unchanged="time of the last update",
        reach="once",
    ),
    "lambda-code": Kind(
        "code of functions and their published versions, and layers",
        lambda_code.open_code,
        lambda_code.PERMISSIONS,
        unchanged="SHA-256 of the code",
    ),
    "ecr-image": Kind(
        "manifests, configurations and layers of images, each layer once",
        ecr_image.open_registry,
        ecr_image.PERMISSIONS,
        unchanged="digest",
    ),
    "cloudwatch-logs": Kind(
        "events of the last hours, in every stream of the log groups",
        cloudwatch_logs.open_logs,
        cloudwatch_logs.PERMISSIONS,
        unchanged="a stream's last event",
    ),
    aws_lambda.KIND: listing(
        "environment variables of functions and their published versions",
        aws_lambda,
        "lambda",
        aws_lambda.environments,
    ),
    ecs.KIND: listing(
        "environment, commands, labels and log options of active task definitions",
        ecs,
        "ecs",
        ecs.definitions,
        unchanged="revision",
    ),
    codebuild.KIND: listing(
        "environment variables and build specifications of projects",
        codebuild,
        "codebuild",
        codebuild.projects,
    ),
    ec2.KIND: listing(
        "user data of instances, and what gzip files in it hold",
        ec2,
        "ec2",
        ec2.instances,
        unchanged="launch time, while it runs",
    ),
    ec2_launch_template.KIND: listing(
        "user data of every version of launch templates",
        ec2_launch_template,
        "ec2",
        ec2_launch_template.templates,
    ),
    autoscaling.KIND: listing(
        "user data of launch configurations",
        autoscaling,
        "autoscaling",
        autoscaling.configurations,
        unchanged="ARN",
    ),
    ssm_parameter.KIND: listing(
        "values and descriptions of parameters that are String or StringList",
        ssm_parameter,
        "ssm",
        ssm_parameter.parameters,
        unchanged="version and time of the last change",
    ),
    ssm_document.KIND: listing(
        "every version of the account's own documents",
        ssm_document,
        "ssm",
        ssm_document.documents,
        unchanged="version and its creation time",
    ),
    cloudformation.KIND: listing(
        "templates, parameters and outputs of stacks",
        cloudformation,
        "cloudformation",
        cloudformation.stacks,
        unchanged="time of the last update, and status",
    ),
    step_functions.KIND: listing(
        "definitions of state machines",
        step_functions,
        "stepfunctions",
        step_functions.state_machines,
    ),
    step_functions_execution.KIND: listing(
        "input, output and error of the latest 100 executions of each standard state machine",
        step_functions_execution,
        "stepfunctions",
        step_functions_execution.executions,
        unchanged="status and stop time",
    ),
    glue_job.KIND: listing(
        "arguments and descriptions of jobs",
        glue_job,
        "glue",
        glue_job.jobs,
        tells_account=False,
    ),
    glue_connection.KIND: listing(
        "properties of connections, with their password unless Glue encrypts it",
        glue_connection,
        "glue",
        glue_connection.connections,
        tells_account=False,
    ),
    api_gateway.KIND: listing(
        "variables and descriptions of the stages of REST APIs",
        api_gateway,
        "apigateway",
        api_gateway.apis,
    ),
    api_gateway_v2.KIND: listing(
        "variables and descriptions of the stages of HTTP and WebSocket APIs",
        api_gateway_v2,
        "apigatewayv2",
        api_gateway_v2.apis,
    ),
    appsync.KIND: listing(
        "environment, data sources, functions, resolvers and key descriptions of GraphQL APIs",
        appsync,
        "appsync",
        appsync.apis,
    ),
    batch.KIND: listing(
        "parameters, containers and tags of active job definitions",
        batch,
        "batch",
        batch.definitions,
    ),
    sagemaker_model.KIND: listing(
        "environment of the containers of models",
        sagemaker_model,
        "sagemaker",
        sagemaker_model.models,
        unchanged="creation time",
    ),
    sagemaker_notebook.KIND: listing(
        "scripts of notebook lifecycle configurations",
        sagemaker_notebook,
        "sagemaker",
        sagemaker_notebook.lifecycles,
        unchanged="time of the last change",
    ),
    amplify.KIND: listing(
        "environment, build specification and credentials of apps and their branches",
        amplify,
        "amplify",
        amplify.apps,
    ),
    eventbridge.KIND: listing(
        "what rules send to their targets: input, transformer, headers",
        eventbridge,
        "events",
        eventbridge.rules,
    ),
    secrets_manager.KIND: listing(
        "descriptions, tags and resource policies of secrets; never their values",
        secrets_manager,
        "secretsmanager",
        secrets_manager.secrets,
    ),
    data_pipeline.KIND: listing(
        "objects and parameters of pipelines",
        data_pipeline,
        "datapipeline",
        data_pipeline.pipelines,
        tells_account=False,
    ),
}


def apis(kind: str) -> tuple[str, ...]:
    """Which of AWS's APIs are asked for targets of a kind, by their names in IAM."""
    asked = (permission.partition(":")[0] for permission in SOURCES[kind].permissions)
    return tuple(dict.fromkeys(asked))


def open_source(
    kind: str, options: Mapping[str, Any], clients: Clients | PrefectServer | None
) -> Source:
    """Open a target as wickie.yaml describes it. Nothing is read before its artifacts are."""
    if kind not in SOURCES:
        raise ConfigError(f"no source {kind!r}; use one of {', '.join(sorted(SOURCES))}")
    try:
        return SOURCES[kind].open(options, clients)
    except KeyError as error:
        raise ConfigError(f"a {kind} target needs {error.args[0]}; add it") from None
