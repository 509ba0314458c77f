"""A value put where people put it: one function per kind of place, which tells where it lies."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

Service = Callable[[str], Any]
Plant = Callable[[Service, str, str], str]
"""Makes one resource of a name, with a text in it; returns the location that a finding has."""

_HERE: Final = "us-east-1:123456789012"
_ROLE: Final = "arn:aws:iam::123456789012:role/role"


def _script(text: str) -> str:
    return f"#!/bin/sh\nexport DB_PASSWORD={text}\n"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ec2_user_data(service: Service, name: str, text: str) -> str:
    ec2 = service("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
    packed = gzip.compress(_script(text).encode())
    image = {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}
    reply = ec2.run_instances(**image, UserData=packed, TagSpecifications=tags)
    return f"arn:aws:ec2:{_HERE}:instance/{reply['Instances'][0]['InstanceId']}#userData"


def ec2_launch_template(service: Service, name: str, text: str) -> str:
    ec2 = service("ec2")
    reply = ec2.create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"UserData": _base64(_script(text))}
    )
    ec2.create_launch_template_version(
        LaunchTemplateName=name, LaunchTemplateData={"UserData": _base64("#!/bin/sh")}
    )
    identifier = reply["LaunchTemplate"]["LaunchTemplateId"]
    return f"ec2-launch-template:us-east-1/{identifier}#1/userData"


def autoscaling_launch_configuration(service: Service, name: str, text: str) -> str:
    autoscaling = service("autoscaling")
    autoscaling.create_launch_configuration(
        LaunchConfigurationName=name,
        ImageId="ami-12345678",
        InstanceType="t3.micro",
        UserData=_base64(_script(text)),
    )
    reply = autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])
    return f"{reply['LaunchConfigurations'][0]['LaunchConfigurationARN']}#userData"


def ssm_parameter(service: Service, name: str, text: str) -> str:
    service("ssm").put_parameter(Name=name, Type="String", Value=text)
    return f"ssm-parameter:{name}#value"


def ssm_document(service: Service, name: str, text: str) -> str:
    steps = [{"action": "aws:runShellScript", "name": "x", "inputs": {"runCommand": [text]}}]
    service("ssm").create_document(
        Name=name,
        DocumentType="Command",
        Content=json.dumps({"schemaVersion": "2.2", "description": "d", "mainSteps": steps}),
    )
    return f"arn:aws:ssm:{_HERE}:document/{name}:1#content"


def cloudformation_stack(service: Service, name: str, text: str) -> str:
    template = {
        "Parameters": {"Password": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    reply = service("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Password", "ParameterValue": text}],
    )
    return f"{reply['StackId']}#parameters/Password"


def step_functions_state_machine(service: Service, name: str, text: str) -> str:
    headers = {"Authorization": f"Bearer {text}"}
    call = {"Type": "Pass", "Parameters": {"Headers": headers}, "End": True}
    reply = service("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "Call", "States": {"Call": call}}),
        roleArn=_ROLE,
    )
    return f"{reply['stateMachineArn']}#definition"


def step_functions_execution(service: Service, name: str, text: str) -> str:
    machine = step_functions_state_machine(service, name, "nothing").partition("#")[0]
    reply = service("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps({"password": text})
    )
    return f"{reply['executionArn']}#input"


def glue_job(service: Service, name: str, text: str) -> str:
    service("glue").create_job(
        Name=name,
        Role=_ROLE,
        Command={"Name": "glueetl", "ScriptLocation": "s3://b/k"},
        DefaultArguments={"--db-password": text},
    )
    return f"glue-job:us-east-1/{name}#DefaultArguments/--db-password"


def glue_connection(service: Service, name: str, text: str) -> str:
    properties = {"JDBC_CONNECTION_URL": "jdbc:mysql://db/shop", "PASSWORD": text}
    service("glue").create_connection(
        ConnectionInput={
            "Name": name,
            "ConnectionType": "JDBC",
            "ConnectionProperties": properties | {"ENCRYPTED_PASSWORD": text},
        }
    )
    return f"glue-connection:us-east-1/{name}#ConnectionProperties/PASSWORD"


def api_gateway_stage(service: Service, name: str, text: str) -> str:
    gateway = service("apigateway")
    api = gateway.create_rest_api(name=name)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**where, authorizationType="NONE")
    gateway.put_integration(**where, type="MOCK")
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(
        restApiId=api, stageName="live", deploymentId=deployment, variables={"token": text}
    )
    return f"arn:aws:apigateway:us-east-1::/restapis/{api}#stages/live/variables/token"


def api_gateway_v2_stage(service: Service, name: str, text: str) -> str:
    gateway = service("apigatewayv2")
    api = gateway.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(ApiId=api, StageName="live", StageVariables={"token": text})
    return f"arn:aws:apigateway:us-east-1::/apis/{api}#stages/live/StageVariables/token"


def batch_job_definition(service: Service, name: str, text: str) -> str:
    reply = service("batch").register_job_definition(
        jobDefinitionName=name,
        type="container",
        containerProperties={
            "image": "i",
            "resourceRequirements": [
                {"type": "VCPU", "value": "1"},
                {"type": "MEMORY", "value": "128"},
            ],
            "environment": [{"name": "DB_PASSWORD", "value": text}],
        },
    )
    return f"{reply['jobDefinitionArn']}#containerProperties/environment/DB_PASSWORD"


def sagemaker_model(service: Service, name: str, text: str) -> str:
    reply = service("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=_ROLE,
        PrimaryContainer={"Image": "i", "Environment": {"HUB_TOKEN": text}},
    )
    return f"{reply['ModelArn']}#PrimaryContainer/Environment/HUB_TOKEN"


def sagemaker_notebook_lifecycle(service: Service, name: str, text: str) -> str:
    reply = service("sagemaker").create_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, OnStart=[{"Content": _base64(_script(text))}]
    )
    return f"{reply['NotebookInstanceLifecycleConfigArn']}#OnStart/0"


def eventbridge_target(service: Service, name: str, text: str) -> str:
    events = service("events")
    bus = f"bus-of-{name}"
    events.create_event_bus(Name=bus)
    arn = events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["a"]}')["RuleArn"]
    target = {"Id": "t", "Arn": f"arn:aws:lambda:{_HERE}:function:f", "Input": json.dumps([text])}
    events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
    return f"{arn}#targets/t/Input"


def secretsmanager_metadata(service: Service, name: str, text: str) -> str:
    reply = service("secretsmanager").create_secret(
        Name=name, SecretString=text, Tags=[{"Key": "old-password", "Value": text}]
    )
    return f"{reply['ARN']}#tags/old-password"


def data_pipeline(service: Service, name: str, text: str) -> str:
    pipelines = service("datapipeline")
    identifier = pipelines.create_pipeline(name=name, uniqueId=name)["pipelineId"]
    fields = [{"key": "connectionString", "stringValue": f"jdbc:mysql://app:{text}@db"}]
    pipelines.put_pipeline_definition(
        pipelineId=identifier, pipelineObjects=[{"id": "Db", "name": "Db", "fields": fields}]
    )
    return f"data-pipeline:us-east-1/{identifier}#objects/Db/connectionString"


def lambda_environment(service: Service, name: str, text: str) -> str:
    role = service("iam").create_role(RoleName=f"of-{name}", AssumeRolePolicyDocument="{}")
    reply = service("lambda").create_function(
        FunctionName=name,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": b"x"},
        Environment={"Variables": {"DB_PASSWORD": text}},
    )
    return f"{reply['FunctionArn']}#DB_PASSWORD"


def ecs_task_definition(service: Service, name: str, text: str) -> str:
    container = {"name": "app", "image": "i", "memory": 1, "command": ["psql", text]}
    reply = service("ecs").register_task_definition(family=name, containerDefinitions=[container])
    return f"{reply['taskDefinition']['taskDefinitionArn']}#app/command"


def codebuild_project(service: Service, name: str, text: str) -> str:
    reply = service("codebuild").create_project(
        name=name,
        source={"type": "S3", "location": "b/k"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "i",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": "TOKEN", "value": text}],
        },
        serviceRole="arn:aws:iam::123456789012:role/service-role/build",
    )
    return f"{reply['project']['arn']}#environment/TOKEN"


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
