"""Tasks of this service that ended long ago."""

from shared.resources import Resources
from shared.tasks.queues import SERVICE_QUEUES
from shared.tasks.retention import RETENTION_SECONDS, remove_ended

from ..repositories.task_retention import result_keys

__all__ = ["RETENTION_SECONDS", "remove_old_tasks"]


async def remove_old_tasks(resources: Resources) -> None:
    """Remove them; what they made of datasets stays. Harmless when several workers do it at once."""
    await remove_ended(resources, SERVICE_QUEUES["data-service"], result_keys)
