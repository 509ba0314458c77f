"""A function's zip signs in to a real PostgreSQL, with nothing beside it but Lambda's runtime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO

import pg8000.native
import pytest

from local.postgres import Postgres
from stacks.packaging import archive, build
from wickie.providers.pgwire import session

pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
sys.dont_write_bytecode = True
sys.path[:0] = json.loads(sys.argv[1])
from wickie.aws import Clients
from wickie.errors import AuthenticationError
from wickie.providers import Context
from wickie.providers.pgwire import session
from wickie.providers.postgres import Postgres

provider = Postgres(Context(Clients()))
first, second = (provider.parse(text, "s") for text in json.load(sys.stdin))
with session(first, None) as connection:
    ways = [connection.auth.mechanism_name if hasattr(connection, "auth") else "md5"]
provider.set_password(first, second)
with session(second, None) as connection:
    ways.append(connection.auth.mechanism_name)
    assert connection.run("select array[1, 2], now(), :t", t="x")[0][0] == [1, 2]
try:
    provider.sign_in(first)
except AuthenticationError:
    print(json.dumps([ways, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """The folder that Lambda unpacks the zip into."""
    folder = tmp_path_factory.mktemp("zip")
    with zipfile.ZipFile(BytesIO(archive(build("postgres", folder)))) as bundle:
        bundle.extractall(folder / "task")
    return folder / "task"


@pytest.mark.parametrize(
    ("tls", "encryption", "ways"),
    [
        (True, "scram-sha-256", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS"]),
        (False, "scram-sha-256", ["SCRAM-SHA-256", "SCRAM-SHA-256"]),
        (True, "md5", ["md5", "SCRAM-SHA-256-PLUS"]),
    ],
)
def test_the_zip_changes_a_password_however_the_server_asks_for_it(
    tls, encryption, ways, runtime, task
):
    with Postgres(tls=tls, auth="md5" if encryption == "md5" else "scram-sha-256") as server:
        if tls and server.ca_pem is None:
            pytest.skip("this PostgreSQL knows no TLS; apt-get install postgresql")
        secret, successor = os.urandom(12).hex(), os.urandom(12).hex()
        with session(server.admin, None) as connection:
            connection.run(f"set password_encryption = '{encryption}'")
            connection.run(f"create role app login password {pg8000.native.literal(secret)}")
        document = json.loads(server.admin.to_secret_string()) | {"username": "app"}
        values = [json.dumps(document | {"password": text}) for text in (secret, successor)]
        paths = json.dumps([str(task), str(runtime)])
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", PROGRAM, paths],
            input=json.dumps(values),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert not done.returncode, done.stderr
    found, modules = json.loads(done.stdout)
    assert found == ways
    assert "pg8000.dbapi" not in modules
