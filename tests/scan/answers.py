"""What AWS would answer where moto has no answer: two resources, `shop-one` with a value in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

Replies = Mapping[str, Any]

_NAMES: Final = ("shop-one", "other-one")
_THEN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_HERE: Final = "us-east-1:123456789012"


def ssm_document(_: str) -> Replies:
    """The versions of a document, which moto keeps but does not list."""

    def versions(Name: str) -> Any:  # noqa: N803  (AWS's name for it)
        return {"DocumentVersions": [{"Name": Name, "DocumentVersion": "1", "CreatedDate": _THEN}]}

    return {"ListDocumentVersions": versions}


def sagemaker_notebook_lifecycle(_: str) -> Replies:
    """The list of configurations, of which moto knows each."""
    kind = f"arn:aws:sagemaker:{_HERE}:notebook-instance-lifecycle-config"
    configs = [
        {
            "NotebookInstanceLifecycleConfigName": name,
            "NotebookInstanceLifecycleConfigArn": f"{kind}/{name}",
            "LastModifiedTime": _THEN,
        }
        for name in _NAMES
    ]
    return {"ListNotebookInstanceLifecycleConfigs": {"NotebookInstanceLifecycleConfigs": configs}}


def amplify_app(text: str) -> Replies:
    """All that is asked: the value lies in a variable of a branch."""
    required = {
        "description": "",
        "repository": "https://example.org/shop",
        "platform": "WEB",
        "createTime": _THEN,
        "updateTime": _THEN,
        "environmentVariables": {"LEVEL": "info"},
        "defaultDomain": "example.org",
        "enableBranchAutoBuild": True,
        "enableBasicAuth": False,
    }
    apps = [{"appId": name, "appArn": _app(name), "name": name, **required} for name in _NAMES]

    def branches(appId: str) -> Any:  # noqa: N803
        secret = {"API_TOKEN": text if appId == "shop-one" else "nothing"}
        branch = {
            "branchArn": f"{_app(appId)}/branches/main",
            "branchName": "main",
            "description": "",
            "stage": "PRODUCTION",
            "displayName": "main",
            "enableNotification": False,
            "createTime": _THEN,
            "updateTime": _THEN,
            "environmentVariables": secret,
            "enableAutoBuild": True,
            "customDomains": [],
            "framework": "",
            "activeJobId": "1",
            "totalNumberOfJobs": "1",
            "enableBasicAuth": False,
            "ttl": "1",
            "enablePullRequestPreview": False,
        }
        return {"branches": [branch]}

    return {"ListApps": {"apps": apps}, "ListBranches": branches}


def appsync_api(text: str) -> Replies:
    """All that is asked: the value lies in the code of a resolver."""

    def resolvers(apiId: str, typeName: str) -> Any:  # noqa: N803
        secret = text if apiId == "shop-one" else "nothing"
        code = f"export const request = () => ({{ headers: {{ Authorization: '{secret}' }} }})"
        return {"resolvers": [{"typeName": typeName, "fieldName": "orders", "code": code}]}

    return {
        "ListGraphqlApis": {
            "graphqlApis": [{"name": n, "apiId": n, "arn": _api(n)} for n in _NAMES]
        },
        "GetGraphqlApiEnvironmentVariables": {"environmentVariables": {"LEVEL": "info"}},
        "ListApiKeys": {"apiKeys": [{"id": "da2-x", "description": "of the shop"}]},
        "ListDataSources": {"dataSources": [{"name": "orders", "type": "HTTP"}]},
        "ListFunctions": {"functions": [{"name": "sign", "code": "export const x = 1"}]},
        "ListTypes": {"types": [{"name": "Query"}]},
        "ListResolvers": resolvers,
    }


def _app(name: str) -> str:
    return f"arn:aws:amplify:{_HERE}:apps/{name}"


def _api(name: str) -> str:
    return f"arn:aws:appsync:{_HERE}:apis/{name}"


ANSWERS: Final[Mapping[str, Callable[[str], Replies]]] = {
    "ssm-document": ssm_document,
    "sagemaker-notebook-lifecycle": sagemaker_notebook_lifecycle,
    "amplify-app": amplify_app,
    "appsync-api": appsync_api,
}
PLACES: Final[Mapping[str, str]] = {
    "amplify-app": f"{_app('shop-one')}#branches/main/environmentVariables/API_TOKEN",
    "appsync-api": f"{_api('shop-one')}#resolvers/Query.orders/code",
}
"""Where the value lies, of what moto knows nothing of."""
