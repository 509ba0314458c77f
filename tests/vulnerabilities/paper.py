"""Findings on paper."""

from __future__ import annotations

from typing import Any

from wickie.model import Location, Severity
from wickie.vulnerabilities.finding import Vulnerability, vulnerability_id

PURL = "pkg:pypi/jinja2@3.1.2"


def finding(**differing: Any) -> Vulnerability:
    """A finding that is as any, but for what is given."""
    values: dict[str, Any] = {
        "advisory": "CVE-2024-22195",
        "title": "HTML attribute injection",
        "severity": Severity.MEDIUM,
        "purl": PURL,
        "package": "jinja2",
        "installed": "3.1.2",
        "target": "shop",
        "location": Location("shop/requirements.txt"),
        "fixed": ("3.1.3",),
        "aliases": ("GHSA-h5c8-rqwp-cp95",),
        "seen_by": ("trivy",),
    } | differing
    place = values["location"].uri
    return Vulnerability(id=vulnerability_id(values["purl"], values["advisory"], place), **values)
