"""Findings that AWS's own scanners have made: ECR's basic scanning, and Amazon Inspector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wickie.errors import SourceError
from wickie.model import Location
from wickie.vulnerabilities.build import build_of_code
from wickie.vulnerabilities.finding import (
    Vulnerability,
    advisory_of,
    plain_purl,
    severity_of,
    vulnerability_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ECR_PERMISSIONS: Final = ("ecr:DescribeImageScanFindings",)
INSPECTOR_PERMISSIONS: Final = ("inspector2:ListFindings",)

_SCANNED: Final = ("COMPLETE", "ACTIVE")
_PURL_TYPES: Final[Mapping[str, str]] = {
    "OS": "generic",
    "APK": "apk",
    "DPKG": "deb",
    "OSPKG": "generic",
    "RPM": "rpm",
    "PYTHONPKG": "pypi",
    "PYTHON": "pypi",
    "PIPENV": "pypi",
    "POETRY": "pypi",
    "PIP": "pypi",
    "NODEPKG": "npm",
    "NPM": "npm",
    "YARN": "npm",
    "PNPM": "npm",
    "JAR": "maven",
    "POM": "maven",
    "GOBINARY": "golang",
    "GOMOD": "golang",
    "GEMSPEC": "gem",
    "BUNDLER": "gem",
    "CARGO": "cargo",
    "NUGET": "nuget",
    "COMPOSER": "composer",
}
"""Of Inspector's package managers; of Amazon's packages it does not say the distribution."""


def of_ecr(ecr: Any, repository: str, digest: str) -> tuple[Vulnerability, ...]:
    """
    What ECR found in an image, basic or enhanced. Raises `SourceError` if it has not looked.

    A registry with enhanced scanning keeps Inspector's findings, of which this reads all.
    """
    found: list[Vulnerability] = []
    token: dict[str, str] = {}
    while True:
        reply = ecr.describe_image_scan_findings(
            repositoryName=repository, imageId={"imageDigest": digest}, **token
        )
        status = (reply.get("imageScanStatus") or {}).get("status", "UNKNOWN")
        if status not in _SCANNED:
            raise SourceError(f"ECR has not scanned {repository}@{digest} ({status}); scan it")
        page = reply.get("imageScanFindings") or {}
        found += (_of_basic(each, repository, digest) for each in page.get("findings") or ())
        for each in page.get("enhancedFindings") or ():
            found += _of_inspector(each, repository, "ecr", (digest,))
        if not reply.get("nextToken"):
            return tuple(found)
        token = {"nextToken": reply["nextToken"]}


def of_inspector(inspector: Any, resource_type: str | None = None) -> tuple[Vulnerability, ...]:
    """Inspector's active findings on packages, of one type of resource or of all."""
    wanted = {
        "findingStatus": "ACTIVE",
        "findingType": "PACKAGE_VULNERABILITY",
        "resourceType": resource_type,
    }
    criteria = {
        name: [{"comparison": "EQUALS", "value": value}] for name, value in wanted.items() if value
    }
    found: list[Vulnerability] = []
    token: dict[str, str] = {}
    while True:
        reply = inspector.list_findings(filterCriteria=criteria, **token)
        for each in reply["findings"]:
            found += _of_inspector(each, _resource(each), "inspector", _builds(each))
        if not reply.get("nextToken"):
            return tuple(found)
        token = {"nextToken": reply["nextToken"]}


def _of_basic(found: Mapping[str, Any], target: str, digest: str) -> Vulnerability:
    known = {each["key"]: each["value"] for each in found.get("attributes") or ()}
    package, version = known.get("package_name", ""), known.get("package_version", "")
    purl = plain_purl(f"pkg:generic/{package}@{version}")
    score = known.get("CVSS3_SCORE") or known.get("CVSS2_SCORE")
    return Vulnerability(
        id=vulnerability_id(purl, found["name"], target),
        advisory=found["name"],
        title=found.get("description") or found["name"],
        severity=severity_of(found.get("severity") or ""),
        purl=purl,
        package=package,
        installed=version,
        target=target,
        location=Location(target),
        cvss=(float(score),) if score else (),
        url=found.get("uri", ""),
        seen_by=("ecr",),
        builds=(digest,),
    )


def _of_inspector(
    found: Mapping[str, Any], target: str, seer: str, builds: tuple[str, ...]
) -> Iterator[Vulnerability]:
    """One for each package that the finding is about; of what it is not, none."""
    details = found.get("packageVulnerabilityDetails") or {}
    names = (details.get("vulnerabilityId", ""), *(details.get("relatedVulnerabilities") or ()))
    scores = tuple(float(each["baseScore"]) for each in details.get("cvss") or ())
    advisory = advisory_of(names)
    for package in details.get("vulnerablePackages") or ():
        purl = _purl(package)
        path = package.get("filePath") or ""
        uri = f"{target}#{path.strip('/')}" if path else target
        yield Vulnerability(
            id=vulnerability_id(purl, advisory, uri),
            advisory=advisory,
            title=found.get("title") or advisory,
            severity=severity_of(found.get("severity") or ""),
            purl=purl,
            package=package["name"],
            installed=package["version"],
            target=target,
            location=Location(uri),
            fixed=_fixed(package),
            aliases=tuple(sorted({*filter(None, names)} - {advisory})),
            cvss=scores,
            epss=(found.get("epss") or {}).get("score"),
            layer=package.get("sourceLayerHash") or None,
            url=details.get("sourceUrl", ""),
            seen_by=(seer,),
            builds=builds,
        )


def _purl(package: Mapping[str, Any]) -> str:
    kind = _PURL_TYPES.get(str(package.get("packageManager", "")).upper(), "generic")
    return plain_purl(f"pkg:{kind}/{package['name']}@{package['version']}")


def _fixed(package: Mapping[str, Any]) -> tuple[str, ...]:
    fixed = package.get("fixedInVersion") or ""
    return (fixed,) if fixed and fixed != "NotAvailable" else ()


def _resource(found: Mapping[str, Any]) -> str:
    """What it is about: a repository, a function, an instance."""
    resource = found["resources"][0]
    details = resource.get("details") or {}
    image = details.get("awsEcrContainerImage") or {}
    function = details.get("awsLambdaFunction") or {}
    return str(image.get("repositoryName") or function.get("functionName") or resource["id"])


def _builds(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The digest of the image or code that it is about; of $LATEST, as Inspector scans no other."""
    details = found["resources"][0].get("details") or {}
    image = (details.get("awsEcrContainerImage") or {}).get("imageHash")
    code = (details.get("awsLambdaFunction") or {}).get("codeSha256")
    return tuple(filter(None, (image, code and build_of_code(code))))
