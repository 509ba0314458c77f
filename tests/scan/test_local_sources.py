"""Directories and repositories are read whole; what cannot be read is named."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.scan import paper
from tests.scan.paper import drawn, managed
from wickie.aws import Clients
from wickie.errors import SourceError
from wickie.model import Gap
from wickie.scan import engine
from wickie.scan.chunk import SIZE, Chunk
from wickie.scan.sources import open_source
from wickie.scan.sources.git import Repository


def read(kind: str, **options: str) -> list[Chunk | Gap]:
    return paper.read(open_source(kind, options, Clients()))


def texts(parts: list[Chunk | Gap]) -> dict[str, bytes]:
    assert all(isinstance(part, Chunk) for part in parts), parts
    return {part.at(1).uri: part.data for part in parts if isinstance(part, Chunk) and part.data}


def git(folder: Path, *words: str) -> str:
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(
        ["git", *author, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(folder: Path, **files: str | None) -> str:
    for name, text in files.items():
        path = folder / name
        path.unlink() if text is None else path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


def test_a_directory_is_read_with_hidden_large_empty_and_oddly_named_files(tmp_path):
    (tmp_path / "deep" / ".git" / "objects").mkdir(parents=True)
    (tmp_path / "deep" / ".git" / "config").write_text("url")
    (tmp_path / "deep" / ".git" / "objects" / "ab").write_text("compressed")
    (tmp_path / ".env").write_text("hidden")
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * (2 * SIZE))
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9")).write_text("latin")
    result = engine.scan(
        [open_source("directory", {"path": str(tmp_path)}, Clients())], [], run_id="r"
    )
    assert (result.artifacts, result.gaps) == (5, ())
    assert result.bytes_scanned == 2 * SIZE + len("url" + "hidden" + "latin")
    (odd,) = (c for c in read("directory", path=str(tmp_path)) if c.data == b"latin")
    assert odd.uri.encode() == bytes(tmp_path) + "/caf\ufffd".encode()


def test_links_pipes_and_loops_are_left_out_of_a_directory(tmp_path):
    (tmp_path / "real").write_text("text")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert texts(read("directory", path=str(tmp_path))) == {f"{tmp_path}/real": b"text"}


def test_one_file_can_be_scanned_and_a_missing_one_is_an_error(tmp_path):
    (tmp_path / "one").write_text("text")
    assert texts(read("directory", path=str(tmp_path / "one"))) == {f"{tmp_path}/one": b"text"}
    with pytest.raises(SourceError, match="correct the path"):
        read("directory", path=str(tmp_path / "none"))


def test_what_may_not_be_read_of_a_directory_is_a_gap(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    real = os.open

    def refuse(path, *arguments):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    gap, chunk = read("directory", path=str(tmp_path))
    assert gap == Gap(f"{tmp_path}/a", "permission denied")
    assert chunk.data == b"b"


def test_a_relative_directory_gives_relative_names(tmp_path, monkeypatch):
    (tmp_path / "f").write_text("text")
    monkeypatch.chdir(tmp_path)
    assert texts(read("directory", path=".")) == {"f": b"text"}


def test_git_history_finds_a_value_deleted_two_commits_ago(repository):
    value = drawn()
    leaked = commit(repository, settings=f"one\npw={value}\n", other="x")
    commit(repository, settings=None)
    commit(repository, other="y")
    source = open_source("git", {"path": str(repository)}, Clients())
    result = engine.scan([source], [managed(value)], run_id="r")
    (finding,) = result.findings
    assert finding.location.uri == f"git:{repository}@{leaked}:settings"
    assert finding.location.line == 2
    assert result.artifacts == 3


def test_git_history_reads_other_branches_stashes_and_each_version_once(repository):
    commit(repository, a="1")
    git(repository, "checkout", "-q", "-b", "branch")
    commit(repository, a="2")
    git(repository, "checkout", "-q", "main")
    commit(repository, b="3")
    (repository / "a").write_text("stashed")
    git(repository, "stash")
    versions = sorted(chunk.data for chunk in read("git", path=str(repository)))
    assert versions == [b"1", b"2", b"3", b"stashed"]


def test_identity_in_git_does_not_depend_on_the_commit(repository):
    value = drawn()
    commit(repository, a=f"pw={value}")
    commit(repository, a=f"# more\npw={value}")
    source = open_source("git", {"path": str(repository)}, Clients())
    assert len(engine.scan([source], [managed(value)], run_id="r").findings) == 1


def test_a_version_too_large_for_memory_is_a_gap(repository):
    commit(repository, large="x" * 1000, small="y")
    gap, chunk = sorted(
        paper.read(Repository(repository, largest=100)), key=lambda p: type(p) is Chunk
    )
    assert "git:" in gap.uri
    assert gap.reason
    assert chunk.data == b"y"


def test_missing_objects_of_a_repository_are_gaps(repository):
    commit(repository, a="1", b="2")
    blob = git(repository, "rev-parse", "HEAD:a")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    parts = read("git", path=str(repository))
    assert [part.data for part in parts if isinstance(part, Chunk)] == [b"2"]
    assert [blob in part.uri for part in parts if isinstance(part, Gap)] == [True]


def test_history_is_read_since_a_commit_if_so_wished(repository):
    commit(repository, a="1")
    known = commit(repository, b="2")
    commit(repository, b="3", c="4")
    parts = read("git", path=str(repository), since=known)
    assert sorted(part.data for part in parts) == [b"3", b"4"]
    with pytest.raises(SourceError, match=f"there is a commit {'0' * 40}"):
        read("git", path=str(repository), since="0" * 40)


def test_every_repository_that_matches_a_pattern_is_read_and_a_broken_one_is_named(tmp_path):
    for name in ("one", "two", "broken"):
        folder = tmp_path / name
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        commit(folder, a=name)
    (tmp_path / "no-repository").mkdir()
    (tmp_path / "broken" / ".git" / "HEAD").write_text("nonsense")
    parts = read("git", path=f"{tmp_path}/*")
    assert sorted(p.data for p in parts if isinstance(p, Chunk)) == [b"one", b"two"]
    (gap,) = (part for part in parts if isinstance(part, Gap))
    assert gap.uri == f"git:{tmp_path}/broken"
    with pytest.raises(SourceError, match="no git repository matches"):
        read("git", path=f"{tmp_path}/none*")


def test_a_folder_without_a_repository_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="git repository"):
        read("git", path=str(tmp_path))
