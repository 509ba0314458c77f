"""Fills an account with resources of every kind of source; tells what was planted, and where."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.scan.answers import ANSWERS, PLACES
from tests.scan.downloads import Downloads
from tests.scan.plants import PLANTS, Service, Setting
from tests.scan.populated.documents import Document, document, packed, zipped
from tests.scan.populated.leaks import LEAKS, Leak
from tests.scan.populated.look_alikes import look_alike
from tests.scan.populated.prefect import Records, records

COUNTS: Final[Mapping[str, int]] = {
    "lambda-environment": 50,
    "ecs-task-definition": 50,
    "codebuild-project": 40,
    "ec2-user-data": 20,
    "ec2-launch-template": 25,
    "autoscaling-launch-configuration": 40,
    "ssm-parameter": 240,
    "ssm-document": 40,
    "cloudformation-stack": 40,
    "step-functions-state-machine": 50,
    "step-functions-execution": 25,
    "glue-job": 80,
    "glue-connection": 60,
    "api-gateway-stage": 12,
    "api-gateway-v2-stage": 25,
    "batch-job-definition": 50,
    "sagemaker-model": 80,
    "sagemaker-notebook-lifecycle": 30,
    "eventbridge-target": 30,
    "secretsmanager-metadata": 80,
    "data-pipeline": 30,
    "amplify-app": 100,
    "appsync-api": 60,
    "prefect": 150,
    "directory": 300,
    "git": 120,
    "s3": 220,
    "cloudwatch-logs": 40,
    "lambda-code": 20,
    "ecr-image": 20,
}
"""Resources of each kind."""
_LEAKING: Final = 0.08
"""Of the resources, beside one of each kind of leak in each kind of place."""
_ROOT: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
Where = tuple[str, int | None]


@dataclass
class Account:
    """What is made so far: the answers of AWS where moto has none, and what is to be found."""

    seed: int
    service: Service = field(repr=False)
    folder: Path
    downloads: Downloads
    secrets: Mapping[str, str] = field(repr=False)
    """The values of managed secrets, by their names."""
    planted: dict[Where, str] = field(default_factory=dict)
    """As what each is to be found."""
    replies: dict[str, Any] = field(default_factory=dict, repr=False)
    prefect: Records = field(default_factory=dict, repr=False)
    prefect_places: dict[str, str] = field(default_factory=dict)
    """What is planted in Prefect, whose address is not known yet."""

    def fill(self) -> None:
        """Make everything."""
        for kind in COUNTS:
            if kind in PLANTS:
                for name, leak, setting in self._settings(kind):
                    self._plant(PLANTS[kind](self.service, name, setting), None, leak)
            elif kind in PLACES:
                self._answered(kind)
            else:
                getattr(self, f"_fill_{kind.replace('-', '_')}")(kind)
        self._answered("sagemaker-notebook-lifecycle")
        self._answered("ssm-document")

    def _settings(self, kind: str) -> Iterator[tuple[str, Leak | None, Setting]]:
        draw = Random(f"{self.seed} {kind}")  # noqa: S311  (a layout, not a secret)
        for number in range(COUNTS[kind]):
            name = f"{draw.choice(('orders', 'search', 'mail'))}-{kind[:12]}-{number}"
            leak = self._leak(draw, number)
            yield name, leak, leak.setting if leak else look_alike(draw)

    def _documents(self, kind: str) -> Iterator[tuple[str, Leak | None, Document, Random]]:
        draw = Random(f"{self.seed} {kind}")  # noqa: S311  (a layout, not a secret)
        for number in range(COUNTS[kind]):
            leak = self._leak(draw, number)
            written = document(draw, leak)
            yield f"{number}/{written.name}", leak, written, draw

    def _leak(self, draw: Random, number: int) -> Leak | None:
        if number < len(LEAKS):
            return LEAKS[number](draw, self.secrets)
        return draw.choice(LEAKS)(draw, self.secrets) if draw.random() < _LEAKING else None

    def _plant(self, uri: str, line: int | None, leak: Leak | None) -> None:
        if leak:
            self.planted[uri, line] = leak.what

    def _answered(self, kind: str) -> None:
        settings = {name: (leak, setting) for name, leak, setting in self._settings(kind)}
        replies = ANSWERS[kind]({name: setting for name, (_, setting) in settings.items()})
        service = kind.partition("-")[0]
        self.replies |= {f"{service}:{operation}": reply for operation, reply in replies.items()}
        for name, (leak, setting) in settings.items():
            if kind in PLACES:
                self._plant(PLACES[kind](name, setting), None, leak)

    def _fill_prefect(self, kind: str) -> None:
        made = [*self._settings(kind)]
        self.prefect, places = records([setting for _, _, setting in made])
        pairs = zip(places, made, strict=True)
        self.prefect_places = {place: leak.what for place, (_, leak, _) in pairs if leak}

    def _fill_directory(self, kind: str) -> None:
        for name, leak, written, draw in self._documents(kind):
            path, data, inside = packed(draw, written.name, written.data)
            at = self.folder / "files" / name.partition("/")[0] / path
            at.parent.mkdir(parents=True)
            at.write_bytes(data)
            self._plant(f"{at}{inside}", written.line, leak)

    def _fill_git(self, kind: str) -> None:
        root, leaks = self.folder / "repository", []
        for name, leak, written, _ in self._documents(kind):
            (root / name).parent.mkdir(parents=True)
            (root / name).write_bytes(written.data)
            leaks.append((name, written.line, leak))
        author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        for words in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "x"]):
            subprocess.run(["git", *words], cwd=root, check=True)
        asked = ["git", "rev-parse", "HEAD"]
        head = subprocess.run(asked, cwd=root, check=True, capture_output=True, text=True)
        for name, line, leak in leaks:
            self._plant(f"git:{root}@{head.stdout.strip()}:{name}", line, leak)

    def _fill_s3(self, kind: str) -> None:
        client = self.service("s3")
        client.create_bucket(Bucket="shop")
        for name, leak, written, draw in self._documents(kind):
            key, data, inside = packed(draw, written.name, written.data)
            key = f"{name.partition('/')[0]}/{key}"
            client.put_object(Bucket="shop", Key=key, Body=data)
            self._plant(f"s3://shop/{key}{inside}", written.line, leak)

    def _fill_cloudwatch_logs(self, kind: str) -> None:
        logs = self.service("logs")
        now = int(datetime.now(UTC).timestamp() * 1000) - 60_000
        for name, leak, setting in self._settings(kind):
            group = {"logGroupName": f"/shop/{name}"}
            logs.create_log_group(**group)
            logs.create_log_stream(**group, logStreamName="a")
            lines = ("START", f"with {setting.label}={setting.text}", "END")
            events = [{"timestamp": now, "message": line} for line in lines]
            logs.put_log_events(**group, logStreamName="a", logEvents=events)
            arn = f"arn:aws:logs:us-east-1:123456789012:log-group:/shop/{name}"
            self._plant(f"{arn}:log-stream:a", 2, leak)

    def _fill_lambda_code(self, kind: str) -> None:
        where: dict[str, str] = {}
        for name, leak, written, _ in self._documents(kind):
            function, file = f"code-{name.partition('/')[0]}", written.name
            PLANTS["lambda-environment"](self.service, function, Setting("LEVEL", "info"))
            arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
            where[arn] = self.downloads.offer(function, zipped(file, written.data))
            self._plant(f"{arn}!{file}", written.line, leak)
        self.replies["lambda:GetFunction"] = lambda FunctionName: {  # noqa: N803  (AWS's name)
            "Code": {"Location": where[FunctionName]}
        }

    def _fill_ecr_image(self, kind: str) -> None:
        ecr = self.service("ecr")
        for name, leak, written, _ in self._documents(kind):
            repository = f"shop/{name.partition('/')[0]}"
            ecr.create_repository(repositoryName=repository)
            layer, config = _layer(f"app/{written.name}", written.data), b'{"history": []}'
            blobs = [self._blob(config), self._blob(layer)]
            media = "application/vnd.docker.distribution.manifest.v2+json"
            manifest = {"schemaVersion": 2, "mediaType": media}
            manifest |= {"config": blobs[0], "layers": blobs[1:]}
            pushed = {"imageManifest": json.dumps(manifest), "imageTag": "live"}
            ecr.put_image(repositoryName=repository, **pushed)
            at = f"{_ROOT}/{repository}@{blobs[1]['digest']}!app/{written.name}"
            self._plant(at, written.line, leak)
        self.replies["ecr:GetDownloadUrlForLayer"] = lambda repositoryName, layerDigest: {  # noqa: ARG005, N803
            "downloadUrl": f"{self.downloads.url}/{layerDigest}"
        }

    def _blob(self, data: bytes) -> dict[str, Any]:
        digest = f"sha256:{sha256(data).hexdigest()}"
        self.downloads.offer(digest, data)
        return {"digest": digest, "size": len(data)}


def _layer(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        about = tarfile.TarInfo(name)
        about.size = len(data)
        archive.addfile(about, io.BytesIO(data))
    return file.getvalue()
