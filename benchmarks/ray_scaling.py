"""Distributed jobs on simulated nodes: scaling of pieces of known cost, more data than memory, and a node that dies."""

import argparse
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .harness.engine_run import LIMIT_SECONDS, PYTHON
from .harness.errors import BenchError, run_main
from .harness.paths import PROJECT, ROOT, scratch
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table

FIRST_PORT, PORTS_A_NODE = 8600, 20
CPUS_A_NODE = 2
STORE_BYTES = 80_000_000
START_SECONDS = 180
PIECES, PIECE_SECONDS = 48, 0.5
COLUMNS, GROUP_ROWS = 20, 61_440
DRIVER = ROOT / "benchmarks" / "baselines" / "ray_driver.py"
MEGABYTE = 10**6
SMALL_GIGABYTES = 0.02
# The model is given, so that it comes from a search need not be true.
PREDICTION = {"search_task_id": "00000000-0000-0000-0000-000000000000"}


class Nodes:
    """Raylets on this machine, each with two processors and a small object store; the first is the head."""

    def __init__(self, folder: Path, token: str) -> None:
        self.cluster: dict[str, Any] = {"address": f"127.0.0.1:{FIRST_PORT}", "token": token, "connect_seconds": 60.0}
        self._folder = folder
        self._environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, number: int) -> None:
        """Start so many, and wait until all have joined."""
        for position in range(number):
            base = FIRST_PORT + position * PORTS_A_NODE
            ports = {
                "object-manager-port": base + 6, "node-manager-port": base + 7, "dashboard-agent-listen-port": base + 2,
                "dashboard-agent-grpc-port": base + 3, "runtime-env-agent-port": base + 4,
                "metrics-export-port": base + 5, "min-worker-port": base + 10, "max-worker-port": base + 19,
                "num-cpus": CPUS_A_NODE, "num-gpus": 0, "object-store-memory": STORE_BYTES,
            }  # fmt: skip
            place = self._head() if position == 0 else ["--address", self.cluster["address"]]
            options = [f"--{name}={value}" for name, value in ports.items()]
            self._spawn([str(PYTHON.with_name("ray")), "start", *place, "--block", "--disable-usage-stats", *options])
            self._await(position + 1)

    def kill(self, position: int) -> None:
        """Kill a node with all its processes, as a power cut would."""
        os.killpg(self._running[position].pid, signal.SIGKILL)

    def stop(self) -> None:
        """End what still runs: each leader first, which ends its children, then whatever is left."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def _head(self) -> list[str]:
        return ["--head", f"--port={FIRST_PORT}", f"--dashboard-port={FIRST_PORT + 1}", "--include-dashboard=false",
                f"--ray-client-server-port={FIRST_PORT + 8}", f"--temp-dir={self._folder}"]  # fmt: skip

    def _spawn(self, command: list[str]) -> None:
        with (self._folder / f"node{len(self._running)}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, start_new_session=True)
        self._running.append(process)

    def _await(self, number: int) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if number == 1 and (self._folder / "node0.log").read_text().find("runtime started") < 0:
                time.sleep(0.5)
                continue
            log = (self._folder / f"node{number - 1}.log").read_text()
            if "runtime started" in log:
                return
            time.sleep(0.5)
        raise BenchError(f"node {number} of Ray did not start in {START_SECONDS} seconds; see {self._folder}")


@contextmanager
def nodes(number: int) -> Iterator[Nodes]:
    """A cluster of so many nodes for a block."""
    # A short path: Ray's sockets lie in it.
    folder = Path(tempfile.mkdtemp(prefix="rays"))
    found = Nodes(folder, secrets.token_hex(24))
    try:
        found.start(number)
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder, ignore_errors=True)


def drive(cluster: dict[str, Any], kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What the driver says."""
    process = driver(cluster, kind, arguments)
    answer, trouble = process.communicate(timeout=LIMIT_SECONDS)
    return answered(process.returncode, answer, trouble)


def driver(cluster: dict[str, Any], kind: str, arguments: dict[str, Any]) -> subprocess.Popen[str]:
    """A process that drives our executor."""
    command = [str(PYTHON), str(DRIVER), json.dumps(cluster), kind, json.dumps(arguments)]
    # Ray reads its token when it is first imported, which the driver does early.
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": cluster["token"]}
    environment = {**os.environ, **secret, "PYTHONPATH": str(PROJECT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=PROJECT, env=environment, **pipes)  # type: ignore[call-overload,no-any-return]


def await_line(process: subprocess.Popen[str], wanted: str) -> None:
    """Wait until the driver says so on standard error."""
    for line in process.stderr or ():
        if line.strip() == wanted:
            return


def answered(code: int, answer: str, trouble: str) -> dict[str, Any]:
    """The driver's answer.

    Raises:
        BenchError: it failed.
    """
    if code:
        raise BenchError(f"the driver failed: {trouble[-1500:]}")
    # Ray may have said something before.
    found: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return found


def scaling(counts: list[int]) -> tuple[str, list[Check]]:
    """Pieces that wait half a second each, on more and more nodes."""
    rows: list[tuple[int | str, ...]] = []
    speedups: dict[int, float] = {}
    one: dict[str, Any] = {}
    for count in counts:
        with nodes(count) as cluster:
            found = drive(cluster.cluster, "pieces", {"pieces": PIECES, "seconds": PIECE_SECONDS})
        one = one or found
        ideal = PIECES * PIECE_SECONDS / found["cpus"]
        speedups[count] = one["tasks"] / found["tasks"]
        rows.append(
            (count, f"{found['cpus']:.0f}", f"{ideal:.1f}", f"{found['tasks']:.1f}", f"{speedups[count]:.2f}",
             f"{found['data']:.1f}", f"{one['data'] / found['data']:.2f}")
        )  # fmt: skip
    most = max(counts)
    head = ("nodes", "processors", "ideal s", "tasks s", "speed-up", "Ray Data s", "speed-up")
    text = f"{PIECES} pieces of {PIECE_SECONDS} s, which wait and compute nothing:\n\n{table(head, rows)}"
    reached = speedups[most]
    return text, [
        Check(f"{most} nodes give at least {0.75 * most:.1f} times one", f"{reached:.2f}", reached >= 0.75 * most)
    ]


def losing() -> tuple[str, list[Check]]:
    """A node killed with all its processes when a third of the pieces have ended."""
    rows, checks = [], []
    for kind in ("tasks", "data"):
        with nodes(2) as cluster:
            arguments = {"pieces": PIECES, "seconds": PIECE_SECONDS, "kind": kind}
            process = driver(cluster.cluster, "survive", arguments)
            await_line(process, "now")
            cluster.kill(1)
            answer, trouble = process.communicate(timeout=LIMIT_SECONDS)
        found = answered(process.returncode, answer, trouble)
        complete = "yes" if found["complete"] else "no"
        rows.append((kind, f"{found['seconds']:.1f}", complete))
        text = f"a node killed in the middle loses no piece ({kind})"
        checks.append(Check(text, f"all answers: {complete}", found["complete"]))
    head = ("by", "seconds", "all answers, in order")
    return f"One of two nodes killed with SIGKILL in the middle:\n\n{table(head, rows)}", checks


def larger(gigabytes: float) -> tuple[str, list[Check]]:
    """A partitioned profile and a batch prediction over a file that fits neither the object stores nor a process."""
    path, small = large_file(gigabytes), large_file(SMALL_GIGABYTES)
    size = path.stat().st_size
    texts, checks = [], []
    for name, job in _jobs(path, small).items():
        with nodes(1) as cluster:
            on_ray = drive(cluster.cluster, "job", {"job": job, "on_ray": True})
        local = drive(cluster.cluster, "job", {"job": job, "on_ray": False})
        texts.append(f"{name}:\n\n{_seen(on_ray, local)}\n\n{on_ray['plan']}")
        most = max(on_ray["driver"], on_ray["worker"])
        same = on_ray["answer"] == local["answer"]
        checks += [
            Check(f"{name}: Ray and threads give the same answer", "the same" if same else "others", same),
            Check(f"{name}: no process holds 0.6 of the file", f"{most / size:.2f}", most <= 0.6 * size),
        ]
    head = f"{size / 10**9:.2f} GB of Parquet, one node with an object store of {STORE_BYTES / MEGABYTE:.0f} MB."
    return "\n\n".join([head, *texts]), checks


def _jobs(path: Path, small: Path) -> dict[str, dict[str, Any]]:
    """Jobs over `path`, as the worker gives them to a computing child; a model is fitted to `small`."""
    parts = {where: {"path": str(where), "sha256": digest(where), "url": ""} for where in (path, small)}
    training: dict[str, Any] = {"algorithm": "linear", "parameters": None, "problem": "regression", "seed": 0}
    training |= {"target": "c0", "features": [f"c{n}" for n in range(1, 9)], "data": parts[small]}
    return {
        "partitioned-profile": {"type": "partitioned-profile", "parameters": {}, "data": parts[path]},
        "batch-prediction": {
            "type": "batch-prediction", "parameters": PREDICTION, "data": parts[path], "training": training,
        },
    }  # fmt: skip


def _seen(on_ray: dict[str, Any], local: dict[str, Any]) -> str:
    rows = [
        (found["executor"], f"{found['seconds']:.0f}", f"{found['driver'] / MEGABYTE:.0f}",
         f"{found['worker'] / MEGABYTE:.0f}" if found["worker"] else "-", found["partitions"])
        for found in (on_ray, local)
    ]  # fmt: skip
    return table(("executor", "seconds", "driver's peak MB", "largest worker's peak MB", "partitions"), rows)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def large_file(gigabytes: float) -> Path:
    """Random numbers, which do not compress; made once, by the project's own interpreter."""
    groups = round(gigabytes * 10**9 / 8 / COLUMNS / GROUP_ROWS)
    path = scratch(f"numbers_{groups}.parquet")
    if not path.exists():
        code = _MAKE.format(path=str(path), groups=groups, rows=GROUP_ROWS, columns=COLUMNS)
        subprocess.run([str(PYTHON), "-c", code], check=True, timeout=LIMIT_SECONDS)
    return path


_MAKE = """
import os, numpy, pyarrow, pyarrow.parquet
path, random = {path!r}, numpy.random.default_rng(1)
schema = pyarrow.schema([(f"c{{number}}", pyarrow.float64()) for number in range({columns})])
with pyarrow.parquet.ParquetWriter(path + ".part", schema, use_dictionary=False) as writer:
    for _ in range({groups}):
        arrays = [pyarrow.array(random.lognormal(size={rows})) for _ in range({columns})]
        writer.write_table(pyarrow.table(arrays, schema=schema), row_group_size={rows})
os.replace(path + ".part", path)
"""


def main() -> int:
    """All three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4], help="numbers of nodes to compare")
    parser.add_argument("--gigabytes", type=float, default=3, help="size of the file of the jobs")
    parser.add_argument("--only", choices=["scaling", "losing", "larger"], help="one part alone")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    wanted = parser.parse_args()
    parts: dict[str, Callable[[], tuple[str, list[Check]]]] = {
        "scaling": lambda: scaling(wanted.nodes),
        "losing": losing,
        "larger": lambda: larger(wanted.gigabytes),
    }
    chosen = [run() for name, run in parts.items() if wanted.only in (None, name)]
    checks = [check for _, found in chosen for check in found]
    return finish("ray_scaling.sh", [text for text, _ in chosen], checks, publish=wanted.publish)


if __name__ == "__main__":
    run_main(main)
