"""Code of functions and layers of images are downloaded, unpacked and read, each once."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.scan.downloads import Downloads, serving
from tests.scan.paper import KEY, drawn, managed, read
from tests.scan.test_unpacking import tarred, zipped
from wickie.aws import Clients
from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan import engine
from wickie.scan.cache import ScanCache
from wickie.scan.chunk import Chunk
from wickie.scan.sources import open_source

LAMBDA = "arn:aws:lambda:eu-west-1:123456789012"
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def downloads() -> Iterator[Downloads]:
    with serving() as downloads:
        yield downloads


class Pages:
    """A client whose listings are what they were given, two to a page, and count their calls."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.calls = answers, []

    def get_paginator(self, call: str) -> Any:
        key, items = self.answers[call]

        def paginate(**asked: Any) -> Iterator[Any]:
            found = items(**asked) if callable(items) else items
            yield from ({key: found[n : n + 2]} for n in range(0, len(found), 2))

        return SimpleNamespace(paginate=paginate)

    def __getattr__(self, call: str) -> Any:
        def answer(**asked: Any) -> Any:
            self.calls.append((call, asked))
            return self.answers[call](**asked)

        return answer


def opened(kind: str, client: Any, **options: Any) -> Any:
    return open_source(kind, options, SimpleNamespace(service=lambda _: client))


def a_function(name: str, version: str, sha: str, **more: Any) -> dict[str, Any]:
    arn = f"{LAMBDA}:function:{name}:{version}"
    about = {"FunctionName": name, "FunctionArn": arn, "Version": version, "CodeSha256": sha}
    return about | {"CodeSize": 100, "PackageType": "Zip"} | more


def functions(downloads: Downloads, listed: list[Any], layers: dict[str, str]) -> Pages:
    def where(FunctionName: str) -> Any:  # noqa: N803  (AWS's name)
        return {"Code": {"Location": f"{downloads.url}/{FunctionName.rpartition(':')[2]}"}}

    def layer(Arn: str) -> Any:  # noqa: N803  (AWS's name)
        return {"Content": {"Location": layers[Arn], "CodeSize": 100}}

    return Pages(
        list_functions=("Functions", listed),
        list_layers=("Layers", [{"LayerName": "shop-base"}, {"LayerName": "other"}]),
        list_layer_versions=(
            "LayerVersions",
            lambda LayerName: [  # noqa: N803  (AWS's name)
                {"LayerVersionArn": f"{LAMBDA}:layer:{LayerName}:{n}"} for n in (1, 2)
            ],
        ),
        get_function=where,
        get_layer_version_by_arn=layer,
    )


def test_code_of_functions_and_layers_is_read_each_once(downloads):
    value, used = drawn(), f"{LAMBDA}:layer:shop-base:2"
    foreign = "arn:aws:lambda:eu-west-1:999999999999:layer:agent:7"
    downloads.offer("orders", zipped(**{"app.py": f"P = '{value}'".encode()}))
    downloads.offer("1", zipped(old=b"code"))
    client = functions(
        downloads,
        [
            a_function("orders", "$LATEST", "A", Layers=[{"Arn": used}, {"Arn": foreign}]),
            a_function("orders", "2", "A"),
            a_function("orders", "1", "B"),
            a_function("picture", "$LATEST", "C", PackageType="Image"),
        ],
        {
            f"{LAMBDA}:layer:shop-base:1": downloads.offer("base1", zipped(a=b"1")),
            used: downloads.offer("base2", zipped(a=value.encode())),
            foreign: downloads.offer("agent", zipped(b=b"2")),
            f"{LAMBDA}:layer:other:1": downloads.offer("other1", zipped(a=b"3")),
            f"{LAMBDA}:layer:other:2": downloads.offer("other2", zipped(a=b"4")),
        },
    )
    result = engine.scan([opened("lambda-code", client)], [managed(value)], run_id="r")
    assert result.gaps == ()
    assert sorted(downloads.fetched) == sorted(downloads.files)
    assert {finding.location.uri for finding in result.findings} == {
        f"{LAMBDA}:function:orders!app.py",
        f"{used}!a",
    }


def test_code_that_has_not_changed_is_not_downloaded_again(downloads):
    downloads.offer("orders", zipped(a=b"code"))
    listed, stored = [a_function("orders", "$LATEST", "A")], b""
    for sha, fetched in (("A", 1), ("A", 1), ("B", 2)):
        listed[0]["CodeSha256"] = sha
        cache = ScanCache([], KEY, stored)
        source = opened("lambda-code", functions(downloads, listed, {}), prefix="orders")
        assert engine.scan([source], [], run_id="r", cache=cache).artifacts == 1
        stored = cache.dump()
        assert len(downloads.fetched) == fetched


def test_code_that_cannot_be_had_is_named_without_its_url_and_the_rest_is_read(downloads):
    downloads.offer("fine", zipped(a=b"code"))
    downloads.offer("broken.cut", zipped(a=drawn(9000).encode()))
    listed = [
        a_function("gone", "$LATEST", "A"),
        a_function("broken.cut", "$LATEST", "B"),
        a_function("large", "$LATEST", "C", CodeSize=2 << 20),
        a_function("fine", "$LATEST", "D"),
    ]
    client = functions(downloads, listed, {})
    client.answers["list_layers"] = ("Layers", [])
    parts = read(opened("lambda-code", client, largest_mb=1))
    gaps = {p.uri.rpartition(":")[2]: p.reason for p in parts if isinstance(p, Gap)}
    assert gaps.keys() == {"gone", "broken.cut", "large"}
    assert "answered 403" in gaps["gone"]
    assert "raise largest_mb" in gaps["large"]
    assert "X-Amz" not in str(gaps)
    assert [p.data for p in parts if isinstance(p, Chunk)] == [b"code"]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Shelf:
    """Repositories of images made for one test, as ECR tells of them."""

    def __init__(self, downloads: Downloads) -> None:
        self.downloads, self.images, self.pushed = downloads, {}, datetime.now(UTC)

    def blob(self, data: bytes, **more: Any) -> dict[str, Any]:
        self.downloads.offer(digest(data), data)
        return {"digest": digest(data), "size": len(data), **more}

    def push(self, repository: str, manifest: dict[str, Any], **more: Any) -> str:
        text = json.dumps(manifest)
        self.pushed += timedelta(minutes=1)
        about = {"imageDigest": digest(text.encode()), "imagePushedAt": self.pushed, **more}
        self.images.setdefault(repository, []).append((about, text))
        return about["imageDigest"]

    def image(self, repository: str, *layers: bytes, config: bytes = b"{}", **more: Any) -> str:
        blobs = [self.blob(layer) for layer in layers]
        return self.push(repository, {"config": self.blob(config), "layers": blobs}, **more)

    def client(self) -> Pages:
        def get(repositoryName: str, imageIds: Any, **_: Any) -> Any:  # noqa: N803
            wanted = {each["imageDigest"] for each in imageIds}
            return {
                "images": [
                    {"imageId": {"imageDigest": about["imageDigest"]}, "imageManifest": text}
                    for about, text in self.images[repositoryName]
                    if about["imageDigest"] in wanted
                ],
                "failures": [],
            }

        return Pages(
            describe_repositories=(
                "repositories",
                [
                    {"repositoryName": name, "repositoryUri": f"{REGISTRY}/{name}"}
                    for name in self.images
                ],
            ),
            describe_images=(
                "imageDetails",
                lambda repositoryName: [about for about, _ in self.images[repositoryName]],  # noqa: N803
            ),
            batch_get_image=get,
            get_download_url_for_layer=lambda repositoryName, layerDigest: {  # noqa: ARG005, N803
                "downloadUrl": f"{self.downloads.url}/{layerDigest}"
            },
        )


@pytest.fixture
def shelf(downloads: Downloads) -> Shelf:
    return Shelf(downloads)


def test_configuration_and_layers_of_images_are_read_each_layer_once(shelf):
    value = drawn()
    base = gzip.compress(tarred(**{"etc/passwd": b"root"}))
    env = json.dumps({"config": {"Env": [f"TOKEN={value}"]}}).encode()
    first = shelf.image("shop/web", base, tarred(**{"app/.env": value.encode()}))
    second = shelf.image("shop/web", base, tarred(**{"app/.wh..env": b""}), config=env)
    shelf.push("shop/web", {"manifests": [{"digest": first}, {"digest": second}]})
    shelf.image("shop/job", base, tarred(b=b"b"))
    shelf.image("other", base)
    source = opened("ecr-image", shelf.client(), prefix="shop/")
    result = engine.scan([source], [managed(value)], run_id="r")
    assert result.gaps == ()
    fetched = shelf.downloads.fetched
    assert len(fetched) == len(set(fetched)) == 6
    assert {f.location.uri for f in result.findings} == {
        f"{REGISTRY}/shop/web@{digest(tarred(**{'app/.env': value.encode()}))}!app/.env",
        f"{REGISTRY}/shop/web@{digest(env)}",
    }


def test_only_the_newest_images_are_read_if_so_wished(shelf):
    for number in range(5):
        shelf.image("shop", tarred(a=b"%d" % number))
    parts = read(opened("ecr-image", shelf.client(), newest=2))
    assert {p.data for p in parts if isinstance(p, Chunk) and p.uri.endswith("!a")} == {b"3", b"4"}


def test_images_that_have_not_changed_are_not_downloaded_again(shelf):
    shelf.image("shop", tarred(a=b"1"))
    stored = b""
    for fetched in (2, 2):
        cache = ScanCache([], KEY, stored)
        engine.scan([opened("ecr-image", shelf.client())], [], run_id="r", cache=cache)
        stored = cache.dump()
        assert len(shelf.downloads.fetched) == fetched


def test_layers_that_cannot_be_had_are_named_and_the_rest_is_read(shelf):
    foreign = shelf.blob(b"windows", urls=["https://example.org"])
    zstd = shelf.blob(b"\x28\xb5\x2f\xfd" + bytes(600))
    large, missing = shelf.blob(bytes(2 << 20)), shelf.blob(b"missing")
    shelf.downloads.files.pop(missing["digest"])
    fine = shelf.blob(tarred(a=b"fine"))
    layers = [foreign, zstd, large, missing, fine]
    shelf.push("shop", {"config": shelf.blob(b"{}"), "layers": layers})
    archived = shelf.image("shop", b"x", imageStatus="ARCHIVED")
    parts = read(opened("ecr-image", shelf.client(), largest_mb=1))
    gaps = {p.uri.partition("@")[2]: p.reason for p in parts if isinstance(p, Gap)}
    assert "it lies in another registry" in gaps[foreign["digest"]]
    assert "cannot be unpacked" in gaps[zstd["digest"]]
    assert "raise largest_mb" in gaps[large["digest"]]
    assert "answered 403" in gaps[missing["digest"]]
    assert "restore it" in gaps[archived]
    assert len(gaps) == 5
    assert b"fine" in {p.data for p in parts if isinstance(p, Chunk)}


def test_an_image_of_dockers_first_format_is_read(shelf):
    layer = shelf.blob(gzip.compress(tarred(a=b"old")))
    history = [{"v1Compatibility": '{"Cmd": "x"}'}]
    shelf.push("shop", {"fsLayers": [{"blobSum": layer["digest"]}], "history": history})
    chunks = [p for p in read(opened("ecr-image", shelf.client())) if isinstance(p, Chunk)]
    assert b"old" in {chunk.data for chunk in chunks}
    assert any(b"v1Compatibility" in chunk.data for chunk in chunks)


@pytest.mark.parametrize(
    ("kind", "service", "call"),
    [("lambda-code", "lambda", "list_functions"), ("ecr-image", "ecr", "describe_repositories")],
)
def test_what_aws_refuses_is_an_error_that_names_the_permission(kind, service, call):
    client = Clients().service(service)
    with Stubber(client) as stub:
        stub.add_client_error(call, "AccessDeniedException", "not allowed")
        with pytest.raises(SourceError, match="not allowed; it takes"):
            read(opened(kind, client))
