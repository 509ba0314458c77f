"""CloudFormation of the local AWS deploys, updates, rolls back and deletes as AWS's does."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stacks import Stacks, in_process, parameter, template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[Stacks]:
    with in_process(tmp_path) as stacks:
        yield stacks


@pytest.fixture
def read(stacks: Stacks) -> Any:
    """Read an SSM parameter; None if there is none."""

    def value(name: str) -> str | None:
        try:
            return str(stacks.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError:
            return None

    return value


def test_a_change_set_makes_resources_and_shows_outputs(stacks: Stacks, read: Any) -> None:
    outputs = {"Name": {"Value": {"Ref": "Greeting"}, "Export": {"Name": "greeting"}}}
    status = stacks.deploy("s", template(outputs=outputs, Greeting=parameter("hello", "/g")))
    assert status == "CREATE_COMPLETE"
    assert stacks.outputs("s") == {"Name": "/g"}
    assert read("/g") == "hello"
    (export,) = stacks.api.list_exports()["Exports"]
    assert (export["Name"], export["Value"]) == ("greeting", "/g")


def test_resources_are_made_after_what_they_need_and_deleted_before_it(stacks: Stacks) -> None:
    body = template(
        C={**_definition(parameter("c")), "DependsOn": ["B"]},
        B=parameter({"Fn::Sub": "${A}-${A.Type}"}),
        A=parameter("a"),
    )
    stacks.deploy("s", body)
    assert _finished(stacks.events("s"), "CREATE_COMPLETE") == ["A", "B", "C", "s"]
    identity = stacks.describe("s")["StackId"]
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert _finished(stacks.events(identity), "DELETE_COMPLETE") == ["C", "B", "A", "s"]


def test_two_stacks_may_have_change_sets_of_one_name(stacks: Stacks, read: Any) -> None:
    for name in ("one", "two"):
        stacks.change_set(name, template(P=parameter(name, f"/{name}")), kind="CREATE")
    for name in ("one", "two"):
        stacks.api.execute_change_set(ChangeSetName="c", StackName=name)
    assert [read("/one"), read("/two")] == ["one", "two"]


def test_the_second_deployment_of_the_same_template_has_no_changes(stacks: Stacks) -> None:
    body = template(P=parameter("v"))
    stacks.deploy("s", body)
    change_set = stacks.change_set("s", body, kind="UPDATE")
    assert change_set["Status"] == "FAILED"
    assert change_set["StatusReason"].startswith(
        "The submitted information didn't contain changes."
    )


def test_a_preview_tells_what_is_added_changed_replaced_and_removed(stacks: Stacks) -> None:
    stacks.deploy(
        "s",
        template(
            Same=parameter("1"), Value=parameter("1"), Name=parameter("1"), Gone=parameter("1")
        ),
    )
    body = template(
        Same=parameter("1"),
        Value=parameter("2"),
        Name=parameter("1", "/new"),
        New=parameter({"Ref": "Name"}),
    )
    changes = stacks.change_set("s", body, kind="UPDATE")["Changes"]
    found = {
        c["ResourceChange"]["LogicalResourceId"]: (
            c["ResourceChange"]["Action"],
            c["ResourceChange"].get("Replacement"),
        )
        for c in changes
    }
    assert found == {
        "Value": ("Modify", "False"),
        "Name": ("Modify", "True"),
        "New": ("Add", None),
        "Gone": ("Remove", None),
    }


def test_an_immutable_property_replaces_and_the_old_one_goes_last(
    stacks: Stacks, read: Any
) -> None:
    stacks.deploy("s", template(P=parameter("v", "/old"), User=parameter({"Ref": "P"}, "/user")))
    stacks.deploy("s", template(P=parameter("v", "/new"), User=parameter({"Ref": "P"}, "/user")))
    assert [read("/old"), read("/new"), read("/user")] == [None, "v", "/new"]
    events = stacks.events("s")
    assert events.index(("User", "UPDATE_COMPLETE")) < events.index(("P", "DELETE_COMPLETE"))
    assert ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") in events


def test_what_a_policy_retains_outlives_its_stack(stacks: Stacks, read: Any) -> None:
    kept = {**_definition(parameter("v", "/kept")), "DeletionPolicy": "Retain"}
    stacks.deploy("s", template(Kept=kept, Gone=parameter("v", "/gone")))
    assert stacks.delete("s") == "DELETE_COMPLETE"
    assert [read("/kept"), read("/gone")] == ["v", None]


def test_a_failing_creation_is_rolled_back(stacks: Stacks, read: Any) -> None:
    body = template(Good=parameter("v", "/good"), Bad=_broken({"Ref": "Good"}))
    assert stacks.deploy("s", body) == "ROLLBACK_COMPLETE"
    assert read("/good") is None
    assert ("Bad", "CREATE_FAILED") in stacks.events("s")
    assert "no-such-role" in stacks.reasons("s")
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        stacks.change_set("s", body, kind="UPDATE")
    assert stacks.delete("s") == "DELETE_COMPLETE"


def test_a_failing_update_goes_back_to_what_was(stacks: Stacks, read: Any) -> None:
    before = template(Changed=parameter("1", "/changed"), Named=parameter("1", "/old-name"))
    stacks.deploy("s", before)
    status = stacks.deploy(
        "s",
        template(
            Changed=parameter("2", "/changed"),
            Named=parameter("1", "/new-name"),
            Added=parameter("1", "/added"),
            Bad={**_definition(_broken("x")), "DependsOn": ["Changed", "Named", "Added"]},
        ),
    )
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    values = [read(f"/{name}") for name in ("changed", "old-name", "new-name", "added")]
    assert values == ["1", "1", None, None]
    assert stacks.change_set("s", before, kind="UPDATE")["Status"] == "FAILED"  # no changes


def test_without_rollback_a_failure_can_be_mended(stacks: Stacks, read: Any) -> None:
    body = template(Good=parameter("v", "/good"), Bad=_broken({"Ref": "Good"}))
    stacks.change_set("s", body, kind="CREATE")
    stacks.api.execute_change_set(ChangeSetName="c", StackName="s", DisableRollback=True)
    assert stacks.status("s") == "CREATE_FAILED"
    assert read("/good") == "v"
    mended = template(Good=parameter("v", "/good"), Bad=parameter({"Ref": "Good"}, "/bad"))
    assert stacks.deploy("s", mended) == "UPDATE_COMPLETE"
    assert read("/bad") == "/good"


def test_an_unknown_type_is_refused_by_name(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Foo::Bar\]"):
        stacks.deploy("s", template(X=("AWS::Foo::Bar", {})))
    assert stacks.api.describe_stacks()["Stacks"] == []


def test_a_property_nothing_emulates_fails_the_stack(stacks: Stacks) -> None:
    odd = ("AWS::SSM::Parameter", {"Type": "String", "Value": "v", "Colour": "red"})
    assert stacks.deploy("s", template(X=odd)) == "ROLLBACK_COMPLETE"
    assert "property Colour is not emulated" in stacks.reasons("s")


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


def test_the_stacks_tags_are_its_resources_tags(stacks: Stacks) -> None:
    def tags() -> dict[str, str]:
        where = {"ResourceType": "Parameter", "ResourceId": "/p"}
        found = stacks.client("ssm").list_tags_for_resource(**where)["TagList"]
        return {tag["Key"]: tag["Value"] for tag in found}

    kind, properties = parameter("v", "/p")
    body = template(P=(kind, properties | {"Tags": {"own": "1"}}))
    stacks.deploy("s", body, Tags=[{"Key": "app", "Value": "a"}, {"Key": "old", "Value": "o"}])
    assert tags() == {"app": "a", "old": "o", "own": "1"}
    stacks.deploy("s", body, Tags=[{"Key": "app", "Value": "b"}])
    assert tags() == {"app": "b", "own": "1"}


def test_a_circle_of_references_is_refused(stacks: Stacks) -> None:
    body = template(A=parameter({"Ref": "B"}), B=parameter({"Ref": "A"}))
    change_set = stacks.change_set("s", body, kind="CREATE")
    assert change_set["Status"] == "FAILED"
    assert "Circular dependency between resources" in change_set["StatusReason"]


def test_what_cannot_be_deleted_keeps_what_it_needs(stacks: Stacks) -> None:
    body = template(
        Role=_role(),
        Bucket={"Type": "AWS::S3::Bucket", "DependsOn": "Role"},
        Other=parameter("v", "/other"),
    )
    stacks.deploy("s", body)
    bucket = stacks.physical_id("s", "Bucket")
    stacks.client("s3").put_object(Bucket=bucket, Key="k", Body=b"")
    assert stacks.delete("s") == "DELETE_FAILED"
    assert ("Bucket", "DELETE_FAILED") in stacks.events("s")
    left = stacks.api.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert {r["LogicalResourceId"] for r in left} == {"Role", "Bucket"}
    stacks.client("s3").delete_object(Bucket=bucket, Key="k")
    assert stacks.delete("s") == "DELETE_COMPLETE"


def _definition(resource: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"Type": resource[0], "Properties": resource[1]}


def _broken(sid: Any) -> tuple[str, dict[str, Any]]:
    """A policy for a role that does not exist."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return (
        "AWS::IAM::Policy",
        {"PolicyName": "p", "PolicyDocument": document, "Roles": ["no-such-role"]},
    )


def _role() -> tuple[str, dict[str, Any]]:
    return (
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    )


def _finished(events: list[tuple[str, str]], status: str) -> list[str]:
    return [name for name, reached in events if reached == status]
