"""Bodies of the task routes that describe what carries the tasks."""

from pydantic import ConfigDict

from shared.schemas import ApiModel


class QueueModel(ApiModel):
    """How much of the caller's projects waits and runs in a queue."""

    queue: str
    queued: int
    running: int


class Queues(ApiModel):
    """All queues that hold unfinished tasks of the caller's projects."""

    items: list[QueueModel]

    model_config = ConfigDict(json_schema_extra={"example": {"items": [{"queue": "ai", "queued": 2, "running": 1}]}})


class ClusterModel(ApiModel):
    """The Ray cluster of this instance."""

    version: str
    nodes: int
    cpus: float
    cpus_free: float
    memory_bytes: int
    object_store_bytes: int

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": "2.60.0",
                "nodes": 1,
                "cpus": 1,
                "cpus_free": 1,
                "memory_bytes": 2147483648,
                "object_store_bytes": 134217728,
            }
        }
    )
