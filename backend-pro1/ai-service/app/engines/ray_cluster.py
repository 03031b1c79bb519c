"""The connection to a Ray cluster: made on first use, with a token and a time limit, and given up cleanly."""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .job import RayCluster

PROBE_SECONDS = 2.0
# A head that is busy takes its time to say the first word.
GREETING_SECONDS = 5.0
# RFC 9113, 3.4: the preface of a client and an empty frame of settings, which every gRPC server answers with its own.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
CLOSE_SECONDS = 5.0
WATCH_SECONDS = 1.0
PROBES_MISSED = 3
ROWS_AHEAD = 4
# `ray://` leads to Ray's client server, through which other machines and containers work on a cluster.
CLIENT_SCHEME = "ray://"
# The client server starts a process for each client, which imports Ray first.
CLIENT_PATIENCE = 2
PROJECT_FOLDER = Path(__file__).parents[3]
Item = TypeVar("Item")


class RayUnavailable(Exception):
    """The cluster is away, refuses us, or lost our work; `code` tells what a task that insists on it has come to."""

    def __init__(self, reason: str, code: str = "ray_unavailable") -> None:
        super().__init__(reason)
        self.code = code


class ClusterWatch:
    """Tells a cluster that is slow from one that has gone: Ray itself waits a minute, then ends our process."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._missed = 0
        self._moved_at = time.monotonic()

    @property
    def pause(self) -> float:
        """Seconds to wait for the work before looking at the cluster."""
        return min(WATCH_SECONDS, self._cluster.stall_seconds)

    def moved(self) -> None:
        """Something has been heard of the work."""
        self._missed, self._moved_at = 0, time.monotonic()

    def look(self) -> None:
        """Nothing has been heard for a pause.

        Raises:
            RayUnavailable: the head does not answer, or there was no progress for `stall_seconds`.
        """
        if time.monotonic() - self._moved_at >= self._cluster.stall_seconds:
            raise RayUnavailable(f"no piece ended within {self._cluster.stall_seconds:g} seconds")
        try:
            probe(self._cluster.address)
        except RayUnavailable:
            self._missed += 1
            if self._missed >= PROBES_MISSED:
                raise
        else:
            self._missed = 0


@contextmanager
def connected(cluster: RayCluster) -> Iterator[Any]:
    """The `ray` module, connected to `cluster`.

    Raises:
        RayUnavailable: no connection within `cluster.connect_seconds`, or the cluster fails inside the block.
        RuntimeError: a piece of work raised what it should not.
    """
    probe(cluster.address)
    _authenticate(cluster.token)
    import ray

    seconds = cluster.connect_seconds * (CLIENT_PATIENCE if cluster.address.startswith(CLIENT_SCHEME) else 1)
    _within(seconds, lambda: _connect(ray, cluster.address))
    try:
        with _translated():
            yield ray
    finally:
        # The work is done, or has failed for a reason that matters more.
        with suppress(RayUnavailable):
            _within(CLOSE_SECONDS, ray.shutdown)


@contextmanager
def _translated() -> Iterator[None]:
    from ray.exceptions import OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

    try:
        yield
    except OutOfMemoryError as error:
        raise RayUnavailable("a piece of work needs more memory than a node has", "out_of_memory") from error
    except WorkerCrashedError as error:
        raise RayUnavailable("the process of a piece of work died again and again", "crashed") from error
    except RayTaskError as error:
        raise RuntimeError("a piece of work failed unexpectedly") from error
    except (RayError, ConnectionError) as error:
        raise RayUnavailable(type(error).__name__) from error


def watched(rows: Iterable[Item], watch: ClusterWatch) -> Iterator[Item]:
    """The same rows, a few of them ahead; while none comes, `watch` looks at the cluster."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(ROWS_AHEAD)

    def pump() -> None:
        try:
            for row in rows:
                ready.put(("row", row))
            ready.put(("end", None))
        except Exception as error:  # noqa: BLE001 - the edge of the thread: carried over to the caller
            ready.put(("error", error))

    threading.Thread(target=pump, daemon=True).start()
    while True:
        try:
            kind, value = ready.get(timeout=watch.pause)
        except queue.Empty:
            watch.look()
            continue
        if kind == "error":
            raise value
        if kind == "end":
            return
        watch.moved()
        yield value


def probe(address: str) -> None:
    """Whether a gRPC server is alive there; Ray itself would try a closed port, or a silent one, for many seconds.

    Raises:
        RayUnavailable: nobody listens, or says a word: the kernel takes connections for a process that stands still.
    """
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PROBE_SECONDS) as connection:
            connection.settimeout(GREETING_SECONDS)
            connection.sendall(GREETING)
            said = connection.recv(1)
    except (OSError, ValueError) as error:
        raise RayUnavailable("it does not answer") from error
    if not said:
        raise RayUnavailable("it hangs up")


def _authenticate(token: str) -> None:
    # Ray reads its settings from the environment when it is imported. This process lives for one job only.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray's default repeats a task that runs out of memory for ever.
    os.environ["RAY_task_oom_retries"] = "1"  # noqa: SIM112 - Ray's own spelling
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    if token:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = token


def _connect(ray: Any, address: str) -> None:
    logging.getLogger("ray").setLevel(logging.ERROR)
    ray.init(address=address, log_to_driver=False, configure_logging=False, **_surroundings(address))


def _surroundings(address: str) -> dict[str, Any]:
    """What a job needs to find our code, which lies in the same folder on every node."""
    if not address.startswith(CLIENT_SCHEME):
        # Ray tells the workers of a driver on a node where that driver's code is.
        return {}
    return {"runtime_env": {"env_vars": {"PYTHONPATH": str(PROJECT_FOLDER)}}}


def by_client(ray: Any) -> bool:
    """Whether `ray` is connected through the client server, and so is no driver itself."""
    return bool(ray.util.client.ray.is_connected())


def _within(seconds: float, action: Callable[[], object]) -> None:
    failure: list[BaseException] = []

    def attempt() -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: carried over to the caller
            failure.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise RayUnavailable(f"it did not answer within {seconds:g} seconds")
    if failure:
        raise RayUnavailable(f"it refused the connection: {type(failure[0]).__name__}") from failure[0]
