"""Where independent pieces of one analysis run: on threads here, or on the instance's Ray cluster."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from .job import Job
from .ray_cluster import RayUnavailable, connected
from .results import Notice

Piece = Mapping[str, Any]
Tell = Callable[[int], None]
PieceFunction = Callable[[Piece, Piece], dict[str, Any]]


class Executor(Protocol):
    """Maps a function, named "module:name", over pieces of JSON."""

    name: str

    def map(self, function: str, items: Sequence[Piece], shared: Piece, tell: Tell) -> list[dict[str, Any]]:
        """`function(item, shared)` of each item, in the order of `items`; `tell` hears how many have ended."""


class LocalExecutor:
    """Threads of this process; what they call must release the interpreter lock to gain from them."""

    name = "local"

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def map(self, function: str, items: Sequence[Piece], shared: Piece, tell: Tell) -> list[dict[str, Any]]:
        """As Executor."""
        call = resolve(function)
        with ThreadPoolExecutor(self._threads) as pool:
            futures = [pool.submit(_single_threaded, call, item, shared) for item in items]
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                tell(done)
            return [future.result() for future in futures]


class RayExecutor:
    """Tasks on a Ray cluster. Names and JSON cross, never code or pickled data; data files are found by hash."""

    name = "ray"

    def __init__(self, ray: Any, stall_seconds: float) -> None:
        self._ray = ray
        self._stall_seconds = stall_seconds

    @property
    def cpus(self) -> float:
        """Processors of the whole cluster."""
        return float(self._ray.cluster_resources().get("CPU", 0))

    def map(self, function: str, items: Sequence[Piece], shared: Piece, tell: Tell) -> list[dict[str, Any]]:
        """As Executor.

        Raises:
            RayUnavailable: a piece was lost too often, or none ended for `stall_seconds`.
        """
        remote = self._ray.remote(num_cpus=1, max_retries=2)(call_json)
        references = [remote.remote(function, json.dumps([item, shared])) for item in items]
        waiting = list(references)
        while waiting:
            ended, waiting = self._ray.wait(waiting, num_returns=1, timeout=self._stall_seconds)
            if not ended:
                raise RayUnavailable(f"no piece ended within {self._stall_seconds:g} seconds")
            tell(len(references) - len(waiting))
        return [json.loads(answer) for answer in self._ray.get(references)]


@dataclass(frozen=True, slots=True)
class FanOut:
    """The answers in order, where they were computed, and what to tell about that."""

    answers: list[dict[str, Any]]
    executor: str
    notices: list[Notice]


def fan_out(job: Job, function: str, items: Sequence[Piece], shared: Piece, tell: Tell, *, prefer_ray: bool) -> FanOut:
    """Run the pieces on Ray if the instance has it and it is preferred or larger than this process; else on threads.

    A cluster that cannot be reached, or fails on the way, costs a bounded time and a notice, not the analysis.
    """
    notices = []
    if job.ray is not None:
        try:
            with connected(job.ray) as ray:
                cluster = RayExecutor(ray, job.ray.stall_seconds)
                if prefer_ray or cluster.cpus > job.threads:
                    return FanOut(cluster.map(function, items, shared, tell), cluster.name, [])
        except RayUnavailable as error:
            text = f"The Ray cluster could not be used ({error}); the work was done on local threads instead."
            notices.append(Notice("ray_unavailable", text))
    local = LocalExecutor(job.threads)
    return FanOut(local.map(function, items, shared, tell), local.name, notices)


def call_json(function: str, payload: str) -> str:
    """What a Ray worker runs: `payload` is the JSON of [item, shared], the answer is JSON too."""
    item, shared = json.loads(payload)
    return json.dumps(_single_threaded(resolve(function), item, shared))


def resolve(name: str) -> PieceFunction:
    """The function that "module.path:name" names; the path may hold hyphens."""
    module, _, attribute = name.partition(":")
    function: PieceFunction = getattr(importlib.import_module(module), attribute)
    return function


def _single_threaded(call: PieceFunction, item: Piece, shared: Piece) -> dict[str, Any]:
    # OpenMP adds partial sums in the order threads finish; one thread gives the same bits every time.
    with threadpool_limits(limits=1):
        return call(item, shared)
