"""Every promise of the threat model names tests, and each of them is there."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

from .trees import ROOT, SOURCE

TEXT = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.compile(r"`([\w./-]+\.py)::([\w:]+)`")
PROMISES = re.findall(r"^\| (?!promise|---)([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names of a file's tests, as pytest writes them behind the file's."""
    tree = ast.parse(path.read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    alone = [node.name for node in tree.body if _is_test(node)]
    inside = [f"{one.name}::{node.name}" for one in classes for node in one.body if _is_test(node)]
    return frozenset((*alone, *inside))


def _is_test(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def missing(text: str) -> list[str]:
    """Named tests that are not in the tree."""
    return [f"{file}::{test}" for file, test in NAMED.findall(text) if not _is_there(file, test)]


def _is_there(file: str, test: str) -> bool:
    return any((root / file).is_file() and test in names_in(root / file) for root in (ROOT, SOURCE))


def test_every_named_test_exists() -> None:
    assert missing(TEXT) == []


def test_every_promise_is_shown() -> None:
    promises = [(promise, shown) for promise, shown in PROMISES if "::" in shown or promise.endswith(".")]
    assert len(promises) > 40
    assert [promise for promise, shown in promises if not NAMED.search(shown)] == []
    # Whatever is in backquotes there is the name of a test, written so that it is looked up.
    odd = [name for _, shown in promises for name in re.findall(r"`[^`]*`", shown) if not NAMED.fullmatch(name)]
    assert odd == []


def test_every_border_of_the_picture_has_its_promises() -> None:
    drawn = set(re.findall(r'\|"(\d) ', TEXT))
    assert drawn == set(re.findall(r"^### (\d)\. ", TEXT, re.MULTILINE)) == set("123456789")


@pytest.mark.parametrize(
    "name",
    [
        "tests/adversarial/test_access.py::test_every_operation_has_a_rules",
        "tests/adversarial/test_acess.py::test_every_operation_has_a_rule",
        "shared/tests/test_compute.py::test_a_child_sees_no_secret_of_its_parent",
        "shared/tests/test_compute.py::TestSecrets",
    ],
)
def test_a_name_with_a_slip_is_seen(name: str) -> None:
    assert missing(f"| A promise. | `{name}` |") == [name]
