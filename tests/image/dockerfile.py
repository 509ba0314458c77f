"""The Dockerfile, read: its instructions, so that a test can perform them without Docker."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One instruction, with what held when it came."""

    keyword: str
    text: str
    workdir: str
    environment: dict[str, str]
    user: str


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, in its order."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for keyword, text in _instructions(path.read_text()):
        if keyword == "ARG" and not stages:
            name, _, value = text.partition("=")
            arguments[name] = value
        elif keyword == "FROM":
            base, *alias = re.split(r"\s+AS\s+", text)
            known = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
            stages.append(Stage(known, alias[0] if alias else ""))
        else:
            _follow(stages[-1], keyword, text)
    return stages


def _follow(stage: Stage, keyword: str, text: str) -> None:
    if keyword == "ENV":
        # Variables in it are the base's own: whoever runs a step fills them in.
        stage.environment.update(re.findall(r"(\w+)=(\S+)", text))
    elif keyword == "WORKDIR":
        stage.workdir = text
    elif keyword == "USER":
        stage.user = text
    elif keyword == "ENTRYPOINT":
        stage.entrypoint = json.loads(text)
    elif keyword in ("RUN", "COPY"):
        environment = dict(stage.environment)
        stage.steps.append(Step(keyword, text, stage.workdir, environment, stage.user))
    elif keyword not in ("VOLUME", "CMD"):
        raise ValueError(f"{keyword} is not known to this reader")


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(keyword, rest) for keyword, rest in found]
