"""
A database for the real Grype, made by the tests: what is in `databases`, as Grype keeps it.

Grype's own `db import` adds the tables and indexes that are missing here.
https://github.com/anchore/grype/blob/v0.115.0/grype/db/v6/models.go
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.vulnerabilities.databases import JINJA, JINJA_GHSA, OPENSSL, WERKZEUG

EPSS = 0.12
_SCHEMA = """
CREATE TABLE db_metadata (build_timestamp datetime NOT NULL, model integer NOT NULL,
    revision integer NOT NULL, addition integer NOT NULL);
CREATE TABLE providers (id text PRIMARY KEY, version text, processor text, date_captured datetime,
    input_digest text);
CREATE TABLE blobs (id integer PRIMARY KEY AUTOINCREMENT, value text NOT NULL);
CREATE TABLE vulnerability_handles (id integer PRIMARY KEY AUTOINCREMENT, name text NOT NULL,
    status text NOT NULL, published_date datetime, modified_date datetime, withdrawn_date datetime,
    provider_id text NOT NULL, blob_id integer);
CREATE TABLE vulnerability_aliases (name text, alias text NOT NULL, PRIMARY KEY (name, alias));
CREATE TABLE packages (id integer PRIMARY KEY AUTOINCREMENT, ecosystem text, name text);
CREATE TABLE operating_systems (id integer PRIMARY KEY AUTOINCREMENT, name text, release_id text,
    major_version text, minor_version text, label_version text, codename text, channel text,
    eol_date datetime, eoas_date datetime);
CREATE TABLE affected_package_handles (id integer PRIMARY KEY AUTOINCREMENT,
    vulnerability_id integer NOT NULL, operating_system_id integer, package_id integer,
    blob_id integer);
CREATE TABLE epss_handles (id integer PRIMARY KEY AUTOINCREMENT, cve text NOT NULL,
    epss real NOT NULL, percentile real NOT NULL);
CREATE TABLE epss_metadata (date datetime NOT NULL);
CREATE TABLE known_exploited_vulnerability_handles (id integer PRIMARY KEY AUTOINCREMENT,
    cve text NOT NULL, blob_id integer);
"""


def write(path: Path, age: timedelta = timedelta()) -> Path:
    """Write the database; `grype db import` takes it from there."""
    built = f"{datetime.now(UTC) - age:%Y-%m-%d %H:%M:%S+00:00}"
    with sqlite3.connect(path) as database:
        database.executescript(_SCHEMA)
        rows = _Rows(database, built)
        rows.add("db_metadata", build_timestamp=built, model=6, revision=1, addition=7)
        for name in ("github", "debian"):
            rows.add("providers", id=name, version="1", processor="x", date_captured=built)
        debian = rows.add(
            "operating_systems", name="debian", release_id="debian", major_version="12",
            minor_version="", label_version="", codename="bookworm", channel="",
        )  # fmt: skip
        score = {"vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", "version": "3.1"}
        rows.advisory(JINJA_GHSA, JINJA, "medium", ("python", "jinja2"), "3.1.3", cvss=score)
        rows.advisory("GHSA-gq9m-qvpx-68hc", WERKZEUG, "high", ("python", "werkzeug"), "0.15.3")
        rows.advisory(OPENSSL, OPENSSL, "critical", ("deb", "openssl"), "3.0.99", system=debian)
        rows.add("epss_handles", cve=JINJA, epss=EPSS, percentile=0.9)
        rows.add("epss_metadata", date=built)
        kev = {"cve": OPENSSL, "known_ransomware_campaign_use": "Known"}
        rows.add("known_exploited_vulnerability_handles", cve=OPENSSL, blob_id=rows.blob(kev))
    database.close()
    return path


class _Rows:
    """Adds rows to a database."""

    def __init__(self, database: sqlite3.Connection, built: str) -> None:
        self._database = database
        self._built = built

    def add(self, table: str, **values: Any) -> int:
        names, marks = ",".join(values), ",".join("?" * len(values))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  (ours)
        return self._database.execute(statement, list(values.values())).lastrowid or 0

    def blob(self, value: Any) -> int:
        return self.add("blobs", value=json.dumps(value))

    def advisory(
        self, name: str, cve: str, severity: str, package: tuple[str, str], fixed: str,
        *, system: int | None = None, cvss: Any = None,
    ) -> None:  # fmt: skip
        """One advisory about all versions of a package before `fixed`."""
        severities = [{"scheme": "CHML", "value": severity, "rank": 1}]
        if cvss:
            severities.append({"scheme": "CVSS", "value": cvss, "source": "nvd", "rank": 2})
        aliases = [cve] if cve != name else []
        told = {"id": name, "description": "x", "aliases": aliases, "severities": severities}
        vulnerability = self.add(
            "vulnerability_handles", name=name, status="active", published_date=self._built,
            modified_date=self._built, provider_id="debian" if system else "github",
            blob_id=self.blob(told),
        )  # fmt: skip
        for alias in aliases:
            self.add("vulnerability_aliases", name=name, alias=alias)
        version = {"type": "dpkg" if system else "python", "constraint": f"< {fixed}"}
        affected = {
            "cves": [cve],
            "ranges": [{"version": version, "fix": {"version": fixed, "state": "fixed"}}],
        }
        self.add(
            "affected_package_handles", vulnerability_id=vulnerability, operating_system_id=system,
            package_id=self.add("packages", ecosystem=package[0], name=package[1]),
            blob_id=self.blob(affected),
        )  # fmt: skip
