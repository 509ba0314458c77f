"""
The CDK app: wickie.yaml → stacks. Synthesising asks AWS nothing, and says what idling will cost.

    cdk deploy --all -c config=wickie.yaml      (or WICKIE_CONFIG=…; default: wickie.yaml)
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).parent
SETTINGS = os.environ  # noqa: TID251  (an edge)


def main() -> None:
    """Synthesise what wickie.yaml describes; one line on stderr says what is wrong with it."""
    _import()
    from stacks.cost import idle_cost  # noqa: PLC0415
    from stacks.packaging import build  # noqa: PLC0415
    from stacks.stage import add_stage, new_app  # noqa: PLC0415
    from wickie.config import load_config  # noqa: PLC0415
    from wickie.errors import ConfigError  # noqa: PLC0415

    app = new_app(ROOT / "cdk.json")
    path = app.node.try_get_context("config") or SETTINGS.get("WICKIE_CONFIG", "wickie.yaml")
    try:
        config = load_config(Path(path))
        add_stage(app, config, build)
    except ConfigError as error:
        sys.exit(f"app.py: {error}")
    print(idle_cost(Path(app.synth().directory), config), file=sys.stderr)  # noqa: T201  (an edge)


def _import() -> None:
    """
    Import what takes long, while Node loads the CDK.

    Node is asked from one thread at a time: nothing here does but the import of cdk_nag.
    """
    node = Thread(target=import_module, args=("cdk_nag",))
    node.start()
    for name in ("stacks.permissions", "wickie.config", "aws_cdk.aws_ecs"):
        import_module(name)
    node.join()


if __name__ == "__main__":
    main()
