"""CloudFormation of the local AWS deploys, updates, rolls back and deletes as AWS's does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stacks import Stacks, parameter, template

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


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
