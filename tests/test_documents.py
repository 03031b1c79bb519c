"""Documents name only what exists, and the catalogue of errors is complete."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "DEPLOYMENT_GUIDE.md", "SECURITY.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
CODE = re.compile(r"[a-z][a-z0-9_]+")
CARRIERS = {"TaskFailed", "ComputeError", "TaskError", "ComputeFailed"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_exist(document: Path) -> None:
    text = document.read_text()
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"`(?:\./)?((?:scripts|config|docs|shared|tests|benchmarks|monitoring)/[\w./-]*\w)`", text)
    places = (document.parent, ROOT, ROOT / "backend-pro1")
    missing = [name for name in {*linked, *named} if not any((place / name).exists() for place in places)]
    assert missing == []


def test_the_list_of_metrics_is_what_the_code_declares() -> None:
    command = [sys.executable, "-m", "shared.metrics.catalogue"]
    declared = subprocess.run(command, cwd=ROOT / "backend-pro1", capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs" / "metrics.md").read_text() == declared, "run ./scripts/lint.sh --fix"


def test_the_reference_is_what_the_code_declares(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shared.testing.reference", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / "backend-pro1", check=True)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.*")}
    there = [*(ROOT / "docs" / "openapi").iterdir(), ROOT / "docs" / "settings.md"]
    assert len(made) == 4
    assert {path.relative_to(ROOT / "docs"): path.read_text() for path in there} == made, "run ./scripts/lint.sh --fix"


def test_scripts_in_the_readme_exist_and_run() -> None:
    for name in set(re.findall(r"\./(scripts/[\w-]+\.sh)", (ROOT / "README.md").read_text())):
        assert (ROOT / name).stat().st_mode & 0o111, name


def codes_in(path: Path) -> set[str]:
    """Codes a file can answer with: `code="..."`, `code = "..."` in an error class, first argument of a carrier."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.keyword) and node.arg == "code":
            values.append(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "code" for target in targets):
                values.append(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CARRIERS and node.args:
            values.append(node.args[0])
        found |= {
            value.value
            for value in values
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value)
        }
    return found


def test_the_catalogue_of_errors_is_complete() -> None:
    sources = [
        path
        for path in (ROOT / "backend-pro1").rglob("*.py")
        if "tests" not in path.parts and "testing" not in path.parts
    ]
    raised = set().union(*(codes_in(path) for path in sources))
    documented = set(re.findall(r"^\| `([a-z0-9_]+)` \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE))
    assert len(raised) > 20
    assert raised - documented == set(), "describe these in docs/errors.md"
