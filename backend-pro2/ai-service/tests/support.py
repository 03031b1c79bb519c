"""Helpers of the AI service's tests: datasets, logins, workers and a Ray head, all real."""

import hashlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.object_store import ObjectStore
from shared.testing.project import Workspace
from shared.testing.worker_process import WorkerProcess

from ..app.engines.source import type_name

Columns = Mapping[str, Sequence[object] | pa.Array]
Analyse = Callable[..., dict[str, Any]]

_SESSION = """
INSERT INTO sessions (id, user_id, refresh_jti, refresh_issued_at, expires_at)
VALUES ($1, $2, $3, now(), now() + interval '1 hour')
"""
_DATASET = """
INSERT INTO datasets (id, project_id, name, status, current_version) VALUES ($1, $2, $3, $4, $5)
"""
_VERSION = """
INSERT INTO dataset_versions (dataset_id, version, status, filename, raw_keys, raw_bytes, raw_sha256, parquet_key,
                              parquet_sha256, schema)
VALUES ($1, 1, $2, 'data.csv', ARRAY[$3], 0, '', $4, $5, $6)
"""


def write_parquet(path: Path, columns: Columns) -> str:
    """Write the columns; the file's SHA-256."""
    pq.write_table(
        pa.table(
            {
                name: values if isinstance(values, pa.Array) else pa.array(list(values))
                for name, values in columns.items()
            }
        ),
        path,
    )
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def log_in(database: Database, user_id: UUID) -> UUID:
    """A live session of the user; its id."""
    session_id = new_id()
    async with database.transaction() as session:
        await session.execute(_SESSION, session_id, user_id, new_id())
    return session_id


@dataclass(frozen=True, slots=True)
class DatasetMaker:
    """Makes datasets as the data service leaves them."""

    database: Database
    store: ObjectStore
    workspace: Workspace
    folder: Path

    async def __call__(self, columns: Columns, status: str = "ready") -> UUID:
        """A dataset with one version of this status; its id."""
        dataset_id = new_id()
        path = self.folder / f"{dataset_id}.parquet"
        sha256 = write_parquet(path, columns)
        keys = [f"{self.workspace.project_id}/{dataset_id}/{new_id()}" for _ in range(2)]
        await self.store.put_file(keys[1], path)
        schema = [{"name": field.name, "type": type_name(field.type)} for field in pq.read_schema(path)]
        current = 1 if status == "ready" else None
        async with self.database.transaction() as session:
            project_id = self.workspace.project_id
            await session.execute(_DATASET, dataset_id, project_id, str(dataset_id), status, current)
            await session.execute(_VERSION, dataset_id, status, keys[0], keys[1], sha256, schema)
        return dataset_id


def with_ray(settings: Settings, address: str, token: str) -> Settings:
    """The settings of an instance that has the Ray cluster at `address`."""
    changes = {"ray_enabled": True, "ray_address": address, "ray_auth_token": token}
    return Settings.model_validate({**settings.model_dump(), **changes})


MakeWorker = Callable[..., WorkerProcess]


@contextmanager
def ray_head(settings: Settings) -> Iterator[dict[str, str]]:
    """Variables that name a Ray head with a token: the one at RAY_ADDRESS if it answers, else one started there."""
    host, _, port = settings.ray_address.rpartition(":")
    token = settings.ray_auth_token.get_secret_value() or secrets.token_hex(32)
    variables = {"RAY_ENABLED": "true", "RAY_ADDRESS": settings.ray_address, "RAY_AUTH_TOKEN": token}
    if answers(host, int(port)):
        yield variables
        return
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        process = _start_head(int(port), token, folder)
        try:
            _wait_until(lambda: answers(host, int(port) + 7), 60)
            yield variables
        finally:
            # Its leader alone: it ends its children in two seconds, while a signal to all of them takes half a minute.
            process.terminate()
            process.wait(30)


def ray_of(variables: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"address": variables["RAY_ADDRESS"], "token": variables["RAY_AUTH_TOKEN"], **more}


def through_client(variables: dict[str, str]) -> dict[str, str]:
    """The same cluster, as other machines and containers reach it."""
    host, _, port = variables["RAY_ADDRESS"].rpartition(":")
    return variables | {"RAY_ADDRESS": f"ray://{host}:{int(port) + 8}"}


def answers(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _start_head(port: int, token: str, folder: str) -> subprocess.Popen[bytes]:
    options = {
        "node-ip-address": "127.0.0.1", "port": port, "num-cpus": 1, "num-gpus": 0, "object-store-memory": 134217728,
        "include-dashboard": "false", "include-log-monitor": "false", "dashboard-host": "127.0.0.1",
        "dashboard-port": port + 1, "dashboard-agent-listen-port": port + 2, "dashboard-agent-grpc-port": port + 3,
        "runtime-env-agent-port": port + 4, "metrics-export-port": port + 5, "object-manager-port": port + 6,
        "node-manager-port": port + 7, "ray-client-server-port": port + 8, "temp-dir": folder,
        # As many as an instance has: the kernel keeps each for a minute after its process ended.
        "worker-port-list": ",".join(str(port + offset) for offset in (*range(10, 30), *range(40, 88))),
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats"]
    arguments = [f"--{name}={value}" for name, value in options.items()]
    more = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token, "RAY_task_oom_retries": "1"}
    environment = {**os.environ, **more, "GRPC_ENABLE_FORK_SUPPORT": "0"}
    with (Path(folder) / "head.log").open("wb") as log:
        return subprocess.Popen([*command, *arguments], env=environment, stdout=log, stderr=log)  # noqa: S603 - our own ray


def _wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the Ray head did not start in time"
        time.sleep(0.1)
