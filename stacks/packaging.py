"""
The functions' code, put together without Docker: `python -m stacks.packaging`.

What goes in is what a function imports, followed through wickie, and the driver of its engine;
of a driver with native code, the wheel for Lambda. boto3 and dateutil are in Lambda's runtime; a
copy beside it would shadow that one. Lambda compiles what is imported at every start, and people
read it in its repository: what only readers and type checkers need stays behind, licences do not.
"""

from __future__ import annotations

import ast
import importlib.metadata
import io
import os
import shutil
import sys
import tempfile
import tomllib
import zipfile
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, Protocol

from stacks import native, record
from stacks.bare import bare, for_type_checkers, statements
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES, find_engine
from wickie.rotation.strategies import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PROJECT: Final = Path(__file__).resolve().parent.parent
_OWN: Final = ("dispatch", "observe", "refresh", "register", "watch")
"""Functions that serve no engine."""
_OURS: Final = ("lambdas", "wickie")
# The driver asks for its own version, so some lines of METADATA go along; licences must.
_METADATA: Final = ("METADATA", "LICENSE")
_HEADERS: Final = ("Metadata-Version:", "Name:", "Version:")
_CODE: Final = (".py", ".so")
_UNUSED: Final = frozenset(
    {
        # scramp reads a certificate's signature algorithm, for channel binding, and no more.
        *(
            f"asn1crypto/{name}.py"
            for name in ("_inet", "cms", "crl", "csr", "ocsp", "pdf", "pkcs12", "tsp")
        ),
        # The DB-API, which nobody here speaks: pg8000.native stands on pg8000.core alone.
        "pg8000/dbapi.py",
        "pg8000/legacy.py",
    }
)
"""Files of drivers that are never imported. The tests sign in from a zip, in every way."""
_EMPTIED: Final = frozenset({"pg8000/__init__.py"})
"""They import what is left out, for whoever may want it."""
_MOMENT: Final = 315_532_800  # 1980-01-01, the first that a zip can tell


class CodeFor(Protocol):
    """Puts the code of a function together: `build`, or what stands for it in tests."""

    def __call__(
        self, name: str, /, *, also: Sequence[str] = (), files: Mapping[str, str] | None = None
    ) -> Path:
        """See `build`."""


def build(
    name: str,
    root: Path = PROJECT,
    *,
    also: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """
    Make a folder of its own under `root` anew and return it. Same input, same bytes.

    Args:
        name: An engine, for its rotation function, or one of those that serve none: `dispatch`,
            `observe`, `refresh`, `register`, `watch`.
        root: Where `build/lambda` is.
        also: Modules that the function names in strings, and not every one of its kind needs.
        files: What is added: a function's environment takes 4 kB at most.
    """
    entries, drivers, compiled = _contents_of(name)
    added = [PurePath(file).stem for file in files or {}]
    variant = "-".join([name, *(module.rpartition(".")[2] for module in also), *added])
    target = root / "build" / "lambda" / variant
    made_of = record.digest(
        _sources(), repr((name, also, files)).encode(), *map(_installed, drivers)
    )
    if record.stands(target, made_of):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as scratch:
        made = Path(scratch) / name
        for source in sorted(_reachable([*entries, *also])):
            _copy(source, made / source.relative_to(PROJECT))
        for driver in drivers:
            _vendor(driver, made)
        if compiled:
            _unpack(native.fetch(compiled, _lock(), PROJECT), made)
        for file, text in (files or {}).items():
            (made / file).write_text(text)
        for path in made.rglob("*"):
            os.utime(path, (_MOMENT, _MOMENT))
        # A folder that is as it should be may be being read by someone else: leave it alone.
        if not target.exists() or record.contents(target) != record.contents(made):
            shutil.rmtree(target, ignore_errors=True)
            made.replace(target)
    record.write(target, made_of)
    return target


@cache
def _sources() -> bytes:
    """All that a function's code may be made of, but for installed distributions."""
    ours = (path for top in (*_OURS, "stacks") for path in sorted((PROJECT / top).rglob("*.py")))
    read = (str(path).encode() + path.read_bytes() for path in (*ours, PROJECT / "uv.lock"))
    return record.digest(sys.version.encode(), *read).encode()


def _contents_of(name: str) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Modules to start from, and the distributions that they need: in Python, and compiled."""
    if name in _OWN:
        return [f"lambdas.{name}"], (), ()
    engine = find_engine(name)
    engines = [engine, *(find_engine(opened) for opened in engine.opens)]
    # The registries name modules in strings, so that a function imports no other engine's.
    named = [e.provider for e in engines] + [STRATEGIES[s] for s in engine.strategies]
    modules = [path.partition(":")[0] for path in named]
    drivers, native = (
        tuple(dict.fromkeys(name for names in kind for name in names))
        for kind in ([e.drivers for e in engines], [e.native for e in engines])
    )
    return ["lambdas.rotate", *modules], drivers, native


def archive(folder: Path) -> bytes:
    """Zip a built folder as it is uploaded."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            bundle.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _reachable(modules: Iterable[str]) -> set[Path]:
    """Every file of this project that importing `modules` runs."""
    found: set[Path] = set()
    waiting = [*modules]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None or path in found:
            continue
        found.add(path)
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
        waiting += _imports(path)
    return found


def _source(module: str) -> Path | None:
    base = PROJECT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports when it runs, so not for type checkers alone."""
    for node in statements(ast.parse(path.read_text()), but=for_type_checkers):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name`: the name may be a module
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in _OURS)


def _vendor(name: str, target: Path) -> None:
    """Copy an installed distribution, provided that it is the one in uv.lock."""
    version = _distribution(name).version
    if version != _locked(name):
        raise ConfigError(f"{name} {version} is installed and {_locked(name)} locked; run uv sync")
    for file, installed in _distributed(name):
        copied = target.joinpath(*file.parts)
        _copy(installed, copied)
        if str(file) in _EMPTIED:
            copied.write_text("")


def _distributed(name: str) -> Iterator[tuple[PurePath, Path]]:
    """What goes along of an installed distribution, and where it is."""
    distribution = _distribution(name)
    for file in distribution.files or ():
        if _needed(file, (".py",)):
            yield file, Path(str(distribution.locate_file(file)))


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError(f"{name} is not installed; run uv sync") from None


def _installed(name: str) -> bytes:
    return record.digest(*(path.read_bytes() for _, path in _distributed(name))).encode()


def _unpack(wheels: Path, target: Path) -> None:
    for path in sorted(p for p in wheels.rglob("*") if p.is_file()):
        file = path.relative_to(wheels)
        if _needed(file, _CODE):
            _copy(path, target / file)


def _needed(file: PurePath, suffixes: tuple[str, ...]) -> bool:
    """Whether a distribution's file goes along. Scripts lie outside, or in `bin`."""
    top = file.parts[0]
    if top.endswith(".dist-info"):
        return file.name in _METADATA
    return top not in ("..", "bin") and file.suffix in suffixes and str(file) not in _UNUSED


def _locked(name: str) -> str:
    return next((str(p["version"]) for p in _lock()["package"] if p["name"] == name), "not")


@cache
def _lock() -> dict[str, Any]:
    """uv.lock: parsing it takes half a second."""
    return tomllib.loads((PROJECT / "uv.lock").read_text())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.name == "METADATA":  # most of it is a README, a seventh of the zip
        lines = source.read_text().splitlines(keepends=True)
        target.write_text("".join(line for line in lines if line.startswith(_HEADERS)))
    elif source.suffix == ".py":
        target.write_text(bare(source.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        shutil.copyfile(source, target)  # content alone: what mode it has here must not matter
    target.chmod(0o644)


if __name__ == "__main__":
    for built in map(build, (*_OWN, *ENGINES)):
        sys.stdout.write(f"{built}: {len(archive(built)) / 1000:.0f} kB zipped\n")
