"""Where independent pieces of one analysis run: on threads here, or on the instance's Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Protocol, TypeVar

from shared.compute import ComputeError

from .job import Job
from .pieces import Answer, Piece, resolve, single_threaded
from .ray_cluster import ClusterWatch, RayUnavailable, connected
from .ray_executor import RayExecutor
from .results import Notice

Tell = Callable[[int], None]
Done = TypeVar("Done")


class Executor(Protocol):
    """Maps a function, named "module:name", over pieces of JSON."""

    name: str

    def map(
        self, function: str, items: Sequence[Piece], shared: Piece, tell: Tell, *, seconds: float | None = None
    ) -> list[Answer | None]:
        """`function(item, shared)` of each item, in the order of `items`; `tell` hears how many have ended.

        What has not ended after `seconds` is given up: its answer is None.
        """

    def stream(self, function: str, items: Sequence[Piece], shared: Piece) -> Iterator[Answer]:
        """The same answers one by one, so that memory holds a few of them only."""


class LocalExecutor:
    """Threads of this process; what they call must release the interpreter lock to gain from them."""

    name = "local"

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def map(
        self, function: str, items: Sequence[Piece], shared: Piece, tell: Tell, *, seconds: float | None = None
    ) -> list[Answer | None]:
        """As Executor."""
        call = resolve(function)
        pool = ThreadPoolExecutor(self._threads)
        try:
            futures = [pool.submit(single_threaded, call, item, shared) for item in items]
            _await(futures, tell, seconds)
            return [future.result() if future.done() else None for future in futures]
        finally:
            # A thread cannot be ended: one that is late goes on until this process, made for one job, ends.
            pool.shutdown(wait=seconds is None, cancel_futures=True)

    def stream(self, function: str, items: Sequence[Piece], shared: Piece) -> Iterator[Answer]:
        """As Executor."""
        call = resolve(function)
        with ThreadPoolExecutor(self._threads) as pool:
            left = iter(items)
            ahead: deque[Future[Answer]] = deque()
            for item in islice(left, self._threads):
                ahead.append(pool.submit(single_threaded, call, item, shared))
            while ahead:
                answer = ahead.popleft().result()
                for item in islice(left, 1):
                    ahead.append(pool.submit(single_threaded, call, item, shared))
                yield answer


def _await(futures: Sequence[Future[Answer]], tell: Tell, seconds: float | None) -> None:
    until = None if seconds is None else monotonic() + seconds
    waiting = set(futures)
    while waiting:
        ended, waiting = wait(waiting, None if until is None else max(until - monotonic(), 0), FIRST_COMPLETED)
        if not ended:
            return
        for future in ended:
            future.result()
        for done in range(len(futures) - len(waiting) - len(ended), len(futures) - len(waiting)):
            tell(done + 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where work was done, how large the cluster was if it was one, and what to tell about that."""

    executor: str
    cluster: Mapping[str, float] | None
    notices: list[Notice]


@dataclass(frozen=True, slots=True)
class FanOut:
    """The answers in order, where they were computed, and what to tell about that."""

    answers: list[Answer]
    executor: str
    notices: list[Notice]


def fan_out(job: Job, function: str, items: Sequence[Piece], shared: Piece, tell: Tell, *, prefer_ray: bool) -> FanOut:
    """Run the pieces on Ray if the instance has it and it is preferred or larger than this process; else on threads.

    A cluster that cannot be reached, or fails on the way, costs a bounded time and a notice, not the analysis.
    """
    answers, place = somewhere(job, lambda executor: executor.map(function, items, shared, tell), prefer_ray=prefer_ray)
    return FanOut([answer for answer in answers if answer is not None], place.executor, place.notices)


def somewhere(job: Job, work: Callable[[Executor], Done], *, prefer_ray: bool) -> tuple[Done, Place]:
    """Do `work` on Ray or on threads, as `fan_out` chooses unless the job insists; it may be begun a second time.

    Raises:
        ComputeError: the job insists on Ray, which is away (`ray_unavailable`) or lost the work.
    """
    notices = []
    head = job.ray
    if head is not None and job.executor != "local":
        try:
            with connected(head) as ray:
                cluster = RayExecutor(ray, lambda: ClusterWatch(head))
                if prefer_ray or job.executor == "ray" or cluster.cpus > job.threads:
                    size = cluster.size()
                    return work(cluster), Place(cluster.name, size, [])
        except RayUnavailable as error:
            if job.executor == "ray":
                raise ComputeError(error.code, f"The Ray cluster could not do the work: {error}.") from error
            text = f"The Ray cluster could not be used ({error}); the work was done on local threads instead."
            notices.append(Notice("ray_unavailable", text))
    local = LocalExecutor(job.threads)
    return work(local), Place(local.name, None, notices)
