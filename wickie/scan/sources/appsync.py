"""GraphQL APIs of AppSync."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "appsync-api"
PERMISSIONS: Final = (
    "appsync:ListGraphqlApis",
    "appsync:GetGraphqlApiEnvironmentVariables",
    "appsync:ListApiKeys",
    "appsync:ListDataSources",
    "appsync:ListFunctions",
    "appsync:ListTypes",
    "appsync:ListResolvers",
)

_TEMPLATES: Final = ("description", "code", "requestMappingTemplate", "responseMappingTemplate")


def apis(client: Any, prefix: str) -> Iterator[Artifact]:
    """List GraphQL APIs."""
    for page in client.get_paginator("list_graphql_apis").paginate():
        for api in page["graphqlApis"]:
            if api["name"].startswith(prefix):
                yield artifact_of(partial(_texts, client, api["apiId"]), api["arn"], KIND)


def _texts(client: Any, api: str) -> Iterator[tuple[str, str]]:
    reply = client.get_graphql_api_environment_variables(apiId=api)
    yield from leaves("environmentVariables", reply.get("environmentVariables"))
    for number, key in enumerate(_pages(client, "list_api_keys", "apiKeys", apiId=api)):
        # The key itself, its `id`, is for all who may list them: only here it would be no leak.
        yield from leaves(f"apiKeys/{number}/description", key.get("description"))
    for source in _pages(client, "list_data_sources", "dataSources", apiId=api):
        yield from leaves(f"dataSources/{source['name']}", source)
    for function in _pages(client, "list_functions", "functions", apiId=api):
        for part in _TEMPLATES:
            yield from leaves(f"functions/{function['name']}/{part}", function.get(part))
    for kind in _pages(client, "list_types", "types", apiId=api, format="SDL"):
        yield from _resolvers(client, api, kind["name"])


def _resolvers(client: Any, api: str, kind: str) -> Iterator[tuple[str, str]]:
    for resolver in _pages(client, "list_resolvers", "resolvers", apiId=api, typeName=kind):
        for part in _TEMPLATES:
            at = f"resolvers/{kind}.{resolver['fieldName']}/{part}"
            yield from leaves(at, resolver.get(part))


def _pages(client: Any, call: str, items: str, **about: str) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator(call).paginate(**about):
        yield from page.get(items, [])
