"""What AWS would answer where moto has no answer, of resources by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tests.scan.plants import Setting

Replies = Mapping[str, Any]
Settings = Mapping[str, Setting]
"""What lies in each resource, by its name."""

_THEN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_HERE: Final = "us-east-1:123456789012"


def ssm_document(_: Settings) -> Replies:
    """The versions of a document, which moto keeps but does not list."""

    def versions(Name: str) -> Any:  # noqa: N803  (AWS's name for it)
        return {"DocumentVersions": [{"Name": Name, "DocumentVersion": "1", "CreatedDate": _THEN}]}

    return {"ListDocumentVersions": versions}


def sagemaker_notebook_lifecycle(settings: Settings) -> Replies:
    """The list of configurations, of which moto knows each."""
    kind = f"arn:aws:sagemaker:{_HERE}:notebook-instance-lifecycle-config"
    configs = [
        {
            "NotebookInstanceLifecycleConfigName": name,
            "NotebookInstanceLifecycleConfigArn": f"{kind}/{name}",
            "LastModifiedTime": _THEN,
        }
        for name in settings
    ]
    return {"ListNotebookInstanceLifecycleConfigs": {"NotebookInstanceLifecycleConfigs": configs}}


def amplify_app(settings: Settings) -> Replies:
    """All that is asked: the setting is a variable of a branch."""
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
    apps = [{"appId": name, "appArn": _app(name), "name": name, **required} for name in settings]

    def branches(appId: str) -> Any:  # noqa: N803
        setting = settings[appId]
        branch = {
            "branchArn": f"{_app(appId)}/branches/main",
            "branchName": "main",
            "description": "",
            "stage": "PRODUCTION",
            "displayName": "main",
            "enableNotification": False,
            "createTime": _THEN,
            "updateTime": _THEN,
            "environmentVariables": {setting.label: setting.text},
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


def appsync_api(settings: Settings) -> Replies:
    """All that is asked: the setting lies in the code of a resolver."""

    def resolvers(apiId: str, typeName: str) -> Any:  # noqa: N803
        setting = settings[apiId]
        code = (
            f"export const request = () => ({{ headers: {{ {setting.label}: '{setting.text}' }} }})"
        )
        return {"resolvers": [{"typeName": typeName, "fieldName": "orders", "code": code}]}

    return {
        "ListGraphqlApis": {
            "graphqlApis": [{"name": n, "apiId": n, "arn": _api(n)} for n in settings]
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


ANSWERS: Final[Mapping[str, Callable[[Settings], Replies]]] = {
    "ssm-document": ssm_document,
    "sagemaker-notebook-lifecycle": sagemaker_notebook_lifecycle,
    "amplify-app": amplify_app,
    "appsync-api": appsync_api,
}
PLACES: Final[Mapping[str, Callable[[str, Setting], str]]] = {
    "amplify-app": lambda n, s: f"{_app(n)}#branches/main/environmentVariables/{s.label}",
    "appsync-api": lambda n, _: f"{_api(n)}#resolvers/Query.orders/code",
}
"""Where the setting of a resource lies, of what moto knows nothing of."""
