"""What stands for nothing outside the stack: statistics of the CDK, and the wait handle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloudformation.types.call import ResourceType, nothing

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call


def _note(call: Call) -> None:
    call.physical_id = call.name


_NOTE = ResourceType(_note, nothing, _note, tags="")
# A handle without a condition that waits for it is CDK's way to fill a stack that holds nothing.
TYPES = {"AWS::CDK::Metadata": _NOTE, "AWS::CloudFormation::WaitConditionHandle": _NOTE}
