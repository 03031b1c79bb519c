"""Pieces of work as tasks of a Ray cluster, with bounded retries and memory; streams run on Ray Data where it can."""

from __future__ import annotations

import json
import logging
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import Any

import pyarrow as pa

from shared.compute import timings
from shared.compute.voice import present

from .pieces import Answer, Piece, answer_of, call_json
from .ray_cluster import ROWS_AHEAD, ClusterWatch, by_client, watched

RETRIES = 2
PIECE_BYTES = 512 * 1024 * 1024
BLOCK_BYTES = 2 * 1024 * 1024


class RayExecutor:
    """Tasks on a Ray cluster. Names and JSON cross, never code or pickled data; data files are found by hash."""

    name = "ray"

    def __init__(self, ray: Any, make_watch: Callable[[], ClusterWatch]) -> None:
        self._ray = ray
        self._make_watch = make_watch

    @property
    def cpus(self) -> float:
        """Processors of the whole cluster."""
        return float(self._ray.cluster_resources().get("CPU", 0))

    def size(self) -> dict[str, float]:
        """How many nodes and processors there are."""
        return {"nodes": sum(bool(node["Alive"]) for node in self._ray.nodes()), "cpus": self.cpus}

    def map(
        self,
        function: str,
        items: Sequence[Piece],
        shared: Piece,
        tell: Callable[[int], None],
        *,
        seconds: float | None = None,
    ) -> list[Answer | None]:
        """As Executor.

        Raises:
            RayUnavailable: a piece was lost too often, none ended for long, or the cluster has gone.
        """
        give = self._giver(function, shared)
        references = [give(item) for item in items]
        late = self._await(references, tell, seconds)
        for reference in late:
            self._ray.cancel(reference, force=True)
        missing = set(late)
        return [None if ref in missing else answer_of(self._ray.get(ref)) for ref in references]

    def stream(self, function: str, items: Sequence[Piece], shared: Piece) -> Iterator[Answer]:
        """As Executor; see `map` for what it raises."""
        # Ray Data plans where it is called, which must be on the cluster.
        return self._tasks(function, items, shared) if by_client(self._ray) else self._data(function, items, shared)

    def _tasks(self, function: str, items: Sequence[Piece], shared: Piece) -> Iterator[Answer]:
        give, left = self._giver(function, shared), iter(items)
        ahead = deque(give(item) for item in islice(left, int(self.cpus) + ROWS_AHEAD))
        while ahead:
            first = ahead.popleft()
            self._await([first], lambda _: None, None)
            ahead.extend(give(item) for item in islice(left, 1))
            yield answer_of(self._ray.get(first))

    def _data(self, function: str, items: Sequence[Piece], shared: Piece) -> Iterator[Answer]:
        data = _ray_data()
        source = data.from_items([{"item": json.dumps(item)} for item in items], override_num_blocks=len(items))
        with warnings.catch_warnings():
            # The only way to bound Ray Data's retries, which are endless otherwise, is one that it deprecates.
            warnings.simplefilter("ignore")
            answers = source.map_batches(
                call_batch,
                batch_size=1,
                batch_format="pyarrow",
                fn_kwargs={"function": function, "shared": json.dumps(shared), **_telling()},
                num_cpus=1,
                memory=self._memory(),
                max_retries=RETRIES,
            )
        for row in watched(answers.iter_rows(), self._make_watch()):
            yield answer_of(row["answer"])

    def _giver(self, function: str, shared: Piece) -> Callable[[Piece], Any]:
        """Gives the cluster one piece after another; what they share crosses once."""
        remote = self._ray.remote(num_cpus=1, memory=self._memory(), max_retries=RETRIES)(call_json)
        common = self._ray.put(json.dumps(shared))
        telling = _telling()
        return lambda item: remote.remote(function, json.dumps(item), common, *telling.values())

    def _await(self, references: Sequence[Any], tell: Callable[[int], None], seconds: float | None) -> list[Any]:
        """Wait for the tasks; those that have not ended after `seconds`."""
        until = None if seconds is None else monotonic() + seconds
        watch, waiting = self._make_watch(), list(references)
        while waiting and (until is None or monotonic() < until):
            left = watch.pause if until is None else min(watch.pause, max(until - monotonic(), 0))
            ended, waiting = self._ray.wait(waiting, num_returns=1, timeout=left)
            if not ended:
                watch.look()
                continue
            watch.moved()
            tell(len(references) - len(waiting))
        return waiting

    def _memory(self) -> int:
        # What no node has would never be scheduled.
        most = max((node["Resources"].get("memory", 0) for node in self._ray.nodes() if node["Alive"]), default=0)
        return int(min(PIECE_BYTES, most))


def _telling() -> dict[str, Any]:
    """What a piece shall tell of its work beside the answer, and for whom it works."""
    return {"traced": timings.is_wanted(), "about": json.dumps(present()) if present() else ""}


def call_batch(batch: pa.Table, function: str, shared: str, traced: bool = False, about: str = "") -> pa.Table:
    """What a Ray Data worker runs, on one row at a time: column `item` in, column `answer` out."""
    answers = [call_json(function, item, shared, traced, about) for item in batch.column("item").to_pylist()]
    return pa.table({"answer": pa.array(answers, pa.large_string())})


def _ray_data() -> Any:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # Ray Data reserves this much of the object store for each task, which is small; our answers are smaller.
    context.target_max_block_size = BLOCK_BYTES
    # Sums of partitions must be added in one order, or their last bits would differ from run to run.
    context.execution_options.preserve_order = True
    return ray.data
