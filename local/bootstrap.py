"""
What runs inside a function's process: imports the handler, then answers events until told to end.

Started as a script by `local.execution`, with nothing to import but the standard library, the
function's own code and what Lambda's runtime holds. Events come as lines on stdin; answers go
as lines to the descriptor named by the first argument; stdout and stderr are the log. The
shapes of errors and log lines are those of AWS's own runtime:
https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import runpy
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO


class Context:
    """The second argument of a handler."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id: str = request["id"]
        self.invoked_function_arn: str = request["arn"]
        self._deadline: float = request["deadline"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = self.identity = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        return max(0, int((self._deadline - time.time()) * 1000))


class RequestId(logging.Filter):
    """Gives every log record the id of the request in hand."""

    current = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.current
        return True


def main() -> None:
    """Announce readiness or the reason against it, then answer one event after the other."""
    answers = os.fdopen(int(sys.argv[1]), "w")
    os.set_inheritable(answers.fileno(), False)
    # Isolated, Python has not looked there; see local/resolver.
    runpy.run_path(str(Path(__file__).parent / "resolver" / "sitecustomize.py"))
    sys.path[:0] = sys.argv[2:]
    request_id = _configure_logging()
    try:
        handler = _load(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001  (an import may raise anything)
        _answer(answers, {"error": _init_error(error)})
        return
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        request_id.current = request["id"]
        _answer(answers, _handle(handler, request))


def _load(handler: str) -> Any:
    module, _, function = handler.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), function)


def _handle(handler: Any, request: dict[str, Any]) -> dict[str, Any]:
    try:
        result = handler(request["event"], Context(request))
    except Exception as error:  # noqa: BLE001  (whatever a handler raises is its answer)
        return {"error": _describe(error, type(error).__name__, str(error), request["id"])}
    try:
        return {"result": json.dumps(result)}
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return {"error": _describe(error, "Runtime.MarshalError", message, request["id"])}


def _init_error(error: Exception) -> dict[str, Any]:
    handler = os.environ["_HANDLER"]
    module, _, function = handler.rpartition(".")
    kind, message = type(error).__name__, str(error)
    if isinstance(error, ImportError):
        kind = "Runtime.ImportModuleError"
        message = f"Unable to import module '{module}': {error}"
    elif isinstance(error, AttributeError) and error.name == function:
        kind = "Runtime.HandlerNotFound"
        message = f"Handler '{function}' missing on module '{module}'"
    else:
        return _describe(error, kind, message, "")
    return _describe(error, kind, message, "") | {"stackTrace": []}


def _describe(error: Exception, kind: str, message: str, request_id: str) -> dict[str, Any]:
    # Frames of this file are AWS's, not the function's.
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    stack = traceback.format_list(frames)
    trace = "".join(["Traceback (most recent call last):\n", *stack]) if stack else ""
    sys.stdout.write(f"[ERROR] {kind}: {message}\n{trace}")
    return {
        "errorMessage": message,
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": stack,
    }


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _configure_logging() -> RequestId:
    form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    request_id = RequestId()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(request_id)
    logging.getLogger().addHandler(handler)
    return request_id


if __name__ == "__main__":
    main()
