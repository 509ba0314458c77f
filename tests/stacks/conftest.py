"""The stacks, synthesised once per session for every test that only reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from local.node import find_node
from wickie.config import Config, Network, load_config

ROOT = Path(__file__).parents[2]

# Before anything imports aws_cdk: its kernel is the first `node` on PATH, and Node 24 takes half
# the time of 20.
os.environ["PATH"] = os.pathsep.join([str(find_node().parent), os.environ["PATH"]])


@dataclass(frozen=True)
class Assembly:
    """What one synthesis wrote."""

    directory: Path

    def template(self, stack: str) -> dict[str, Any]:
        """The template of the stack of this name."""
        document: dict[str, Any] = json.loads(
            (self.directory / f"{stack}.template.json").read_text()
        )
        return document

    def templates(self) -> dict[str, dict[str, Any]]:
        """Every template by its stack's name."""
        names = (path.name.partition(".")[0] for path in self.directory.glob("*.template.json"))
        return {name: self.template(name) for name in sorted(names)}

    def resources(self, type_: str, stack: str | None = None) -> dict[str, dict[str, Any]]:
        """Every resource of a type, by logical id."""
        return {
            logical_id: resource
            for name, template in self.templates().items()
            if stack in (None, name)
            for logical_id, resource in template["Resources"].items()
            if resource["Type"] == type_
        }

    def only(self, type_: str, stack: str | None = None) -> dict[str, Any]:
        """The one resource of a type."""
        (resource,) = self.resources(type_, stack).values()
        return resource

    def statements(self, stack: str, logical_prefix: str) -> list[dict[str, Any]]:
        """All that the policies whose logical id starts so allow or deny."""
        return [
            statement
            for logical_id, policy in self.resources("AWS::IAM::Policy", stack).items()
            if logical_id.startswith(logical_prefix)
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    def violations(self) -> set[tuple[str, str]]:
        """(path, rule) of every finding that was not acknowledged."""
        report = self.directory / "validation-report.json"
        if not report.exists():
            return set()
        return {
            (construct["constructPath"], _rule(plugin["pluginName"], violation["ruleName"]))
            for plugin in json.loads(report.read_text())["pluginReports"]
            for violation in plugin["violations"]
            for construct in violation["violatingConstructs"]
        }


def _rule(plugin: str, name: str) -> str:
    """The id that a finding is acknowledged by; annotations bring their prefix along."""
    return name if name.startswith("Annotation::") else f"{plugin}::{name}"


class Synthesise(Protocol):
    """Turns configurations into templates."""

    def __call__(self, *configs: Config, acknowledged: bool = True) -> Assembly: ...


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that stands for the rotation function's: its content is not tested here."""
    directory = tmp_path_factory.mktemp("code")
    (directory / "rotate.py").write_text("def lambda_handler(event, context): ...\n")
    return directory


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory, code: Path) -> Synthesise:
    """Synthesise any configurations in one app, in this process."""

    def code_for(
        name: str, also: Sequence[str] = (), files: Mapping[str, str] | None = None
    ) -> Path:
        del also
        if not files:
            return code
        folder = tmp_path_factory.mktemp(name)
        for file, text in files.items():
            (folder / file).write_text(text)
        return folder

    def run(*configs: Config, acknowledged: bool = True) -> Assembly:
        from stacks import stage  # noqa: PLC0415  (starts Node; only when a test asks for it)

        out = tmp_path_factory.mktemp("cdk.out")
        app = stage.new_app(ROOT / "cdk.json", out, thorough=True)
        with pytest.MonkeyPatch.context() as patch:
            if not acknowledged:
                patch.setattr(stage, "acknowledge", lambda *_: None)
            for config in configs:
                stage.add_stage(app, config, code_for)
        if acknowledged:
            app.synth()
        else:
            with pytest.raises(RuntimeError, match="ValidationFailed"):
                app.synth()
        return Assembly(Path(app.outdir))

    return run


@pytest.fixture(scope="session")
def example() -> Config:
    """The configuration that people start from."""
    return load_config(ROOT / "wickie.example.yaml")


@pytest.fixture(scope="session")
def dependents() -> Config:
    """A dependent of each kind, as docs/dependents.md shows them."""
    page = (ROOT / "docs" / "dependents.md").read_text()
    return Config.model_validate(yaml.safe_load(page.split("```yaml\n")[1].split("```")[0]))


@pytest.fixture(scope="session")
def network() -> Network:
    """A customer's own network."""
    return Network(
        vpc_id="vpc-0123456789abcdef0",
        subnets=("subnet-0123456789abcdef0", "subnet-0fedcba9876543210"),
        security_groups=("sg-0123456789abcdef0",),
    )


@pytest.fixture(scope="session")
def assembly(synthesise: Synthesise, example: Config) -> Assembly:
    """The example's stacks."""
    return synthesise(example)
