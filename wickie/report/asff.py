"""
Findings in Security Hub's format (ASFF). Holds no value, as none of the renderings does.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wickie.model import Finding, Stage, Verdict
from wickie.report.headline import secret_name
from wickie.report.sarif import utc
from wickie.vulnerabilities.finding import Vulnerability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.report.record import Report
    from wickie.report.vulnerabilities import VulnerabilityReport

Asff = dict[str, Any]

_TITLE, _DESCRIPTION, _RECOMMENDATION, _FIELD, _ID = 256, 1024, 512, 2048, 512
"""Characters that AWS takes of each; it refuses a finding with more."""
_PACKAGES_FIXED: Final = 5
_RESOURCES: Final[Mapping[str, str]] = {
    "s3": "AwsS3Object",
    "lambda-environment": "AwsLambdaFunction",
    "lambda-code": "AwsLambdaFunction",
    "ecs-task-definition": "AwsEcsTaskDefinition",
    "ec2-user-data": "AwsEc2Instance",
    "autoscaling-launch-configuration": "AwsAutoScalingLaunchConfiguration",
    "codebuild-project": "AwsCodeBuildProject",
    "cloudformation-stack": "AwsCloudFormationStack",
    "step-functions-state-machine": "AwsStepFunctionStateMachine",
    "appsync-api": "AwsAppSyncGraphQLApi",
    "secretsmanager-metadata": "AwsSecretsManagerSecret",
}
"""What Security Hub calls what a kind of source reads, where it has a name for it."""


@dataclass(frozen=True)
class Hub:
    """Whose Security Hub it is; findings are its account's, wherever they were made."""

    account: str
    region: str
    partition: str = "aws"

    @property
    def product(self) -> str:
        """The product that every account may import findings of."""
        default = f"product/{self.account}/default"
        return f"arn:{self.partition}:securityhub:{self.region}:{self.account}:{default}"


def render_asff(report: Report | VulnerabilityReport, hub: Hub) -> Iterator[Asff]:
    """
    Every finding; what is settled is archived.

    Settled is a value that its own system was seen refusing, or that is in use nowhere any more,
    and a vulnerability that is suppressed. Not to meet a finding again settles nothing: its target
    may not have been scanned, or its log not have reached back so far.
    """
    for finding in report.findings:
        if isinstance(finding, Vulnerability):
            yield _common(report, hub, finding, finding.advisory) | _weakness(hub, finding)
        else:
            yield _common(report, hub, finding, finding.rule_id) | _leak(hub, finding)


def _common(
    report: Report | VulnerabilityReport, hub: Hub, finding: Finding | Vulnerability, rule: str
) -> Asff:
    first, last = finding.first_seen or report.ended, finding.last_seen or report.ended
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"wickie/{report.stage}/{finding.id}",
        "ProductArn": hub.product,
        "ProductName": "wickie",
        "CompanyName": "wickie",
        "GeneratorId": f"wickie/{rule}"[:_ID],
        "AwsAccountId": hub.account,
        "CreatedAt": utc(first),
        "UpdatedAt": utc(last),
        "FirstObservedAt": utc(first),
        "LastObservedAt": utc(last),
        "Title": finding.title[:_TITLE] or rule,
        "ProductFields": {"wickie/stage": report.stage, "wickie/run": report.run_id}
        | {name: value[:_FIELD] for name, value in _fields(finding).items() if value},
    }


def _leak(hub: Hub, finding: Finding) -> Asff:
    place = finding.location
    line = f", line {place.line}" if place.line else ""
    leaked = finding.managed
    settled = finding.verdict is Verdict.DEAD or (leaked and leaked.stage is Stage.RETIRED)
    resources = [_resource(hub, finding.source, place.uri)]
    remedy = "Take it out of there, and replace the credential."
    if leaked:
        name = secret_name(leaked.arn)
        resources.append({"Type": "AwsSecretsManagerSecret", "Id": leaked.arn})
        remedy = f"Take it out of there; if it is still in use, run: wickie rotate {name}"
    return {
        "Description": f"{finding.title} in {place.uri}{line}"[:_DESCRIPTION],
        "FindingProviderFields": _weighed(
            finding, "Sensitive Data Identifications/Passwords", "Effects/Data Exposure"
        ),
        "Resources": resources,
        "Remediation": {"Recommendation": {"Text": remedy[:_RECOMMENDATION]}},
        "RecordState": "ARCHIVED" if settled else "ACTIVE",
    }


def _weakness(hub: Hub, found: Vulnerability) -> Asff:
    fixed = ", ".join(found.fixed[:_PACKAGES_FIXED])
    advice: dict[str, str] = {"Text": f"Update {found.package} to {fixed}." if fixed else "No fix."}
    if found.url:
        advice["Url"] = found.url
    package = {"Name": found.package, "Version": found.installed, "FilePath": found.location.uri}
    if fixed:
        package["FixedInVersion"] = fixed
    weakness: dict[str, Any] = {
        "Id": found.advisory,
        "VulnerablePackages": [package],
        "FixAvailable": "YES" if fixed else "NO",
        "Cvss": [{"BaseScore": score} for score in found.cvss],
        "RelatedVulnerabilities": list(found.aliases),
    }
    if found.epss is not None:
        weakness["EpssScore"] = found.epss
    if found.kev:
        weakness["ExploitAvailable"] = "YES"
    where = f"{found.package} {found.installed} in {found.target}"
    return {
        "Description": f"{found.advisory}: {found.title} ({where})"[:_DESCRIPTION],
        "FindingProviderFields": _weighed(
            found, "Software and Configuration Checks/Vulnerabilities/CVE"
        ),
        "Resources": [_resource(hub, "", found.target)],
        "Remediation": {"Recommendation": advice},
        "Vulnerabilities": [{name: value for name, value in weakness.items() if value != []}],
        "RecordState": "ARCHIVED" if found.suppressed_by else "ACTIVE",
    }


def _weighed(finding: Finding | Vulnerability, *types: str) -> Asff:
    """How bad it is; what stands outside of this cannot be changed by a later import."""
    return {"Severity": {"Label": finding.severity.value}, "Types": list(types)}


def _resource(hub: Hub, source: str, uri: str) -> Asff:
    id_, type_ = uri.partition("#")[0], _RESOURCES.get(source, "Other")
    if source == "s3":
        id_ = f"arn:{hub.partition}:s3:::{id_.removeprefix('s3://').partition('?')[0]}"
    elif not id_.startswith("arn:"):
        type_ = "Other"
    return {"Type": type_, "Id": id_[:_ID], "Partition": hub.partition}


def _fields(finding: Finding | Vulnerability) -> dict[str, str]:
    """What Security Hub has no name for, and people may filter by."""
    if isinstance(finding, Vulnerability):
        return {"wickie/purl": finding.purl, "wickie/seen-by": ", ".join(finding.seen_by)}
    leaked = finding.managed
    return {
        "wickie/source": finding.source,
        "wickie/verdict": finding.verdict.value,
        "wickie/secret": leaked.arn if leaked else "",
        "wickie/version": leaked.version_id if leaked else "",
    }
