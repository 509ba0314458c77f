"""Documents of Systems Manager."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from wickie.model import Gap
from wickie.scan.sources.reading import artifact_of, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import DocumentVersionInfoTypeDef

    from wickie.scan.chunk import Artifact

KIND: Final = "ssm-document"
PERMISSIONS: Final = ("ssm:ListDocuments", "ssm:ListDocumentVersions", "ssm:GetDocument")


def documents(client: SSMClient, prefix: str) -> Iterator[Artifact | Gap]:
    """List every version of the account's own documents: any of them may still be run."""
    meta = client.meta
    pages = client.get_paginator("list_documents").paginate(
        Filters=[{"Key": "Owner", "Values": ["Self"]}]
    )
    for page in pages:
        for document in page["DocumentIdentifiers"]:
            name, owner = document["Name"], document["Owner"]
            if not name.startswith(prefix):
                continue
            arn = f"arn:{meta.partition}:ssm:{meta.region_name}:{owner}:document/{name}"
            for version in found(partial(_versions, client, name), arn):
                if isinstance(version, Gap):
                    yield version
                else:
                    yield _artifact(client, arn, version)


def _versions(client: SSMClient, name: str) -> Iterator[DocumentVersionInfoTypeDef]:
    for page in client.get_paginator("list_document_versions").paginate(Name=name):
        yield from page["DocumentVersions"]


def _artifact(client: SSMClient, arn: str, version: DocumentVersionInfoTypeDef) -> Artifact:
    number, made = version["DocumentVersion"], version["CreatedDate"].isoformat()
    content = partial(_content, client, version["Name"], number)
    return artifact_of(content, f"{arn}:{number}", KIND, artifact=arn, version=made)


def _content(client: SSMClient, name: str, number: str) -> Iterator[tuple[str, str]]:
    yield "content", client.get_document(Name=name, DocumentVersion=number)["Content"]
