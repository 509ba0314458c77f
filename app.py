"""
The CDK app: wickie.yaml → stacks. Synthesising asks AWS nothing, and says what idling will cost.

    cdk deploy --all -c config=wickie.yaml      (or WICKIE_CONFIG=…; default: wickie.yaml)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stacks.cost import idle_cost
from stacks.packaging import build
from stacks.stage import add_stage, new_app
from wickie.config import load_config
from wickie.errors import ConfigError

ROOT = Path(__file__).parent
SETTINGS = os.environ  # noqa: TID251  (an edge)


def main() -> None:
    """Synthesise what wickie.yaml describes; one line on stderr says what is wrong with it."""
    app = new_app(ROOT / "cdk.json")
    path = app.node.try_get_context("config") or SETTINGS.get("WICKIE_CONFIG", "wickie.yaml")
    try:
        config = load_config(Path(path))
        add_stage(app, config, build)
    except ConfigError as error:
        sys.exit(f"app.py: {error}")
    print(idle_cost(Path(app.synth().directory), config), file=sys.stderr)  # noqa: T201  (an edge)


if __name__ == "__main__":
    main()
