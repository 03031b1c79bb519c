"""What runs share whose work may go to the Ray cluster: the place, the files, and what is done while it is away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.compute import ComputeFailed
from shared.metrics import ray as metrics
from shared.tasks import TaskFailed, TaskRun, TryLater

from .cluster import address_of

URL_SECONDS = 24 * 3600
PAUSE_SECONDS = 5.0


def place_of(run: TaskRun) -> dict[str, Any]:
    """The members `executor`, `ray` and `threads` of the engine's job; a task that names no executor runs here.

    Raises:
        TaskFailed: `ray_disabled`.
    """
    settings, executor = run.resources.settings, run.task.params.get("executor", "local")
    if executor == "ray" and not settings.ray_enabled:
        raise TaskFailed("ray_disabled", "This instance runs without a Ray cluster now; submit it with executor auto.")
    ray = address_of(settings) if settings.ray_enabled and executor != "local" else None
    return {"executor": executor, "ray": ray, "threads": settings.engine_threads}


async def file_of(run: TaskRun, key: str, sha256: str) -> dict[str, str]:
    """A stored file as the job names it: where it is here, and where other machines find it."""
    path = await run.resources.cache.fetch(key, sha256)
    url = run.resources.object_store.presigned_get(key, URL_SECONDS) if run.resources.settings.ray_enabled else ""
    return {"path": str(path), "sha256": sha256, "url": url}


@contextmanager
def waiting_for_ray(job: Mapping[str, Any]) -> Iterator[None]:
    """Lets a task whose job insists on Ray wait while it is away.

    Raises:
        TryLater: it is. ComputeFailed: another failure.
    """
    try:
        yield
    except ComputeFailed as error:
        metrics.unanswered(error.code, job["executor"])
        if error.code == "ray_unavailable":
            raise TryLater(error.detail, PAUSE_SECONDS) from error
        raise
