"""The reports' JSON lines as tables of the Glue catalogue, for Athena."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Stack
from aws_cdk import aws_glue as glue
from constructs import Construct

from wickie.report.columns import columns
from wickie.report.lines import KINDS, folder

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3

_DAYS: Final = "NOW-1YEARS,NOW"
"""As long as the bucket keeps reports."""


class ResultsTables(Construct):
    """
    One table for each kind of lines.

    Partitions are projected from the day: nobody runs a crawler or adds them. Deleting a table
    deletes nothing in the bucket, and a later deployment makes the same again.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: str, bucket: s3.IBucket) -> None:
        super().__init__(scope, id_)
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=f"wickie_{stage.replace('-', '_')}",
                description=f"wickie {stage}: what its runs reported",
            ),
        )
        for kind in KINDS:
            glue.CfnTable(
                self,
                kind.capitalize(),
                catalog_id=Stack.of(self).account,
                database_name=database.ref,
                table_input=_table(kind, f"s3://{bucket.bucket_name}/{folder(kind)}"),
            )


def _table(kind: str, location: str) -> glue.CfnTable.TableInputProperty:
    return glue.CfnTable.TableInputProperty(
        name=kind,
        table_type="EXTERNAL_TABLE",
        parameters={
            "classification": "json",
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": _DAYS,
            "projection.dt.interval": "1",
            "projection.dt.interval.unit": "DAYS",
            "storage.location.template": f"{location}dt=${{dt}}/",
        },
        partition_keys=[glue.CfnTable.ColumnProperty(name="dt", type="string")],
        storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
            columns=[
                glue.CfnTable.ColumnProperty(name=name, type=type_)
                for name, type_ in columns(kind).items()
            ],
            location=location,
            input_format="org.apache.hadoop.mapred.TextInputFormat",
            output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            serde_info=glue.CfnTable.SerdeInfoProperty(
                serialization_library="org.openx.data.jsonserde.JsonSerDe"
            ),
        ),
    )
