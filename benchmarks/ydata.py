"""Ingest and profile of small files beside ydata-profiling in three of its modes."""

import argparse
import subprocess

from .harness.errors import BenchError, run_main
from .harness.paths import ROOT
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.table_file import csv_of
from .tables import ingest

SIZES = (10_000, 100_000)
PYTHON = ROOT / ".venv-ydata" / "bin" / "python"
SCRIPT = ROOT / "benchmarks" / "baselines" / "ydata_profile.py"
MODES = ("minimal", "without_interactions", "default")
# Its whole report takes many minutes even for ten thousand rows; then the ratio is a lower bound.
LIMIT_SECONDS = 60


def theirs(rows: int, mode: str) -> tuple[float, bool]:
    """Seconds, and whether it came to an end in them."""
    try:
        done = subprocess.run(
            [str(PYTHON), str(SCRIPT), str(csv_of(rows)), mode],
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return LIMIT_SECONDS, False
    if done.returncode:
        raise BenchError(f"ydata-profiling failed: {done.stderr[-1000:]}")
    return float(done.stdout.rpartition(": ")[2].rstrip("}")), True


def main() -> int:
    """Each size, each mode."""
    parser = argparse.ArgumentParser(prog="ydata.sh", description=__doc__)
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    publish = parser.parse_args().publish
    lines, checks = [], []
    for rows in SIZES:
        csv_of(rows)
        mine = min(ingest(rows).seconds for _ in range(3))
        for mode in MODES:
            seconds, ended = theirs(rows, mode)
            ratio = seconds / mine
            mark = "" if ended else "more than "
            lines.append((rows, mode.replace("_", " "), f"{mine:.2f}", f"{mark}{seconds:.1f}", f"{mark}{ratio:.0f}"))
            if mode == "default":
                text = f"{rows} rows: at least 50 times as fast as its report"
                checks.append(Check(text, f"{mark}{ratio:.0f}", ratio >= 50))
    shown = table(("rows", "mode of ydata-profiling", "ours, s", "theirs, s", "theirs / ours"), lines)
    return finish("ydata.sh", [shown], checks, publish=publish)


if __name__ == "__main__":
    run_main(main)
