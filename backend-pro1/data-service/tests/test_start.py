"""A service that starts small: heavy libraries belong to the computing children."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("pandas", "numpy", "sklearn", "duckdb", "pyarrow", "ray", "openai", "minio", "charset_normalizer")
SCRIPT = f"""
import importlib, sys
importlib.import_module("data-service.app.main")
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_nothing_heavy_is_imported_at_start() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"
