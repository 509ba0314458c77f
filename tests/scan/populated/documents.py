"""Files as they lie about, with a setting written into one of their lines, or none."""

from __future__ import annotations

import gzip
import io
import json
import shlex
import zipfile
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple

from tests.scan.plants import Setting
from tests.scan.populated.leaks import Leak
from tests.scan.populated.look_alikes import (
    hexadecimal,
    identifier,
    in_base64,
    look_alike,
)


def _quoted(text: str) -> str:
    return json.dumps(text)


def _plain(setting: Setting) -> str:
    return f"{setting.label}={setting.text}"


def _python(setting: Setting) -> str:
    return f"{setting.label} = {_quoted(setting.text)}"


def _yaml(setting: Setting) -> str:
    return f"    - name: {setting.label}\n      value: {_quoted(setting.text)}"


def _shell(setting: Setting) -> str:
    return f"export {setting.label}={shlex.quote(setting.text)}"


def _terraform(setting: Setting) -> str:
    return f"    {setting.label.lower()} = {_quoted(setting.text)}"


def _json(setting: Setting) -> str:
    return json.dumps({"level": "info", "context": {setting.label: setting.text}})


def _docker(setting: Setting) -> str:
    return f"ENV {setting.label}={_quoted(setting.text)}"


def _properties(setting: Setting) -> str:
    return f"app.{setting.label.lower().replace('_', '.')}={setting.text}"


def _compose(setting: Setting) -> str:
    return f"      {setting.label}: {setting.text}"


def _ini(setting: Setting) -> str:
    return f"{setting.label.lower()} = {setting.text}"


def _java(setting: Setting) -> str:
    name = setting.label.title().replace("_", "")
    return f"    private static final String {name} = {_quoted(setting.text)};"


def _script(setting: Setting) -> str:
    return f"  {setting.label.lower()}: process.env.{setting.label} || {_quoted(setting.text)},"


def _run(setting: Setting) -> str:
    return f"docker run -d -e {setting.label}={shlex.quote(setting.text)} shop:1"


FORMATS: Final[Mapping[str, Callable[[Setting], str]]] = {
    "prod.env": _plain,
    "settings.py": _python,
    "deployment.yaml": _yaml,
    "start.sh": _shell,
    "main.tf": _terraform,
    "events.jsonl": _json,
    "Dockerfile": _docker,
    "app.properties": _properties,
    "compose.yaml": _compose,
    "config.ini": _ini,
    "Settings.java": _java,
    "config.js": _script,
    ".bash_history": _run,
}
"""By the name of the file: how a setting is written in it."""


def _locked(draw: Random) -> list[str]:
    entry = '"node_modules/p-{0}": {{ "version": "1.{0}.0", "integrity": "sha512-{1}" }},'
    return [entry.format(number, in_base64(draw, 64)) for number in range(40)]


def _hashed(draw: Random) -> list[str]:
    return [f"    --hash=sha256:{hexadecimal(draw, 64)} \\" for _ in range(40)]


def _drawn(draw: Random) -> list[str]:
    image = f".logo {{ background: url(data:image/png;base64,{in_base64(draw, 6000)}) }}"
    return ["body { margin: 0 }", image, "label[for=password] { color: #a1b2c3 }"]


def _listed(draw: Random) -> list[str]:
    rows = [f"{identifier(draw)},{hexadecimal(draw, 32)},{draw.random():.6f}" for _ in range(60)]
    return ["order_id,etag,score", *rows]


def _certified(draw: Random) -> list[str]:
    lines = in_base64(draw, 900)
    body = [lines[at : at + 64] for at in range(0, len(lines), 64)]
    return ["-----BEGIN CERTIFICATE-----", *body, "-----END CERTIFICATE-----"]


def _explained(_: Random) -> list[str]:
    return [
        "# Setting it up",
        "Set `DB_PASSWORD=<your password>`, then `Authorization: Bearer <token>`.",
        "    docker run -e POSTGRES_PASSWORD=mysecretpassword postgres",
        "    curl -u user:password https://api.shop.internal",
        'password = "********"  # never write it here',
    ]


OTHERS: Final[Mapping[str, Callable[[Random], list[str]]]] = {
    "package-lock.json": _locked,
    "requirements.txt": _hashed,
    "style.css": _drawn,
    "orders.csv": _listed,
    "server.crt": _certified,
    "README.md": _explained,
}
"""Nothing is planted in these."""


class Document(NamedTuple):
    """A file: its name, its content, and the line of what is planted."""

    name: str
    data: bytes
    line: int


def document(draw: Random, leak: Leak | None) -> Document:
    """Write one."""
    if not leak and draw.random() < 0.4:
        name = draw.choice(sorted(OTHERS))
        return Document(name, "\n".join(OTHERS[name](draw)).encode(), 0)
    name = draw.choice(sorted(FORMATS))
    lines = [FORMATS[name](look_alike(draw)) for _ in range(draw.randrange(3, 12))]
    at = draw.randrange(len(lines) + 1)
    written = [FORMATS[name](leak.setting)] if leak else []
    text = "\n".join([*lines[:at], *written, *lines[at:], ""])
    # A managed value is known in any of its encodings, not in one of these in another.
    wide = draw.random() < 0.1 and not (leak and leak.is_managed)
    before = "\n".join([*lines[:at], *written])
    return Document(name, text.encode("utf-16" if wide else "utf-8"), before.count("\n") + 1)


def packed(draw: Random, name: str, data: bytes) -> tuple[str, bytes, str]:
    """Pack it, or leave it; its name then, its content, and what its location ends with."""
    how = draw.random()
    if how < 0.1:
        return f"{name}.gz", gzip.compress(data, mtime=0), ""
    if how < 0.2:
        return f"{name}.zip", zipped(name, data), f"!{name}"
    return name, data, ""


def zipped(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()
