"""The size budget of CONTRIBUTING.md, measured over the source."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("backend-pro1", "scripts", "benchmarks", "tests")
LONGEST_FILE = 300
FORBIDDEN_CALLS = {"print", "eval", "exec", "breakpoint"}


def sources() -> list[Path]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return [path for path in files if not {".venv", ".venv-bench", ".venv-ydata", ".cache"} & set(path.parts)]


def production(path: Path) -> bool:
    return path.is_relative_to(ROOT / "backend-pro1") and "tests" not in path.parts


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    assert ast.get_docstring(ast.parse(text)), "a one-line docstring says what the module is for"


def test_functions_are_short() -> None:
    lengths = [
        body_lines(node) for path in sources() if production(path) for node in functions(ast.parse(path.read_text()))
    ]
    assert statistics.median(lengths) <= 9
    assert statistics.quantiles(lengths, n=10)[-1] <= 30


def test_nothing_is_printed_or_evaluated() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if production(path)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS
    ]
    assert calls == []


def test_sql_stands_where_it_belongs() -> None:
    allowed = (
        "repositories",
        "tasks",
        "idempotency",
        "migrations",
        "engines",
        "queries",
        "tabular",
        "schemas",
        "testing",
    )
    files = {
        "membership.py",
        "quotas.py",
        "identity.py",
        "schema_revision.py",
        "database.py",
        "webhook_outbox.py",
        "removed_objects.py",
        "prepare.py",
    }
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if production(path) and path.name not in files and not set(allowed) & set(path.parts)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.lstrip().startswith(("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"))
    ]
    assert strays == []
