"""Several processes that answer as one: sums that are true, and stay so when one of them is killed."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.metrics import siblings as module
from shared.metrics.frozen import Sums, freeze, gauge_modes
from shared.metrics.siblings import Siblings
from shared.testing.log_lines import lines_of


class Worker:
    """One process's figures; its file stays when it is gone."""

    def __init__(self, folder: Path) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("requests", "Requests.", ("path",), registry=self.registry)
        self.seconds = Histogram("seconds", "Seconds.", registry=self.registry, buckets=(1, 2))
        self.active = Gauge("active", "Active.", registry=self.registry, multiprocess_mode="livesum")
        self.newest = Gauge("newest", "Newest.", registry=self.registry, multiprocess_mode="livemax")
        self.siblings = Siblings(folder, self.registry.collect, gauge_modes(self.registry))

    async def works(self, requests: int) -> None:
        self.requests.labels("/a").inc(requests)
        self.seconds.observe(requests)
        self.active.set(requests)
        self.newest.set(requests)
        await self.siblings.write()

    async def samples(self) -> dict[str, float]:
        families = await self.siblings.together(self.registry.collect())
        return {
            sample.name + sample.labels.get("le", ""): sample.value for family in families for sample in family.samples
        }

    @property
    def file(self) -> str:
        return self.siblings._name


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Files of processes that have ended."""
    names: set[str] = set()
    monkeypatch.setattr(module, "_is_gone", lambda path: path.name in names)
    return names


@pytest.fixture
async def workers(tmp_path: Path, gone: set[str]) -> list[Worker]:
    made = [Worker(tmp_path) for _ in range(3)]
    for number, worker in enumerate(made, 1):
        await worker.works(number)
    return made


async def test_each_answers_for_all(workers: list[Worker]) -> None:
    for worker in workers:
        samples = await worker.samples()
        assert (samples["requests_total"], samples["active"], samples["newest"]) == (6, 6, 3)
        assert (samples["seconds_sum"], samples["seconds_count"]) == (6, 3)
        assert [samples[f"seconds_bucket{bound}"] for bound in ("1.0", "2.0", "+Inf")] == [1, 2, 3]


async def test_its_own_figures_are_those_of_this_moment(workers: list[Worker]) -> None:
    workers[0].requests.labels("/a").inc(10)
    assert (await workers[0].samples())["requests_total"] == 16


async def test_somebody_clears_the_folder_away(workers: list[Worker], tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    assert (await workers[0].samples())["requests_total"] == 1
    await workers[1].works(4)
    assert (await workers[0].samples())["requests_total"] == 7


async def test_of_one_that_is_gone_only_what_it_counted_stays(workers: list[Worker], gone: set[str]) -> None:
    gone.add(workers[2].file)
    samples = await workers[0].samples()
    assert (samples["requests_total"], samples["seconds_count"], samples["active"]) == (6, 3, 3)


async def test_many_that_are_gone_leave_one_file(workers: list[Worker], gone: set[str], tmp_path: Path) -> None:
    for round_ in range(4):
        gone.update(worker.file for worker in workers)
        successor = Worker(tmp_path)
        successor.siblings._bury()
        await successor.works(1)
        assert (await successor.samples())["requests_total"] == 7 + round_
        assert names_in(tmp_path) == {"lock", "ended.json", successor.file}
        workers = [successor]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_who_is_killed_while_burying_counts_nothing_twice(
    workers: list[Worker], gone: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone.add(workers[2].file)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", killed)
        workers[0].siblings._bury()
    assert (tmp_path / workers[2].file).exists()
    assert (await workers[0].samples())["requests_total"] == 6
    for _ in range(2):
        workers[1].siblings._bury()
        assert (await workers[0].samples())["requests_total"] == 6


async def test_without_room_on_the_disk_it_works_and_says_so_once(
    workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError("no space left on device")

    lines = lines_of(module, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        await workers[0].works(5)
        await workers[0].works(5)
    assert [line["event"] for line in lines] == ["metrics_not_kept"]
    assert (await workers[1].samples())["requests_total"] == 6
    await workers[0].siblings.write()
    assert (await workers[1].samples())["requests_total"] == 16


def test_a_process_of_another_parent_is_none_of_them(tmp_path: Path) -> None:
    ours, others, nobodys = (tmp_path / f"{pid}-x.json" for pid in (os.getpid(), os.getppid(), 2**22 + 1))
    assert [module._is_gone(path) for path in (ours, others, nobodys)] == [False, True, True]


class TestSums:
    @staticmethod
    def of(*values: float, name: str, modes: dict[str, str]) -> Iterator[float]:
        sums = Sums(modes)
        for value in values:
            registry = CollectorRegistry()
            Gauge(name, "A gauge.", registry=registry).set(value)
            sums.add(orjson.loads(orjson.dumps(freeze(registry.collect()))))
        return (sample.value for family in sums.families() for sample in family.samples)

    @pytest.mark.parametrize(("mode", "value"), [("sum", 6), ("min", 1), ("max", 3)])
    def test_gauges_become_one_as_they_were_declared(self, mode: str, value: float) -> None:
        assert list(self.of(2, 1, 3, name="g", modes={"g": mode})) == [value]

    def test_the_librarys_own_are_known(self) -> None:
        modes = gauge_modes(CollectorRegistry())
        assert list(self.of(5, 4, name="process_start_time_seconds", modes=modes)) == [4]
        assert list(self.of(5, 4, name="process_resident_memory_bytes", modes=modes)) == [9]
