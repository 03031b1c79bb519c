"""What a process must not load before it needs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ["aiohttp", "minio", "celery", "pandas", "sklearn", "duckdb", "pyarrow", "numpy", "ray", "openai"]


def loaded_by(statement: str) -> set[str]:
    names = f"[m for m in {HEAVY} if m in sys.modules]"
    return set(json.loads(printed(f"{statement}; import json, sys; print(json.dumps({names}))")))


def printed(script: str) -> str:
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    return answer.stdout.splitlines()[-1]


def test_a_service_starts_without_sdks_and_engines() -> None:
    assert loaded_by("import shared.resources, shared.tasks.schemas") == set()


@pytest.mark.integration
def test_a_worker_process_loads_no_engine() -> None:
    assert loaded_by("import shared.testing.worker_app") == {"celery"}


@pytest.mark.integration
def test_beat_rings_at_every_queue_and_lets_bells_expire() -> None:
    script = "from shared.testing.worker_app import app; import json; print(json.dumps(app.conf.beat_schedule))"
    schedule = json.loads(printed(script))
    rung = {(entry["task"], entry["options"]["queue"]) for entry in schedule.values()}
    assert rung == {(task, queue) for task in ("tasks.reconcile", "tasks.sweep") for queue in ("ingest", "analysis")}
    assert all(entry["options"]["expires"] == entry["schedule"] for entry in schedule.values())
