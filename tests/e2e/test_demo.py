"""The demo against a running instance: it says so itself when the result is not what it must be."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_prints_its_requests_and_the_result(base_urls: list[str], tmp_path: Path) -> None:
    chart = tmp_path / "chart.html"
    command = [sys.executable, str(ROOT / "scripts" / "demo" / "main.py")]
    command += ["--url", base_urls[0], "--chart", str(chart)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "POST  /api/v1/analysis" in done.stdout
    assert "R squared 0.517748" in done.stdout
    assert chart.read_text().startswith("<!doctype html>")
