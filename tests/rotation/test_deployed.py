"""The zip in the local AWS's Lambda, rotated by its Secrets Manager, judged by PostgreSQL."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, replace

import boto3
import pytest
from botocore.exceptions import ClientError

from local import access
from local.policies.deployed import Account
from local.server import LocalAws
from local.world import ACCOUNT, REGION
from stacks import permissions
from stacks.packaging import archive, build
from tests.rotation.asking import signing_in
from tests.rotation.fakes import parse
from tests.until import until
from wickie.aws import Clients
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.model import Verdict
from wickie.rotation.remote import RemoteSecret

pytestmark = pytest.mark.slow
RULES = {"ScheduleExpression": "rate(10 days)", "Duration": "3h"}
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
STRATEGIES = ("single-user", "alternating-users")


@dataclass(frozen=True)
class Deployed:
    """A function as the stacks deploy it, asked through AWS's API alone."""

    clients: Clients
    strategy: str
    function: str

    def store(self, login: DatabaseLogin) -> str:
        return self.clients.secrets_manager.create_secret(
            Name=f"s-{uuid.uuid4()}", SecretString=login.to_secret_string()
        )["ARN"]

    def start(self, arn: str) -> str:
        token = str(uuid.uuid4())
        self.clients.secrets_manager.rotate_secret(
            SecretId=arn,
            ClientRequestToken=token,
            RotationLambdaARN=self.function,
            RotationRules=RULES,
        )
        return token

    def labels(self, arn: str) -> dict[str, str]:
        described = self.clients.secrets_manager.describe_secret(SecretId=arn)
        versions = described["VersionIdsToStages"]
        return {label: version for version, labels in versions.items() for label in labels}

    def wait(self, arn: str, token: str) -> None:
        """Until the rotation has ended well."""
        deadline = time.monotonic() + 60
        while (labels := self.labels(arn))["AWSCURRENT"] != token or "AWSPENDING" in labels:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def value(self, arn: str) -> DatabaseLogin:
        reply = self.clients.secrets_manager.get_secret_value(SecretId=arn)
        return parse(reply["SecretString"], arn)

    def act(self, action: str, arn: str, version: str) -> dict[str, str]:
        event = {"Action": action, "SecretId": arn, "VersionId": version}
        reply = self.clients.lambda_.invoke(FunctionName=self.function, Payload=json.dumps(event))
        answer: dict[str, str] = json.loads(reply["Payload"].read())
        return answer

    def log(self) -> str:
        logs = boto3.client("logs")
        group = f"/aws/lambda/{self.strategy}"
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return ""  # made by the function's first invocation
        return "\n".join(event["message"] for event in events)


@pytest.fixture(scope="module")
def functions(server, new_table):
    """The clients of a local AWS, and a function in it for each strategy."""
    with LocalAws() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        clients = Clients(boto3.Session(region_name=REGION))
        settings = new_table(clients)
        master = Deployed(clients, "", "").store(server.admin)
        environment = {
            "WICKIE_MASTER": master,
            "WICKIE_ENGINE": settings.engine,
            "WICKIE_FINGERPRINT_TABLE": settings.fingerprint_table,
            "WICKIE_FINGERPRINT_KEY": settings.fingerprint_key,
        }
        made = {name: _deploy(clients, name, environment) for name in STRATEGIES}
        for strategy in STRATEGIES:
            _grant(strategy, clients, environment)
        yield made, aws


@pytest.fixture(params=STRATEGIES)
def deployed(request, functions, monkeypatch):
    made, aws = functions
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    return made[request.param]


def _deploy(clients: Clients, strategy: str, environment: dict[str, str]) -> Deployed:
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = boto3.client("iam").create_role(RoleName=strategy, AssumeRolePolicyDocument=trust)
    function = clients.lambda_.create_function(
        FunctionName=strategy,
        Runtime="python3.13",
        Handler="lambdas.rotate.lambda_handler",
        Role=role["Role"]["Arn"],
        Timeout=60,
        Code={"ZipFile": archive(build("postgres"))},
        Environment={"Variables": environment | {"WICKIE_STRATEGY": strategy}},
    )["FunctionArn"]
    clients.lambda_.add_permission(
        FunctionName=strategy,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=ACCOUNT,
    )
    return Deployed(clients, strategy, function)


def _grant(strategy: str, clients: Clients, environment: dict[str, str]) -> None:
    """What the rotation stack grants, as test_permissions.py knows it, on what is used here."""
    table = clients.dynamodb.describe_table(TableName=environment["WICKIE_FINGERPRINT_TABLE"])
    key = clients.kms.describe_key(KeyId=environment["WICKIE_FINGERPRINT_KEY"])
    here = f"{REGION}:{ACCOUNT}"
    resources = {
        "secretsmanager": f"arn:aws:secretsmanager:{here}:secret:s-*",
        "dynamodb": table["Table"]["TableArn"],
        "kms": key["KeyMetadata"]["Arn"],
        "logs": f"arn:aws:logs:{here}:log-group:/aws/lambda/{strategy}:*",
    }
    own = (*permissions.ROTATE, *permissions.PUBLISH, *permissions.LEASE, *LOG)
    granted = [(action, resources[action.partition(":")[0]]) for action in dict.fromkeys(own)]
    if strategy == "alternating-users":  # the other one asks no administrator
        granted += [(action, environment["WICKIE_MASTER"]) for action in permissions.MASTER]
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in granted],
    }
    boto3.client("iam").put_role_policy(
        RoleName=strategy, PolicyName="rotate", PolicyDocument=json.dumps(document)
    )


def test_rotated_retired_and_nothing_secret_logged(deployed, server):
    values = [server.user()]
    arn = deployed.store(values[0])
    for _ in range(2):
        deployed.wait(arn, deployed.start(arn))
        values.append(deployed.value(arn))
    assert server.verdict(values[-1]) is Verdict.LIVE
    previous = deployed.labels(arn)["AWSPREVIOUS"]
    assert deployed.act("retire", arn, previous)["verdict"] == "DEAD"
    assert server.verdict(values[-2]) is Verdict.DEAD
    assert "AWSPREVIOUS" not in deployed.labels(arn)
    answer = deployed.act("verify", arn, deployed.labels(arn)["AWSCURRENT"])
    assert (answer["verdict"], answer["strategy"]) == ("LIVE", deployed.strategy)
    log = deployed.log()
    assert '"step": "finishSecret"' in log
    assert "RotationToken" not in log
    assert not [v.username for v in values if v.password.reveal() in log]


def test_a_failing_rotation_leaves_current_alone_and_says_why_in_one_line(deployed, server):
    user = server.user()
    arn = deployed.store(replace(user, password=Sensitive("wrong" * 5)))
    before = deployed.labels(arn)["AWSCURRENT"]
    deployed.start(arn)
    until(lambda: "AWSCURRENT is not honoured" in deployed.log())
    assert deployed.labels(arn)["AWSCURRENT"] == before
    lines = [line for line in deployed.log().splitlines() if user.username in line]
    assert any("put the working password into the secret" in line for line in lines)
    with pytest.raises(ClientError, match="previous rotation isn't complete"):
        deployed.start(arn)
    assert server.verdict(user) is Verdict.LIVE


def test_a_rotation_that_secrets_manager_gave_up_is_repaired_and_another_one_starts(
    deployed, server
):
    user = replace(server.user(), password=Sensitive("wrong" * 5))
    arn = deployed.store(user)
    pending = deployed.start(arn)
    refused = f"not honoured for {user.username}"
    until(lambda: deployed.log().count(refused) == 3)  # it tries three times
    password = user.password.reveal()
    server.run(f"alter role \"{user.username}\" password '{password}'")  # somebody corrects it
    secret = RemoteSecret.describe(deployed.clients, arn)
    wish = {"OlderThanSeconds": "0"}
    assert secret.ask(deployed.clients, "repair", DryRun="true", **wish).state == "CANCELLED"
    assert deployed.labels(arn)["AWSPENDING"] == pending
    assert secret.ask(deployed.clients, "repair", **wish).state == "CANCELLED"
    assert "AWSPENDING" not in deployed.labels(arn)
    deployed.wait(arn, deployed.start(arn))
    assert server.verdict(deployed.value(arn)) is Verdict.LIVE
    assert secret.ask(deployed.clients, "settle").state == "KEPT"
    assert secret.ask(deployed.clients, "settle", GraceSeconds="0").state == "RETIRED"
    assert '"state": "CANCELLED"' in deployed.log()


def test_an_action_that_cannot_be_done_is_a_function_error_by_name(deployed, server):
    arn = deployed.store(server.user())
    answer = deployed.act("retire", arn, deployed.labels(arn)["AWSCURRENT"])
    assert answer["errorType"] == "RotationError"
    assert "rotate the secret first" in answer["errorMessage"]


def test_alternating_users_refuse_no_login_while_they_rotate(functions, server):
    deployed = functions[0]["alternating-users"]
    arn = deployed.store(server.user())
    with signing_in(lambda: server.verdict(deployed.value(arn))) as client:
        for _ in range(2):
            deployed.wait(arn, deployed.start(arn))
            client.goes_on()
    assert set(client.verdicts) == {Verdict.LIVE}


def test_all_that_the_stack_grants_is_used_and_aws_would_have_refused_nothing(
    functions, deployed, server
):
    arn = deployed.store(server.user())
    for _ in range(2):
        deployed.wait(arn, deployed.start(arn))
    secret = RemoteSecret.describe(deployed.clients, arn)
    assert secret.ask(deployed.clients, "settle", GraceSeconds="0").state == "RETIRED"
    stuck = replace(deployed.value(arn), password=Sensitive("pending" * 4)).to_secret_string()
    deployed.clients.secrets_manager.put_secret_value(
        SecretId=arn, SecretString=stuck, VersionStages=["AWSPENDING"]
    )
    wish = {"OlderThanSeconds": "0", "DryRun": "true"}
    assert secret.ask(deployed.clients, "repair", **wish).state == "CANCELLED"
    aws = functions[1]
    account = Account(aws.world.client)
    assert access.refused(aws.endpoint, account) == []
    role = f"arn:aws:iam::{ACCOUNT}:role/{deployed.strategy}"
    assert account.unused(access.recorded(aws.endpoint), [role]) == []
