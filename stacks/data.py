"""What outlives a deployment: reports, fingerprints, findings, and the key that makes prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CrossStackReferences, Duration, ReferenceStrength, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from stacks.constructs.contract import publish
from stacks.constructs.results_bucket import ResultsBucket
from stacks.constructs.results_tables import ResultsTables
from stacks.permissions import SEAL

if TYPE_CHECKING:
    from constructs import Construct

    from wickie.config import Config


class DataStack(Stack):
    """Kept when the stack is deleted, unless wickie.yaml says `retain: false`."""

    def __init__(self, scope: Construct, config: Config) -> None:
        super().__init__(
            scope, f"WickieData-{config.stage}", description="wickie: reports and fingerprints"
        )
        removal = RemovalPolicy.RETAIN if config.retain else RemovalPolicy.DESTROY
        self._key = self._customer_key(config.stage, removal) if _customer(config) else None
        self.results = ResultsBucket(self, "Results", removal, self._key).bucket
        ResultsTables(self, "Lines", stage=config.stage, bucket=self.results)
        self.fingerprints = self._table("Fingerprints", "secret", removal, sort_key="version")
        self.findings = self._table("Findings", "id", removal)
        self.fingerprint_key = self._hmac_key(config, removal)
        for field, value in {
            "results_bucket": self.results.bucket_name,
            "fingerprint_table": self.fingerprints.table_name,
            "fingerprint_key": self.fingerprint_key.key_arn,
            "findings_table": self.findings.table_name,
        }.items():
            publish(self, config.stage, field, value)

    def _table(
        self, id_: str, key: str, removal: RemovalPolicy, sort_key: str | None = None
    ) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            id_,
            partition_key=_string(key),
            sort_key=_string(sort_key) if sort_key else None,
            time_to_live_attribute="expires",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED
            if self._key
            else dynamodb.TableEncryption.AWS_MANAGED,
            encryption_key=self._key,
            removal_policy=removal,
        )

    @property
    def key_arn(self) -> str | None:
        """The ARN of the customer's key, where there is one."""
        return self._key.key_arn if self._key else None

    def let_use(self, role: iam.Role) -> None:
        """Let `role` read and write what the customer's key encrypts, where there is one."""
        if self._key:
            role.add_to_principal_policy(
                iam.PolicyStatement(
                    actions=list(SEAL),
                    resources=[self._key.key_arn],
                    conditions={"StringLike": {"kms:ViaService": ["dynamodb.*", "s3.*"]}},
                )
            )

    def _customer_key(self, stage: str, removal: RemovalPolicy) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            enable_key_rotation=True,
            description=f"wickie {stage}: encrypts reports and tables",
            pending_window=Duration.days(7),
            removal_policy=removal,
        )
        # So that the setting can be taken back: an export that is imported could not be given up.
        CrossStackReferences.of(key).produce(ReferenceStrength.WEAK)
        return key

    def _hmac_key(self, config: Config, removal: RemovalPolicy) -> kms.Key:
        # Its policy names the account alone, so that the roles in other stacks are let in by
        # their own policies: naming them here would make the stacks depend on each other in a
        # circle (https://github.com/aws/aws-cdk/issues/14213).
        number = config.encryption.fingerprint_key
        key = kms.Key(
            self,
            "FingerprintKey" if number == 1 else f"FingerprintKey{number}",
            key_spec=kms.KeySpec.HMAC_256,
            key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC,
            description=f"wickie {config.stage}: derives the key of managed secrets' fingerprints",
            pending_window=Duration.days(7),
            removal_policy=removal,
        )
        CrossStackReferences.of(key).produce(ReferenceStrength.WEAK)  # so that another can follow
        return key


def _customer(config: Config) -> bool:
    return config.encryption.key == "customer"


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
