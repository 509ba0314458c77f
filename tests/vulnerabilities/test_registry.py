"""Images by reference, and the database of one's own registry: real Trivy, real registry."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local.packages import MissingError
from local.registry import Registry
from tests.vulnerabilities import images
from tests.vulnerabilities.databases import JINJA, OPENSSL, trivy_database
from tests.vulnerabilities.pushing import push_database, push_image
from wickie.credentials import Sensitive
from wickie.errors import ConfigError, SourceError
from wickie.vulnerabilities.grype import Grype
from wickie.vulnerabilities.scanner import Database, Login
from wickie.vulnerabilities.scanning import scan_target
from wickie.vulnerabilities.target import Kind, Target
from wickie.vulnerabilities.trivy import Trivy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[False, True], ids=["open", "locked"])
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    try:
        with Registry(locked=request.param) as registry:
            yield registry
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def locked() -> Iterator[Registry]:
    try:
        with Registry(locked=True) as registry:
            yield registry
    except MissingError as error:
        pytest.skip(str(error))


def test_an_image_is_scanned_where_it_is_by_its_digest(trivy: Trivy, registry: Registry) -> None:
    reference = push_image(registry, "shop/web")
    login = Login(registry.address, registry.username, registry.password)
    result = trivy.scan(Target(Kind.IMAGE, reference), login)
    found = {each.advisory: each for each in result.findings}
    assert found.keys() == {JINJA, OPENSSL}
    assert found[OPENSSL].location.uri == f"{registry.address}/shop/web"
    assert found[OPENSSL].layer == images.digest(images.layer())


def test_a_wrong_password_is_an_error_that_does_not_repeat_it(
    trivy: Trivy, locked: Registry
) -> None:
    target = Target(Kind.IMAGE, push_image(locked, "shop/web"))
    wrong = Login(locked.address, locked.username, Sensitive("sesame-open"))
    for login in (wrong, None):
        with pytest.raises(SourceError, match=r"trivy could not scan .*shop/web") as refused:
            trivy.scan(target, login)
        assert "sesame-open" not in str(refused.value)


def test_grype_signs_in_too_and_sees_the_same(trivy: Trivy, grype: Grype, locked: Registry) -> None:
    target = Target(Kind.IMAGE, push_image(locked, "shop/web"))
    login = Login(locked.address, locked.username, locked.password)
    scanned = scan_target(target, {"trivy": trivy, "grype": grype}, login)
    assert scanned.gaps == ()
    assert {each.advisory for each in scanned.findings} == {JINJA, OPENSSL}
    assert all(len(each.seen_by) == 2 for each in scanned.findings)
    with pytest.raises(SourceError, match=r"grype could not scan .*shop/web"):
        grype.scan(target)


def test_an_image_that_is_not_there_is_an_error(trivy: Trivy, registry: Registry) -> None:
    login = Login(registry.address, registry.username, registry.password)
    missing = f"{registry.address}/shop/none@{images.digest(b'')}"
    with pytest.raises(SourceError, match="trivy could not scan"):
        trivy.scan(Target(Kind.IMAGE, missing), login)


def test_the_database_comes_from_ones_own_registry(
    trivy: Trivy, registry: Registry, tmp_path: Path
) -> None:
    fresh = trivy_database(tmp_path / "published") / "db"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        for name in ("trivy.db", "metadata.json"):
            opened.add(fresh / name, arcname=name)
    source = push_database(registry, "mirror/trivy-db", packed.getvalue())
    login = Login(registry.address, registry.username, registry.password)
    mirrored = replace(trivy, database=Database(tmp_path / "cache", source=source))
    mirrored.refresh(login)
    assert mirrored.attest().database.schema == "2"
    archive = Target(Kind.IMAGE_ARCHIVE, str(images.archive(tmp_path / "demo.tar")))
    assert len(mirrored.scan(archive).findings) == 2
    gone = replace(mirrored, database=Database(tmp_path / "none", source=f"{source}9"))
    with pytest.raises(ConfigError, match="cannot be fetched from"):
        gone.refresh(login)
