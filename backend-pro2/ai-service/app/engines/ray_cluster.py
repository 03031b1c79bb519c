"""The connection to a Ray cluster: made on first use, with a token and a time limit, and given up cleanly."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from .job import RayCluster

PROBE_SECONDS = 2.0
CLOSE_SECONDS = 5.0


class RayUnavailable(Exception):
    """The cluster is away, refuses us, or lost our work."""


@contextmanager
def connected(cluster: RayCluster) -> Iterator[Any]:
    """The `ray` module, connected to `cluster`.

    Raises:
        RayUnavailable: no connection within `cluster.connect_seconds`, or any error of Ray inside the block.
    """
    _probe(cluster.address)
    _authenticate(cluster.token)
    import ray
    from ray.exceptions import RayError

    _within(cluster.connect_seconds, lambda: _connect(ray, cluster.address))
    try:
        yield ray
    except (RayError, ConnectionError) as error:
        raise RayUnavailable(type(error).__name__) from error
    finally:
        _within(CLOSE_SECONDS, ray.shutdown)


def _probe(address: str) -> None:
    # Ray itself would try a closed port for many seconds.
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PROBE_SECONDS).close()
    except (OSError, ValueError) as error:
        raise RayUnavailable("it does not answer") from error


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
    ray.init(address=address, log_to_driver=False, configure_logging=False)


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
