"""Drives our executor on a Ray cluster, as a computing child does; prints what it saw as JSON.

Run by the project's own interpreter as `ray_driver.py ADDRESS KIND ARGUMENTS`, with the project on its path.
"""

import contextlib
import hashlib
import importlib
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ENGINES = "ai-service.app.engines"
PIECE = f"{Path(__file__).stem}:wait"
SAMPLE_SECONDS = 0.2


def wait(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece whose cost is known: it waits, so that the machine's processors do not limit it."""
    time.sleep(shared["seconds"])
    return {"number": item["number"], "node": os.environ.get("RAY_NODE_ID", "")[:8], "worker": os.getpid()}


def pieces(ray_of: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of so many pieces of so many seconds, once the workers are warm; by tasks and by Ray Data."""
    items = [{"number": number} for number in range(arguments["pieces"])]
    shared = {"seconds": arguments["seconds"]}
    with _executor(ray_of) as executor:
        few = items[: int(executor.cpus) * 2]
        executor.map(PIECE, few, {"seconds": 0.2}, _ignore)
        list(executor.stream(PIECE, few, {"seconds": 0.2}))
        started = time.perf_counter()
        answers = executor.map(PIECE, items, shared, _ignore)
        mapped = time.perf_counter() - started
        started = time.perf_counter()
        streamed = list(executor.stream(PIECE, items, shared))
        return {
            "tasks": mapped,
            "data": time.perf_counter() - started,
            "cpus": executor.cpus,
            "complete": [a["number"] for a in answers] == [a["number"] for a in streamed] == list(range(len(items))),
        }


def survive(ray_of: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same once, while somebody kills a node; says on standard error when half is done."""
    items = [{"number": number} for number in range(arguments["pieces"])]
    kind, told = arguments["kind"], threading.Event()

    def half(done: int) -> None:
        if done >= len(items) // 3 and not told.is_set():
            told.set()
            sys.stderr.write("now\n")
            sys.stderr.flush()

    with _executor(ray_of) as executor:
        started, shared = time.perf_counter(), {"seconds": arguments["seconds"]}
        if kind == "tasks":
            answers = executor.map(PIECE, items, shared, half)
        else:
            answers = []
            for answer in executor.stream(PIECE, items, shared):
                answers.append(answer)
                half(len(answers))
        numbers = [answer["number"] for answer in answers]
        return {"seconds": time.perf_counter() - started, "complete": numbers == list(range(len(items)))}


def job(ray_of: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A distributed job over a file: seconds, the most memory of this process and of any worker, Ray Data's plan."""
    run = importlib.import_module(f"{ENGINES}.jobs.run")
    with tempfile.TemporaryDirectory() as output:
        asked = {**arguments["job"], "seed": 0, "output": output, "threads": 1}
        asked |= {"ray": dict(ray_of), "executor": "ray"} if arguments["on_ray"] else {"ray": None, "executor": "local"}
        peaks, plans = _Peaks(), _Plans()
        peaks.start()
        started = time.perf_counter()
        answer = run.run_job(asked, _ignore)
        taken = time.perf_counter() - started
        peaks.ended.set()
        # The fitted model lies beside them, in an archive that holds times and numbers of objects.
        made = [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(Path(output).glob("*.parquet"))]
    seen = {"seconds": taken, "driver": peaks.driver, "worker": peaks.worker, "executor": answer["executor"]}
    return {**answer["summary"], **seen, "answer": json.dumps([answer["tables"], made]), "plan": plans.text}


class _Plans:
    """The plan of the last Ray Data set that is read through, as Ray itself prints it."""

    def __init__(self) -> None:
        self.text = ""
        dataset = importlib.import_module("ray.data").Dataset
        read = dataset.iter_rows

        def iter_rows(data: Any) -> Any:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                data.explain()
            self.text = said.getvalue().strip()
            return read(data)

        dataset.iter_rows = iter_rows


class _Peaks(threading.Thread):
    """Samples resident bytes of this process and of the largest worker of the cluster."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.driver = self.worker = 0

    def run(self) -> None:
        """Until `ended`."""
        while not self.ended.wait(SAMPLE_SECONDS):
            self.driver = max(self.driver, _resident(os.getpid()))
            self.worker = max(self.worker, max(map(_resident, _workers()), default=0))


def _workers() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith((b"ray::MapBatches", b"ray::call")):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class _executor:  # noqa: N801 - used as a function
    """A block with our executor of the cluster."""

    def __init__(self, ray_of: Mapping[str, Any]) -> None:
        cluster = importlib.import_module(f"{ENGINES}.job").RayCluster(**ray_of)
        self._module = importlib.import_module(f"{ENGINES}.ray_cluster")
        self._cluster, self._connected = cluster, self._module.connected(cluster)

    def __enter__(self) -> Any:
        ray = self._connected.__enter__()
        watch = lambda: self._module.ClusterWatch(self._cluster)  # noqa: E731 - one expression
        return importlib.import_module(f"{ENGINES}.ray_executor").RayExecutor(ray, watch)

    def __exit__(self, *error: object) -> None:
        self._connected.__exit__(*error)


def _ignore(*_: object) -> None:
    """Progress is not told."""


if __name__ == "__main__":
    found = {"pieces": pieces, "survive": survive, "job": job}[sys.argv[2]]
    sys.stdout.write(json.dumps(found(json.loads(sys.argv[1]), json.loads(sys.argv[3]))))
