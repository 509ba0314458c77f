"""What CloudFormation's template language says, the local AWS understands."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stacks import Stacks, parameter, template

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


def test_a_parameter_from_the_parameter_store_survives_an_update(stacks: Stacks, read: Any) -> None:
    stacks.client("ssm").put_parameter(Name="/version", Value="33", Type="String")
    body = template(P=parameter({"Ref": "Version"}, "/p")) | {
        "Parameters": {
            "Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/version"}
        }
    }
    stacks.deploy("s", body)
    assert read("/p") == "33"
    stacks.client("ssm").put_parameter(Name="/version", Value="34", Type="String", Overwrite=True)
    previous = [{"ParameterKey": "Version", "UsePreviousValue": True}]
    assert stacks.deploy("s", body, Parameters=previous) == "UPDATE_COMPLETE"
    assert read("/p") == "34"
    (shown,) = stacks.describe("s")["Parameters"]
    assert (shown["ParameterValue"], shown["ResolvedValue"]) == ("/version", "34")


def test_a_rule_that_does_not_hold_is_refused_with_its_words(stacks: Stacks) -> None:
    body = template(P=parameter("v")) | {
        "Parameters": {"Version": {"Type": "String", "Default": "5"}},
        "Rules": {
            "Check": {
                "Assertions": [
                    {
                        "Assert": {"Fn::Not": [{"Fn::Contains": [["4", "5"], {"Ref": "Version"}]}]},
                        "AssertDescription": "Too old, bootstrap again.",
                    }
                ]
            }
        },
    }
    with pytest.raises(ClientError, match="Too old, bootstrap again"):
        stacks.deploy("s", body)
    newer = [{"ParameterKey": "Version", "ParameterValue": "33"}]
    assert stacks.deploy("s", body, Parameters=newer) == "CREATE_COMPLETE"


def test_an_export_in_use_can_neither_change_nor_go(stacks: Stacks, read: Any) -> None:
    exported = {"V": {"Value": {"Ref": "P"}, "Export": {"Name": "shared"}}}
    stacks.deploy("owner", template(outputs=exported, P=parameter("v", "/p")))
    user = template(U=parameter({"Fn::ImportValue": "shared"}, "/u"))
    assert stacks.deploy("user", user) == "CREATE_COMPLETE"
    assert read("/u") == "/p"
    with pytest.raises(ClientError, match="shared cannot be deleted as it is in use by user"):
        stacks.delete("owner")
    status = stacks.deploy("owner", template(outputs=exported, P=parameter("v", "/other")))
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "cannot be updated as it is in use by user" in stacks.reasons("owner")
    assert [stacks.delete("user"), stacks.delete("owner")] == ["DELETE_COMPLETE"] * 2


def test_a_weak_reference_reads_another_stacks_output(stacks: Stacks, read: Any) -> None:
    stacks.deploy("owner", template(outputs={"V": {"Value": "seen"}}, P=parameter("v")))
    weak = {"Fn::GetStackOutput": {"StackName": "owner", "OutputName": "V"}}
    stacks.deploy("user", template(U=parameter(weak, "/u")))
    assert read("/u") == "seen"
    assert stacks.delete("owner") == "DELETE_COMPLETE"


def test_a_dynamic_reference_is_in_no_record_of_the_stack(stacks: Stacks, read: Any) -> None:
    value = secrets.token_urlsafe()
    stacks.client("secretsmanager").create_secret(
        Name="login", SecretString=f'{{"password": "{value}"}}'
    )
    reference = "{{resolve:secretsmanager:login:SecretString:password}}"
    stacks.deploy("s", template(P=parameter(f"x-{reference}", "/p")))
    assert read("/p") == f"x-{value}"
    assert value not in str(stacks.describe("s")) + stacks.reasons("s")
    body = template(P=parameter(f"x-{reference}", "/p"))
    assert stacks.change_set("s", body, kind="UPDATE")["Status"] == "FAILED"  # no changes


def test_conditions_decide_what_exists_and_what_it_says(stacks: Stacks, read: Any) -> None:
    body = template(
        Always=parameter({"Fn::If": ["Prod", "prod", {"Ref": "AWS::NoValue"}]}, "/always"),
        Sometimes={**_definition(parameter("v", "/sometimes")), "Condition": "Prod"},
    ) | {
        "Parameters": {"Stage": {"Type": "String", "Default": "prod"}},
        "Conditions": {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
    }
    stacks.deploy("s", body)
    assert [read("/always"), read("/sometimes")] == ["prod", "v"]
    body["Resources"]["Always"]["Properties"]["Value"] = "same"
    dev = [{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    stacks.deploy("s", body, Parameters=dev)
    assert [read("/always"), read("/sometimes")] == ["same", None]


def test_yaml_with_short_forms_is_understood(stacks: Stacks, read: Any) -> None:
    body = """
    AWSTemplateFormatVersion: 2010-09-09
    Mappings: {Sizes: {small: {cpu: "256"}}}
    Resources:
      A: {Type: AWS::SSM::Parameter, Properties: {Name: /a, Type: String, Value: one}}
      B:
        Type: AWS::SSM::Parameter
        Properties:
          Name: /b
          Type: String
          Value: !Join ["-", [!Ref A, !GetAtt A.Value, !FindInMap [Sizes, small, cpu],
                              !Select [1, !Split [",", "x,y"]], !Sub "${AWS::Region}/${!raw}"]]
    """
    stacks.deploy("s", body)
    assert read("/b") == "/a-one-256-y-us-east-1/${raw}"


def test_a_circle_of_references_is_refused(stacks: Stacks) -> None:
    body = template(A=parameter({"Ref": "B"}), B=parameter({"Ref": "A"}))
    change_set = stacks.change_set("s", body, kind="CREATE")
    assert change_set["Status"] == "FAILED"
    assert "Circular dependency between resources" in change_set["StatusReason"]


def _definition(resource: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"Type": resource[0], "Properties": resource[1]}
