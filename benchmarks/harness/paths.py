"""Where things lie in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "backend-pro1"
SCRATCH = ROOT / ".run" / "bench"
# Records that the table in README.md is made from, in git.
PUBLISHED = ROOT / "benchmarks" / "results"


def scratch(name: str) -> Path:
    """A path below the scratch directory, which exists afterwards."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return SCRATCH / name
