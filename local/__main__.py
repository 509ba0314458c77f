"""`python -m local`: a local AWS in the foreground, for anyone's own experiments."""

from __future__ import annotations

import argparse
import signal
import sys

from local.server import LocalAws


def main() -> None:
    """Serve until Ctrl-C or SIGTERM, then end everything that was started."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--port", type=int, default=5566, help="0 takes any free port")
    port = parser.parse_args().port
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with LocalAws(port) as aws:
            print(_greeting(aws), flush=True)  # noqa: T201  (what this command is for)
            aws.world.stopping.wait()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(str(error))


def _greeting(aws: LocalAws) -> str:
    lines = "\n".join(f"  export {name}={value}" for name, value in aws.environment().items())
    return f"""Local AWS at {aws.endpoint}, for trying and testing only. Ctrl-C ends it.

Copy into another shell:
{lines}

Move its clock, by which schedules fire:
  curl -d '{{"advance": 3600}}' {aws.endpoint}/local/clock

What your code has called, and whether AWS would have let it:
  python -m local.access --endpoint {aws.endpoint}"""


if __name__ == "__main__":
    main()
