"""What is scanned: told by its name, and unpacked without harm."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from wickie.errors import ConfigError, SourceError
from wickie.vulnerabilities import target
from wickie.vulnerabilities.target import Kind, Target, guessed, laid_out

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (".", Kind.DIRECTORY),
        ("requirements.txt", Kind.LOCK_FILE),
        ("function.zip", Kind.LAMBDA_ZIP),
        ("image.tar", Kind.IMAGE_ARCHIVE),
        ("shop.cdx.json", Kind.SBOM),
        (f"registry.example.com:5000/shop@{DIGEST}", Kind.IMAGE),
    ],
)
def test_a_name_says_what_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: Kind
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("requirements.txt").touch()
    assert guessed(name).kind is kind


def test_a_misspelt_name_is_not_taken_for_an_image() -> None:
    with pytest.raises(ConfigError, match="neither here nor an image by digest"):
        guessed("requirments.txt")


def test_findings_of_an_image_are_kept_under_a_name_that_outlives_its_build() -> None:
    named = Target(Kind.IMAGE, f"registry.example.com:5000/shop/web:1.2@{DIGEST}")
    assert named.name == "registry.example.com:5000/shop/web"
    assert named.place("/usr/lib/x").uri == "registry.example.com:5000/shop/web#usr/lib/x"


def _zip(path: Path, **files: bytes) -> Target:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name.replace("__", "/"), content)
    return Target(Kind.LAMBDA_ZIP, str(path))


def test_a_package_is_unpacked_for_as_long_as_it_is_scanned(tmp_path: Path) -> None:
    with laid_out(_zip(tmp_path / "a.zip", bootstrap=b"x", lib__a=b"y")) as place:
        assert Path(place, "lib", "a").read_bytes() == b"y"
        assert os.access(Path(place, "bootstrap"), os.X_OK), "or it is no Go program to a scanner"
    assert not Path(place).exists()


def test_a_package_that_reaches_outside_of_itself_is_refused(tmp_path: Path) -> None:
    evil = _zip(tmp_path / "a.zip", **{"..__..__escaped": b"x"})
    with pytest.raises(SourceError, match="outside of itself"), laid_out(evil):
        pass
    assert not (tmp_path.parent / "escaped").exists()


def test_a_package_that_grows_beyond_all_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "_MOST_BYTES", 1 << 20)
    bomb = _zip(tmp_path / "a.zip", one=bytes(600_000), other=bytes(600_000))
    with pytest.raises(SourceError, match="unzips to more than 1 MiB"), laid_out(bomb):
        pass


def test_what_is_no_package_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("no zip")
    for name in ("a.zip", "none.zip"):
        wrong = Target(Kind.LAMBDA_ZIP, str(tmp_path / name))
        with pytest.raises(SourceError, match=name), laid_out(wrong):
            pass
