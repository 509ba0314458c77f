"""Whether the containers of flow runs are still there: ECS knows, by what Prefect noted of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from wickie.asking import asking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ecs import ECSClient

PERMISSIONS: Final = ("ecs:DescribeTasks",)
"""On the tasks of the work pool's cluster."""
_AT_ONCE: Final = 100
"""Tasks that one DescribeTasks takes."""


def gone(ecs: ECSClient, noted: Iterable[str]) -> set[str]:
    """
    Those of `noted` whose task has stopped; ECS forgets one within the hour.

    Prefect's workers note "cluster::task": https://github.com/PrefectHQ/prefect
    prefect_aws/workers/ecs_worker.py `parse_identifier`.
    """
    by_cluster: defaultdict[str, list[str]] = defaultdict(list)
    for note in noted:
        cluster, _, task = note.partition("::")
        by_cluster[cluster].append(task)
    found: set[str] = set()
    for cluster, tasks in by_cluster.items():
        for start in range(0, len(tasks), _AT_ONCE):
            some = tasks[start : start + _AT_ONCE]
            with asking(f"tasks of cluster {cluster}"):
                answer = ecs.describe_tasks(cluster=cluster, tasks=some)
            live = {t["taskArn"] for t in answer["tasks"] if t.get("lastStatus") != "STOPPED"}
            found |= {f"{cluster}::{task}" for task in some if task not in live}
    return found
