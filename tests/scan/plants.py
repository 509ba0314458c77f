"""A setting put where people put it: one function per kind of place, which tells where it lies."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple


class Setting(NamedTuple):
    """What people give a name and a text, as variables have them."""

    label: str
    text: str


Service = Callable[[str], Any]
Plant = Callable[[Service, str, Setting], str]
"""Makes one resource of a name, with a setting in it; returns the location that a finding has."""

_HERE: Final = "us-east-1:123456789012"
_ROLE: Final = "arn:aws:iam::123456789012:role/role"


_NOTHING: Final = Setting("LEVEL", "info")


def _script(setting: Setting) -> str:
    return f"#!/bin/sh\nexport {setting.label}={setting.text}\n"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ec2_user_data(service: Service, name: str, setting: Setting) -> str:
    ec2 = service("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
    packed = gzip.compress(_script(setting).encode())
    image = {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}
    reply = ec2.run_instances(**image, UserData=packed, TagSpecifications=tags)
    return f"arn:aws:ec2:{_HERE}:instance/{reply['Instances'][0]['InstanceId']}#userData"


def ec2_launch_template(service: Service, name: str, setting: Setting) -> str:
    ec2 = service("ec2")
    reply = ec2.create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"UserData": _base64(_script(setting))}
    )
    ec2.create_launch_template_version(
        LaunchTemplateName=name, LaunchTemplateData={"UserData": _base64("#!/bin/sh")}
    )
    identifier = reply["LaunchTemplate"]["LaunchTemplateId"]
    return f"arn:aws:ec2:{_HERE}:launch-template/{identifier}#1/userData"


def autoscaling_launch_configuration(service: Service, name: str, setting: Setting) -> str:
    autoscaling = service("autoscaling")
    autoscaling.create_launch_configuration(
        LaunchConfigurationName=name,
        ImageId="ami-12345678",
        InstanceType="t3.micro",
        UserData=_script(setting),  # boto3 encodes it
    )
    reply = autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])
    return f"{reply['LaunchConfigurations'][0]['LaunchConfigurationARN']}#userData"


def ssm_parameter(service: Service, name: str, setting: Setting) -> str:
    parameter = f"{name}.{setting.label}"
    service("ssm").put_parameter(Name=parameter, Type="String", Value=setting.text)
    return f"ssm-parameter:{parameter}#value"


def ssm_document(service: Service, name: str, setting: Setting) -> str:
    inputs = {"runCommand": [f"export {setting.label}={setting.text}"]}
    steps = [{"action": "aws:runShellScript", "name": "x", "inputs": inputs}]
    service("ssm").create_document(
        Name=name,
        DocumentType="Command",
        Content=json.dumps({"schemaVersion": "2.2", "description": "d", "mainSteps": steps}),
    )
    return f"arn:aws:ssm:{_HERE}:document/{name}:1#content"


def cloudformation_stack(service: Service, name: str, setting: Setting) -> str:
    parameter = setting.label.title().replace("_", "")
    template = {
        "Parameters": {parameter: {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    reply = service("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": parameter, "ParameterValue": setting.text}],
    )
    return f"{reply['StackId']}#parameters/{parameter}"


def step_functions_state_machine(service: Service, name: str, setting: Setting) -> str:
    call = {"Type": "Pass", "Parameters": {setting.label: setting.text}, "End": True}
    reply = service("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "Call", "States": {"Call": call}}),
        roleArn=_ROLE,
    )
    return f"{reply['stateMachineArn']}#definition"


def step_functions_execution(service: Service, name: str, setting: Setting) -> str:
    machine = step_functions_state_machine(service, name, _NOTHING).partition("#")[0]
    reply = service("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps({setting.label: setting.text})
    )
    return f"{reply['executionArn']}#input"


def glue_job(service: Service, name: str, setting: Setting) -> str:
    service("glue").create_job(
        Name=name,
        Role=_ROLE,
        Command={"Name": "glueetl", "ScriptLocation": "s3://b/k"},
        DefaultArguments={f"--{setting.label}": setting.text},
    )
    return f"arn:aws:glue:{_HERE}:job/{name}#DefaultArguments/--{setting.label}"


def glue_connection(service: Service, name: str, setting: Setting) -> str:
    properties = {"JDBC_CONNECTION_URL": "jdbc:mysql://db/shop", setting.label: setting.text}
    service("glue").create_connection(
        ConnectionInput={
            "Name": name,
            "ConnectionType": "JDBC",
            "ConnectionProperties": properties | {"ENCRYPTED_PASSWORD": setting.text},
        }
    )
    return f"arn:aws:glue:{_HERE}:connection/{name}#ConnectionProperties/{setting.label}"


def api_gateway_stage(service: Service, name: str, setting: Setting) -> str:
    gateway = service("apigateway")
    api = gateway.create_rest_api(name=name)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**where, authorizationType="NONE")
    gateway.put_integration(**where, type="MOCK")
    deployment = gateway.create_deployment(restApiId=api)["id"]
    stage = {"stageName": "live", "variables": {setting.label: setting.text}}
    gateway.create_stage(restApiId=api, deploymentId=deployment, **stage)
    return f"arn:aws:apigateway:us-east-1::/restapis/{api}#stages/live/variables/{setting.label}"


def api_gateway_v2_stage(service: Service, name: str, setting: Setting) -> str:
    gateway = service("apigatewayv2")
    api = gateway.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(ApiId=api, StageName="live", StageVariables={setting.label: setting.text})
    return f"arn:aws:apigateway:us-east-1::/apis/{api}#stages/live/StageVariables/{setting.label}"


def batch_job_definition(service: Service, name: str, setting: Setting) -> str:
    reply = service("batch").register_job_definition(
        jobDefinitionName=name,
        type="container",
        containerProperties={
            "image": "i",
            "resourceRequirements": [
                {"type": "VCPU", "value": "1"},
                {"type": "MEMORY", "value": "128"},
            ],
            "environment": [{"name": setting.label, "value": setting.text}],
        },
    )
    return f"{reply['jobDefinitionArn']}#containerProperties/environment/{setting.label}"


def sagemaker_model(service: Service, name: str, setting: Setting) -> str:
    reply = service("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=_ROLE,
        PrimaryContainer={"Image": "i", "Environment": {setting.label: setting.text}},
    )
    return f"{reply['ModelArn']}#PrimaryContainer/Environment/{setting.label}"


def sagemaker_notebook_lifecycle(service: Service, name: str, setting: Setting) -> str:
    reply = service("sagemaker").create_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, OnStart=[{"Content": _base64(_script(setting))}]
    )
    return f"{reply['NotebookInstanceLifecycleConfigArn']}#OnStart/0"


def eventbridge_target(service: Service, name: str, setting: Setting) -> str:
    events = service("events")
    bus = f"bus-of-{name}"
    events.create_event_bus(Name=bus)
    arn = events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["a"]}')["RuleArn"]
    sent = json.dumps({setting.label: setting.text})
    target = {"Id": "t", "Arn": f"arn:aws:lambda:{_HERE}:function:f", "Input": sent}
    events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
    return f"{arn}#targets/t/Input"


def secretsmanager_metadata(service: Service, name: str, setting: Setting) -> str:
    reply = service("secretsmanager").create_secret(
        Name=name, SecretString="x", Tags=[{"Key": setting.label, "Value": setting.text}]
    )
    return f"{reply['ARN']}#tags/{setting.label}"


def data_pipeline(service: Service, name: str, setting: Setting) -> str:
    pipelines = service("datapipeline")
    identifier = pipelines.create_pipeline(name=name, uniqueId=name)["pipelineId"]
    fields = [{"key": setting.label, "stringValue": setting.text}]
    pipelines.put_pipeline_definition(
        pipelineId=identifier, pipelineObjects=[{"id": "Db", "name": "Db", "fields": fields}]
    )
    return f"arn:aws:datapipeline:{_HERE}:pipeline/{identifier}#objects/Db/{setting.label}"


def lambda_environment(service: Service, name: str, setting: Setting) -> str:
    role = service("iam").create_role(RoleName=f"of-{name}", AssumeRolePolicyDocument="{}")
    reply = service("lambda").create_function(
        FunctionName=name,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": b"x"},
        Environment={"Variables": {setting.label: setting.text}},
    )
    return f"{reply['FunctionArn']}#{setting.label}"


def ecs_task_definition(service: Service, name: str, setting: Setting) -> str:
    command = ["app", f"--{setting.label}={setting.text}"]
    container = {"name": "app", "image": "i", "memory": 1, "command": command}
    reply = service("ecs").register_task_definition(family=name, containerDefinitions=[container])
    return f"{reply['taskDefinition']['taskDefinitionArn']}#app/command"


def codebuild_project(service: Service, name: str, setting: Setting) -> str:
    reply = service("codebuild").create_project(
        name=name,
        source={"type": "S3", "location": "b/k"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "i",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": setting.label, "value": setting.text}],
        },
        serviceRole="arn:aws:iam::123456789012:role/service-role/build",
    )
    return f"{reply['project']['arn']}#environment/{setting.label}"


PLANTS: Final[Mapping[str, Plant]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        lambda_environment,
        ecs_task_definition,
        codebuild_project,
        ec2_user_data,
        ec2_launch_template,
        autoscaling_launch_configuration,
        ssm_parameter,
        ssm_document,
        cloudformation_stack,
        step_functions_state_machine,
        step_functions_execution,
        glue_job,
        glue_connection,
        api_gateway_stage,
        api_gateway_v2_stage,
        batch_job_definition,
        sagemaker_model,
        sagemaker_notebook_lifecycle,
        eventbridge_target,
        secretsmanager_metadata,
        data_pipeline,
    )
}
