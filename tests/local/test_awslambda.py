"""Functions run for real: own process, own packages, own role, own log."""

from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.local.conftest import zipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.conftest import Account

pytestmark = pytest.mark.slow


def invoke(account: Account, function: str, event: Any = None) -> tuple[Any, str]:
    """The function's answer, and what kind of error it is, if one."""
    answer = account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.load(answer["Payload"]), answer.get("FunctionError", "")


def test_the_handler_gets_the_event_and_its_answer_comes_back(account: Account) -> None:
    function = account.function("def handler(event, context): return {'got': event}")
    assert invoke(account, function, {"a": [1]}) == ({"got": {"a": [1]}}, "")


def test_the_function_acts_as_its_role(account: Account) -> None:
    code = """
import boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    function = account.function(code)
    configuration = account.client("lambda").get_function_configuration(FunctionName=function)
    role = configuration["Role"].rsplit("/", 1)[1]
    arn, _ = invoke(account, function)
    assert f":assumed-role/{role}/" in arn


def test_the_context_is_as_in_lambda(account: Account) -> None:
    code = """
def handler(event, context):
    return [context.function_name, context.invoked_function_arn, context.aws_request_id,
            context.get_remaining_time_in_millis()]
"""
    function = account.function(code, Timeout=7)
    (name, arn, request, left), _ = invoke(account, function)
    assert (name, arn) == (function.rsplit(":", 1)[1], function)
    assert request
    assert 0 < left <= 7000


def test_nothing_of_the_host_can_be_imported_but_what_lambdas_runtime_holds(
    account: Account,
) -> None:
    code = """
import boto3, botocore, dateutil, jmespath, s3transfer, six, urllib3
def handler(event, context):
    import moto
"""
    answer, kind = invoke(account, account.function(code))
    assert (answer["errorType"], kind) == ("ModuleNotFoundError", "Unhandled")
    assert answer["errorMessage"] == "No module named 'moto'"


def test_nothing_of_the_hosts_environment_reaches_the_function(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "yes")
    code = "import os\ndef handler(event, context): return dict(os.environ)"
    variables, _ = invoke(account, account.function(code, Environment={"Variables": {"OWN": "1"}}))
    assert variables["OWN"] == "1"
    assert "OF_THE_HOST" not in variables
    assert variables["AWS_ENDPOINT_URL"] == account.aws.endpoint


def test_what_a_handler_raises_is_told_as_lambda_tells_it(account: Account) -> None:
    function = account.function("def handler(event, context): raise KeyError('missing')")
    answer, kind = invoke(account, function)
    assert kind == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("KeyError", "'missing'")
    assert "raise KeyError('missing')" in answer["stackTrace"][-1]
    assert "bootstrap.py" not in "".join(answer["stackTrace"])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import absent", "Runtime.ImportModuleError"),
        ("other = 1", "Runtime.HandlerNotFound"),
        ("def handler(event, context): return object()", "Runtime.MarshalError"),
        ("import os\ndef handler(event, context): os._exit(3)", "Runtime.ExitError"),
        ("raise RuntimeError('at import')", "RuntimeError"),
    ],
)
def test_each_way_to_fail_has_its_name(account: Account, code: str, kind: str) -> None:
    answer, error = invoke(account, account.function(code))
    assert (answer["errorType"], error) == (kind, "Unhandled")


def test_at_its_timeout_a_function_is_killed_with_all_it_started(account: Account) -> None:
    code = """
import os, subprocess, time
def handler(event, context):
    subprocess.Popen(["sleep", "3333"], start_new_session=True)
    time.sleep(60)
"""
    function = account.function(code, Timeout=1)
    answer, kind = invoke(account, function)
    assert kind == "Unhandled"
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
    assert "Task timed out after 1.00 seconds" in account.log(function)
    alive = account.aws.world.processes.members()
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE and "3333" in p.cmdline()]


def test_the_log_has_lambdas_lines_and_all_output(account: Account) -> None:
    code = """
import logging, sys
def handler(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("a warning")
"""
    function = account.function(code)
    for _ in range(2):
        invoke(account, function)
    lines = account.log(function).splitlines()
    assert [line.split()[0] for line in lines] == [
        "START",
        "to",
        "to",
        "[WARNING]",
        "END",
        "REPORT",
    ] * 2


def test_the_log_goes_where_the_logging_configuration_says(account: Account) -> None:
    group = {"LogGroup": "/elsewhere"}
    function = account.function("def handler(event, context): pass", LoggingConfig=group)
    invoke(account, function)
    described = account.client("lambda").get_function_configuration(FunctionName=function)
    assert described["LoggingConfig"]["LogGroup"] == "/elsewhere"
    assert account.client("logs").describe_log_streams(logGroupName="/elsewhere")["logStreams"]


def test_the_tail_of_the_log_comes_with_the_answer_when_asked_for(account: Account) -> None:
    function = account.function("def handler(event, context): print('hello')")
    answer = account.client("lambda").invoke(FunctionName=function, LogType="Tail")
    assert "hello" in base64.b64decode(answer["LogResult"]).decode()


COUNTING = """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    if event == "crash":
        os._exit(1)
    return [os.getpid(), count, os.environ.get("SETTING")]
"""


def test_a_process_serves_one_event_after_the_other(account: Account) -> None:
    function = account.function(COUNTING)
    (first, _, _), _ = invoke(account, function)
    (second, count, _), _ = invoke(account, function)
    assert (second, count) == (first, 2)


def test_a_crash_or_a_change_begins_a_new_process(account: Account) -> None:
    function, client = account.function(COUNTING), account.client("lambda")
    (first, _, _), _ = invoke(account, function)
    invoke(account, function, "crash")
    (second, count, _), _ = invoke(account, function)
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {"SETTING": "new"}}
    )
    (third, _, setting), _ = invoke(account, function)
    client.update_function_code(FunctionName=function, ZipFile=zipped(COUNTING + "count = 10"))
    (fourth, counted, _), _ = invoke(account, function)
    assert len({first, second, third, fourth}) == 4
    assert (count, setting, counted) == (1, "new", 11)
    assert not any(psutil.pid_exists(pid) for pid in (first, second, third))


def test_deleting_a_function_ends_its_process(account: Account) -> None:
    function = account.function(COUNTING)
    (pid, _, _), _ = invoke(account, function)
    account.client("lambda").delete_function(FunctionName=function)
    assert not psutil.pid_exists(pid)


def test_concurrent_events_run_in_processes_of_their_own(account: Account) -> None:
    code = (
        "import os, time\ndef handler(event, context):\n    time.sleep(1)\n    return os.getpid()"
    )
    function, pids = account.function(code), []
    threads = [
        threading.Thread(target=lambda: pids.append(invoke(account, function)[0])) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pids)) == 2


def test_an_asynchronous_invocation_returns_at_once(
    account: Account, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    code = """
import boto3
def handler(event, context):
    boto3.client("ssm").put_parameter(Name=event["name"], Value="1", Type="String")
"""
    function, name = account.function(code, Timeout=30), "/asynchronous"
    payload = json.dumps({"name": name})
    answer = account.client("lambda").invoke(
        FunctionName=function, InvocationType="Event", Payload=payload
    )
    assert answer["StatusCode"] == 202
    parameters = account.client("ssm").get_parameters
    eventually(lambda: parameters(Names=[name])["Parameters"])
