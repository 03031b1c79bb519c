"""What an engine is asked to do: the JSON job of the child process, unpacked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from shared.compute import Report

ExecutorName = Literal["auto", "local", "ray"]


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file that can be found elsewhere too: by path where the disk is shared, else by its signed address."""

    path: Path
    sha256: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Where the Ray head is, its token, and how long to wait for a connection and for a sign of progress."""

    address: str
    token: str
    connect_seconds: float = 15.0
    stall_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Job:
    """One run of an engine. Files it makes go to `output`; `executor` says where pieces may run, "auto": wherever."""

    type: str
    parameters: Mapping[str, Any]
    seed: int
    data: DataFile
    output: Path
    report: Report
    threads: int = 1
    ray: RayCluster | None = None
    executor: ExecutorName = "auto"
    training: Mapping[str, Any] | None = None


def unpack(job: Mapping[str, Any], report: Report) -> Job:
    """The job of a JSON object with the members of `Job`; `data` and `ray` are objects themselves."""
    data, ray = job["data"], job.get("ray")
    return Job(
        type=job["type"],
        parameters=job["parameters"],
        seed=job["seed"],
        data=DataFile(Path(data["path"]), data["sha256"], data.get("url", "")),
        output=Path(job["output"]),
        report=report,
        threads=job.get("threads", 1),
        ray=None if ray is None else RayCluster(**ray),
        executor=job.get("executor", "auto"),
        training=job.get("training"),
    )
