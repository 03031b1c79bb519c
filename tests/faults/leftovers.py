"""What must not remain once all work has ended: objects without rows, files of dead jobs, processes, messages."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg

from bucket import object_store

from .harm import QUEUES, WORKERS
from .messages import SWEEP, UNACKED, bell, push, waiting
from .processes import orphans
from .stage import Stage

# Old enough for the sweep is then what nobody has touched for four seconds.
SWEEP_HOURS = "0.001"
PATIENCE_SECONDS = 120.0
LONGEST_QUEUE = 20
# A worker that is killed leaves what it took and had not acknowledged, until the visibility timeout gives it back.
TAKEN_AT_ONCE = 12

_REFERENCED = """
SELECT unnest(raw_keys) AS key FROM dataset_versions
UNION SELECT parquet_key FROM dataset_versions WHERE parquet_key IS NOT NULL
UNION SELECT key FROM upload_parts WHERE NOT upload_id = ANY (
    -- Theirs comes when the one who was given the address sends it.
    SELECT id FROM uploads WHERE kind = 'presigned' AND status = 'open'
)
UNION SELECT key FROM query_results
UNION SELECT artifact ->> 'key' FROM analysis_results CROSS JOIN LATERAL jsonb_array_elements(artifacts) AS artifact
UNION SELECT key FROM model_versions
UNION SELECT avatar_key FROM user_profiles WHERE avatar_key IS NOT NULL
"""


class Leftovers:
    """Looks for them on a stage where nothing happens any more."""

    def __init__(self, stage: Stage, canary: Path, *, sweeps: bool = True) -> None:
        self._stage = stage
        self._canary = canary
        self._sweeps = sweeps
        self._orphans_before = orphans()

    def flaws(self, kills: int) -> list[str]:
        """After one sweep by the workers, or without one; `kills` says how many workers may have died."""
        flaws = _patiently(lambda: self._messages(kills)) + (
            ["a message was unpickled"] if self._canary.exists() else []
        )
        if not self._sweeps:
            return flaws + self._missing() + _patiently(self._processes)
        self._stage.restart_workers(ORPHAN_HOURS=SWEEP_HOURS)
        for queue in ("ingest", "analysis"):
            push(self._stage.redis_url, queue, [bell(queue, task=SWEEP)] * 2)
        return flaws + _patiently(self._objects) + _patiently(self._scratch) + _patiently(self._processes)

    def _missing(self) -> list[str]:
        known = asyncio.run(_referenced(self._stage.database_url))
        return [f"object {key} is missing" for key in sorted(known - self._stored())]

    def _objects(self) -> list[str]:
        known = asyncio.run(_referenced(self._stage.database_url))
        return [f"object {key} belongs to no row" for key in sorted(self._stored() - known)] + self._missing()

    def _stored(self) -> set[str]:
        values = self._stage.stores.values
        listed = object_store(self._stage.stores).list_objects(values["S3_BUCKET"], recursive=True)
        return {str(one.object_name) for one in listed if not one.is_dir}

    def _scratch(self) -> list[str]:
        folder = self._stage.services.run / "cache-scratch"
        return [f"{path} was forgotten" for path in sorted(folder.iterdir())] if folder.exists() else []

    def _processes(self) -> list[str]:
        processes = self._stage.processes
        flaws = [f"{child.pid} still computes" for name in WORKERS for child in processes.compute_children(name)]
        servers = {name: len(processes.compute_servers(name)) for name in WORKERS}
        flaws += [f"{name} has {count} fork servers" for name, count in servers.items() if count > 1]
        return flaws + [f"process {pid} belongs to nobody" for pid in orphans() - self._orphans_before]

    def _messages(self, kills: int) -> list[str]:
        lengths = waiting(self._stage.redis_url, list(QUEUES))
        bounds = dict.fromkeys(QUEUES, LONGEST_QUEUE) | {UNACKED: TAKEN_AT_ONCE * (kills + len(WORKERS))}
        return [f"{lengths[name]} messages in {name}" for name, bound in bounds.items() if lengths[name] > bound]


def _patiently(look: Callable[[], list[str]]) -> list[str]:
    """What is still found after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


async def _referenced(url: str) -> set[str]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return {row["key"] for row in await connection.fetch(_REFERENCED)}
    finally:
        await connection.close()
