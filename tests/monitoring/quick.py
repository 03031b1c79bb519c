"""A Prometheus of its own beside an instance, as quick as a test needs it.

It asks the targets that the instance's own one asks, every second in place of every fifteen, and judges by a copy of
the same rules in which time runs faster: each `for` becomes two seconds, each range five minutes at most. Expressions,
bounds and labels stay as they are, so what fires here fires there, only later.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .files import RULES

LONGEST_SECONDS = 240.0
RETENTION = "1h"


def hastened(text: str) -> str:
    """Rules in which time runs faster."""
    faster = re.sub(r"^( *for): \w+$", r"\1: 2s", text, flags=re.MULTILINE)
    return re.sub(
        r"\[(\d+)([mhd])\]", lambda found: "[5m]" if found[2] != "m" or int(found[1]) > 5 else found[0], faster
    )


def configuration(own: str, rules: Path) -> str:
    """The instance's configuration with a second between looks, and the rules in this folder."""
    often = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", own)
    return re.sub(r"rule_files: .*", f"rule_files: ['{rules}/*.yml']", often)


@dataclass(frozen=True)
class Prometheus:
    """Asks one Prometheus."""

    url: str

    def get(self, path: str, **params: str) -> Any:
        """The data of an answer."""
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=params, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series of an expression now, without those that have no number."""
        series: list[dict[str, Any]] = self.get("query", query=expr)["result"]
        return [one for one in series if one["value"][1] != "NaN"]

    def targets(self) -> dict[str, str]:
        """Each job, with why its target does not answer, or nothing."""
        found = self.get("targets", state="active")["activeTargets"]
        return {one["labels"]["job"]: one["lastError"] if one["health"] == "up" else one["health"] for one in found}

    def firing(self) -> list[dict[str, str]]:
        """Labels of the alerts that fire."""
        return [one["labels"] for one in self.get("alerts")["alerts"] if one["state"] == "firing"]

    def fires(self, name: str, **labels: str) -> bool:
        """Whether this alert does, with these labels."""
        wanted = {"alertname": name, **labels}
        return any(wanted.items() <= found.items() for found in self.firing())


def until(holds: Callable[[], bool], otherwise: Callable[[], object]) -> None:
    """Wait until it holds, for minutes on a busy machine."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.5)


@contextmanager
def running(own: Path, folder: Path, port: int) -> Iterator[Prometheus]:
    """One beside the Prometheus whose configuration is `own`."""
    rules = folder / "rules"
    rules.mkdir()
    for path in RULES:
        (rules / path.name).write_text(hastened(path.read_text()))
    (folder / "prometheus.yml").write_text(configuration(own.read_text(), rules))
    command = [
        shutil.which("prometheus") or "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    found = Prometheus(f"http://127.0.0.1:{port}")
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until(lambda: _answers(found), (folder / "log").read_text)
            yield found
        finally:
            process.terminate()


def _answers(prometheus: Prometheus) -> bool:
    try:
        return httpx.get(f"{prometheus.url}/-/ready", timeout=5).is_success
    except httpx.TransportError:
        return False
