"""The application as a whole: its document, and what its processes must not load."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..app.main import create_app

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "sklearn", "statsmodels", "altair", "ray", "openai", "duckdb")
PREFIXES = ("analysis_", "conversations_", "glossary_", "models_", "schedules_", "tasks_", "verified_queries_")


@pytest.mark.parametrize("module", ["ai-service.app.main", "ai-service.app.worker"])
def test_no_process_loads_what_only_children_need(module: str) -> None:
    code = (
        f"import importlib, sys; importlib.import_module({module!r}); print([n for n in {HEAVY!r} if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout.strip().splitlines()[-1] == "[]"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in create_app().openapi()["paths"].items():
        if path.startswith(("/analysis", "/models", "/tasks")):
            for method, operation in methods.items():
                yield path, method, operation


def test_every_route_is_documented() -> None:
    seen = set()
    for path, method, operation in operations():
        where = f"{method} {path}"
        assert operation["operationId"].startswith(PREFIXES), where
        assert operation["tags"], where
        assert operation["summary"], where
        assert operation["description"], where
        assert "401" in operation["responses"], where
        seen.add(operation["operationId"])
    assert len(seen) == 86
