"""A Lambda function of moto's, with versions to go back to."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import boto3

from tests.patience import BRIEF
from wickie.response.condemned import Condemned
from wickie.response.lambda_rollback import LambdaRollback
from wickie.vulnerabilities.build import build_of_code


class Function:
    """The function `shop`, with an alias `live` at its newest version."""

    def __init__(self) -> None:
        self.lambda_: Any = boto3.client("lambda", "us-east-1")
        role = boto3.client("iam", "us-east-1").create_role(
            RoleName="r", AssumeRolePolicyDocument="{}"
        )
        self.lambda_.create_function(
            FunctionName="shop",
            Runtime="python3.13",
            Handler="index.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": _package("$LATEST")},
        )
        self.builds: list[str] = []
        for code in ("one", "two", "two, configured anew"):
            package = _package(code.partition(",")[0])
            self.lambda_.update_function_code(FunctionName="shop", ZipFile=package)
            self.lambda_.update_function_configuration(FunctionName="shop", Description=code)
            done = self.lambda_.publish_version(FunctionName="shop")
            self.builds.append(str(build_of_code(done["CodeSha256"])))
        self.lambda_.create_alias(FunctionName="shop", Name="live", FunctionVersion="3")

    @property
    def alias(self) -> Any:
        return self.lambda_.get_alias(FunctionName="shop", Name="live")

    def rollback(self, *bad: str, younger_than: timedelta = timedelta(days=7)) -> LambdaRollback:
        condemned = Condemned(dict.fromkeys(bad, "it is bad"), younger_than)
        return LambdaRollback(self.lambda_, "shop", "live", condemned, BRIEF)


def _package(code: str) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), code)
    return package.getvalue()
