"""How the Ray cluster is; runs in a computing child, because importing Ray costs a service too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.compute import ComputeError, Report

from .job import RayCluster
from .ray_cluster import RayUnavailable, by_client, connected

ID_CHARACTERS = 12
HEAD = "node:__internal_head__"


def cluster_status(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Nodes, resources and running work of the cluster at `job["address"]`, asked with `job["token"]`.

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
    nodes = [_node(node) for node in ray.nodes()]
    return {
        "version": ray.__version__,
        "nodes": sum(node["alive"] for node in nodes),
        "cpus": total.get("CPU", 0.0),
        "cpus_free": free.get("CPU", 0.0),
        "memory_bytes": int(total.get("memory", 0)),
        "memory_free_bytes": int(free.get("memory", 0)),
        "object_store_bytes": int(total.get("object_store_memory", 0)),
        "object_store_free_bytes": int(free.get("object_store_memory", 0)),
        "running": _running(ray, total.get("CPU", 0.0) - free.get("CPU", 0.0)),
        "items": sorted(nodes, key=lambda node: (not node["is_head"], node["id"])),
    }


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    # No addresses: they say more about the network than a user needs.
    resources = node["Resources"]
    return {
        "id": node["NodeID"][:ID_CHARACTERS],
        "alive": bool(node["Alive"]),
        "is_head": HEAD in resources,
        "cpus": resources.get("CPU", 0.0),
        "memory_bytes": int(resources.get("memory", 0)),
        "object_store_bytes": int(resources.get("object_store_memory", 0)),
    }


def _running(ray: Any, cpus: float) -> dict[str, float]:
    """Pieces hold one processor each, so the processors that are taken are the pieces that run."""
    # The client is no member of the cluster, whom its state would be told; a task is.
    running = ray.get(ray.remote(num_cpus=0)(running_jobs).remote()) if by_client(ray) else running_jobs()
    mine = ray.get_runtime_context().get_job_id()
    return {"jobs": sum(job != mine for job in running), "cpus": cpus}


def running_jobs() -> list[str]:
    """The ids of the jobs that run on the cluster which this process is a member of."""
    import ray

    # The list of jobs in the public interface needs Ray's dashboard, which an instance may do without.
    state: Any = ray._private.state  # noqa: SLF001 - see above
    return [job["JobID"] for job in state.jobs() if not job["IsDead"]]
