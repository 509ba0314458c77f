"""The bucket that reports and Prefect's results are written to."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

_KEEP_REPORTS: Final = Duration.days(365)
_KEEP_OVERWRITTEN: Final = Duration.days(30)


class ResultsBucket(Construct):
    """
    Encrypted, versioned, reached over TLS only, and emptied by age.

    Deleting it does not empty it: CDK's `auto_delete_objects` is a Node function in the
    customer's account, which this project does not put there.
    """

    def __init__(
        self, scope: Construct, id_: str, removal: RemovalPolicy, key: kms.IKey | None
    ) -> None:
        super().__init__(scope, id_)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            enforce_ssl=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=_KEEP_REPORTS,
                    noncurrent_version_expiration=_KEEP_OVERWRITTEN,
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
