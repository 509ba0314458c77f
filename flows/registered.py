"""
What only Prefect knows of our flows: `python -m flows.registered` writes it to a file.

That is the schema of each flow's parameters and prefect-aws's own template. `cdk synth` and
`wickie register` read the file, so neither imports a flow, or Prefect; a test keeps it true.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import yaml
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect_aws.workers.ecs_worker import ECSWorker

from wickie.registration.build import KNOWN_FLOWS

ROOT: Final = Path(__file__).resolve().parent.parent


def known() -> str:
    """The file's text."""
    document = {
        "made_by": "python -m flows.registered",
        "versions": {name: version(name) for name in ("prefect", "prefect-aws")},
        "base_job_template": ECSWorker.get_default_base_job_template(),
        "flows": {entrypoint: _flow(entrypoint) for entrypoint in _entrypoints()},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _entrypoints() -> list[str]:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return sorted({deployment["entrypoint"] for deployment in declared})


def _flow(entrypoint: str) -> dict[str, Any]:
    flow: Flow[..., Any] = load_flow_from_entrypoint(
        str(ROOT / entrypoint), use_placeholder_flow=False
    )
    schema = parameter_schema(flow).model_dump_for_openapi()
    if not schema["definitions"]:
        del schema["definitions"]  # as `prefect deploy` sends it
    return {"name": flow.name, "parameter_openapi_schema": schema}


if __name__ == "__main__":
    KNOWN_FLOWS.write_text(known())
