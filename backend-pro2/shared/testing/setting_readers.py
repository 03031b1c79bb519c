"""Which processes read which setting, found in the source: what each imports, and what that asks of the settings."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROCESSES = {
    "gateway": ("api-gateway.app.main", "shared.serve"),
    "data": ("data-service.app.main", "shared.serve"),
    "ai": ("ai-service.app.main", "shared.serve"),
    "data worker": ("data-service.app.worker",),
    "ai worker": ("ai-service.app.worker",),
}
# A module that is imported by name, when it is first needed.
_LATE = re.compile(r"f'\{__package__\}\.(\w+)'")
# Read by way of properties of Settings.
_BY_OTHER_NAMES = {
    "data_service_base": ("data_service_url", "data_service_port"),
    "ai_service_base": ("ai_service_url", "ai_service_port"),
}


def readers(names: Sequence[str]) -> Mapping[str, list[str]]:
    """For each setting the processes whose code names it."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for process, entries in PROCESSES.items():
        read = set().union(*(_names_in(path) for path in _loaded(entries)))
        read |= {name for short, meant in _BY_OTHER_NAMES.items() if short in read for name in meant}
        for name in found:
            if name in read:
                found[name].append(process)
    return found


def _loaded(entries: Sequence[str]) -> set[Path]:
    """The files of the entries and of all that these import, inside functions too."""
    waiting = [path for entry in entries for path in _files(entry)]
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in seen and path != ROOT / "shared" / "config.py":
            seen.add(path)
            waiting.extend(_imported(path))
    return seen


def _files(module: str) -> list[Path]:
    place = ROOT.joinpath(*module.split("."))
    return [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    modules = [module for node in ast.walk(_tree(path)) for module in _modules(node, path)]
    return tuple(file for module in modules for file in _files(module))


def _modules(node: ast.AST, path: Path) -> Iterator[str]:
    parts = path.relative_to(ROOT).parts
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.JoinedStr) and (late := _LATE.fullmatch(ast.unparse(node))):
        yield ".".join([*parts[:-1], late[1]])
    elif isinstance(node, ast.ImportFrom):
        package = parts[: -node.level] if node.level else ()
        module = ".".join([*package, *filter(None, [node.module])])
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _names_in(path: Path) -> frozenset[str]:
    """What is asked of something called settings."""
    return frozenset(
        node.attr
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and "settings" in _last_name(node.value)
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
