"""What tasks are listed by, and the Ray cluster that carries some of them."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, ConfigDict, Field

from shared.parameters import made
from shared.schemas import ApiModel, OfProject
from shared.tasks import Queue, TaskStatus
from shared.tasks.listing import TaskFilter

WORD = "^[a-z_-]+$"
# How a task ends whose every attempt killed its process.
POISON = "poison"
# In any offset still times that PostgreSQL and Python both know.
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=_EARLIEST, le=_LATEST)]


class _TaskQuery:
    """Query parameters that choose among tasks."""

    def __init__(
        self,
        project_id: OfProject = None,
        kind: Annotated[
            str | None,
            Query(max_length=50, pattern=WORD, description="Only this kind.", examples=["ingest", "analysis"]),
        ] = None,
        status: Annotated[TaskStatus | None, Query(description="Only those that stand so.")] = None,
        queue: Annotated[Queue | None, Query(description="Only those of this queue.")] = None,
        dataset_id: Annotated[UUID | None, Query(description="Only those of this dataset.")] = None,
        schedule_id: Annotated[UUID | None, Query(description="Only runs of this schedule.")] = None,
        created_by: Annotated[UUID | None, Query(description="Only those that this user submitted.")] = None,
        error_code: Annotated[
            str | None,
            Query(max_length=60, pattern=WORD, description="Only those that failed so.", examples=["poison"]),
        ] = None,
        since: Annotated[
            Moment | None, Query(description="Only those made at this time or later; with its offset from UTC.")
        ] = None,
        until: Annotated[
            Moment | None, Query(description="Only those made before this time; with its offset from UTC.")
        ] = None,
    ) -> None:
        self.wanted = TaskFilter(
            project_id=project_id,
            kind=kind,
            status=status,
            queue=queue,
            dataset_id=dataset_id,
            schedule_id=schedule_id,
            created_by=created_by,
            error_code=error_code,
            since=since,
            until=until,
        )


TaskQuery = Annotated[_TaskQuery, made(_TaskQuery)]


class ClusterNode(ApiModel):
    """One machine of the cluster."""

    id: str
    alive: bool
    is_head: bool
    cpus: float
    memory_bytes: int
    object_store_bytes: int


class ClusterWork(ApiModel):
    """What runs on the cluster now: jobs of all projects, and the processors that their pieces hold."""

    jobs: int
    cpus: float


class ClusterModel(ApiModel):
    """The Ray cluster of this instance; `nodes` are those alive."""

    version: str
    nodes: int
    cpus: float
    cpus_free: float
    memory_bytes: int
    memory_free_bytes: int
    object_store_bytes: int
    object_store_free_bytes: int
    running: ClusterWork
    items: list[ClusterNode] = Field(description="The nodes, the head first.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": "2.60.0",
                "nodes": 1,
                "cpus": 2,
                "cpus_free": 1,
                "memory_bytes": 2147483648,
                "memory_free_bytes": 1610612736,
                "object_store_bytes": 134217728,
                "object_store_free_bytes": 134217728,
                "running": {"jobs": 1, "cpus": 1},
                "items": [
                    {
                        "id": "00ab9d651c0d",
                        "alive": True,
                        "is_head": True,
                        "cpus": 2,
                        "memory_bytes": 2147483648,
                        "object_store_bytes": 134217728,
                    }
                ],
            }
        }
    )
