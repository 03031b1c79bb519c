"""How the Ray cluster is; runs in a computing child, because importing Ray costs a service too much."""

from __future__ import annotations

from typing import Any

from shared.compute import ComputeError, Report

from .job import RayCluster
from .ray_cluster import RayUnavailable, connected


def cluster_status(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Nodes and resources of the cluster at `job["address"]`, asked with `job["token"]`.

    Raises:
        ComputeError: `ray_unavailable`.
    """
    report(0, 1, "Asking Ray")
    try:
        with connected(RayCluster(job["address"], job["token"])) as ray:
            return _status(ray)
    except RayUnavailable as error:
        raise ComputeError("ray_unavailable", str(error)) from error


def _status(ray: Any) -> dict[str, Any]:
    total, free = ray.cluster_resources(), ray.available_resources()
    return {
        "version": ray.__version__,
        "nodes": sum(bool(node["Alive"]) for node in ray.nodes()),
        "cpus": total.get("CPU", 0.0),
        "cpus_free": free.get("CPU", 0.0),
        "memory_bytes": int(total.get("memory", 0)),
        "object_store_bytes": int(total.get("object_store_memory", 0)),
    }
