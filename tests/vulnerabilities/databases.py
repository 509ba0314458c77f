"""Databases of advisories for the real scanners, made by the tests: three advisories each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.vulnerabilities import bolt

JINJA, WERKZEUG, OPENSSL = "CVE-2024-22195", "CVE-2019-14806", "CVE-2099-0002"
JINJA_GHSA = "GHSA-h5c8-rqwp-cp95"
_PIP = "pip::GitHub Security Advisory Pip"


def trivy_database(cache: Path, age: timedelta = timedelta()) -> Path:
    """Lay a database into a cache directory of Trivy's; return that directory."""
    folder = cache / "db"
    folder.mkdir(parents=True)
    pip, debian = _source("ghsa", "GitHub Security Advisory Pip"), _source("debian", "Debian")
    advisories: bolt.Bucket = {
        "data-source": {_PIP: pip, "debian 12": debian},
        _PIP: {
            "jinja2": {JINJA: _affected("< 3.1.3", "3.1.3", JINJA_GHSA)},
            "werkzeug": {WERKZEUG: _affected("< 0.15.3", "0.15.3")},
        },
        "debian 12": {"openssl": {OPENSSL: _json({"FixedVersion": "3.0.99"})}},
        "vulnerability": {
            JINJA: _json({"Title": "HTML attribute injection", "Severity": "MEDIUM"}),
            WERKZEUG: _json(
                {
                    "Title": "insufficient debugger PIN randomness",
                    "Severity": "HIGH",
                    "CVSS": {"nvd": {"V3Score": 7.5}},
                }
            ),
            OPENSSL: _json({"Title": "test", "Severity": "CRITICAL"}),
        },
    }
    bolt.write(advisories, folder / "trivy.db")
    built = datetime.now(UTC) - age
    moments = {"UpdatedAt": built, "NextUpdate": built + timedelta(days=1), "DownloadedAt": built}
    metadata = {"Version": 2} | {k: f"{v:%Y-%m-%dT%H:%M:%SZ}" for k, v in moments.items()}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return cache


def _affected(versions: str, fixed: str, *names: str) -> bytes:
    return _json(
        {"VulnerableVersions": [versions], "PatchedVersions": [fixed], "VendorIDs": list(names)}
    )


def _source(name: str, title: str) -> bytes:
    return _json({"ID": name, "Name": title, "URL": "https://example.com"})


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
