"""The text of docs/settings.md: settings by their declaration; what only scripts and Compose read, by the template."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from shared.config import Settings
from shared.testing.setting_readers import PROCESSES, ROOT, readers

TEMPLATE = ROOT.parent / "config" / "env.example.tmpl"
_HEAD = """# Settings

Every variable that an instance can be told, made from the code by `./scripts/lint.sh --fix`. In local mode and in
containers they stand in `backend-proN/.env`, on Kubernetes in the config map and the Secret of an overlay. A value that
is unusable ends a process at its start, and names the variable. Lists are comma-separated.

*Read by* names the processes whose code asks for the setting; code that several share counts for each. A *secret* is
never logged: keep it in `.env` (mode 600) or in a Secret. Where its default is a placeholder, `setup.sh` and
`make-secrets.sh` put a random one in its place. *Limits* are bounds, the words that there are, or a regular expression.
"""
_COLUMNS = "\n| Name | Type | Default | Limits | Read by | Meaning |\n|---|---|---|---|---|---|\n"
_REST = """
## Of scripts and Compose

Read from the same `.env` by the scripts or the compose files alone.

| Name | Default | Meaning |
|---|---|---|
"""
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}
SERVICES = tuple(PROCESSES)[:3]
WORKERS = tuple(PROCESSES)[3:]


class Line(NamedTuple):
    """A variable of the template: its default, and the comment above it."""

    name: str
    default: str
    meaning: str


def document() -> str:
    """The list as Markdown."""
    read_by = readers(list(Settings.model_fields))
    rest = "".join(f"| `{line.name}` | {_template_default(line)} | {_cell(line.meaning)} |\n" for line in _others())
    return _HEAD + "".join(_section(part, read_by) for part in _parts()) + _REST + rest


def _parts() -> list[type[BaseSettings]]:
    return [part for part in Settings.__bases__ if issubclass(part, BaseSettings)]


def _section(part: type[BaseSettings], read_by: Mapping[str, Sequence[str]]) -> str:
    title = (part.__doc__ or "").partition("\n")[0].rstrip(".")
    rows = "".join(_row(name, field, read_by[name]) for name, field in part.model_fields.items())
    return f"\n## {title}\n{_COLUMNS}{rows}"


def _row(name: str, field: FieldInfo, processes: Sequence[str]) -> str:
    schema = _schema(name)
    cells = (f"`{name.upper()}`", _kind(schema), _default(field), _limits(schema), who(processes))
    return "| " + " | ".join([*cells, _cell(field.description or "")]) + " |\n"


@lru_cache
def _whole() -> dict[str, Any]:
    return Settings.model_json_schema()


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = _whole()["properties"][name]
    if "$ref" in schema:
        schema = _whole()["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _kind(schema: dict[str, Any]) -> str:
    inner = schema.get("items", schema)
    if inner.get("format") == "password":
        return "secrets" if inner is not schema else "secret"
    if schema.get("type") == "array":
        return "list"
    if schema.get("type") == "object":
        return "JSON"
    found = [_TYPES[entry["type"]] for entry in schema.get("anyOf", [schema]) if entry.get("type") in _TYPES]
    return "path" if schema.get("format") == "path" else found[0] + (" or empty" if _may_be_empty(schema) else "")


def _may_be_empty(schema: dict[str, Any]) -> bool:
    return any(entry.get("type") == "null" for entry in schema.get("anyOf", ()))


def _default(field: FieldInfo) -> str:
    value: object = field.default
    if isinstance(value, SecretStr):
        return "a placeholder" if value.get_secret_value() else "empty"
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    if isinstance(value, Enum):
        value = value.value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if text else "empty"


def _limits(schema: dict[str, Any]) -> str:
    found = []
    for entry in (schema, *schema.get("anyOf", ())):
        found += [text.format(_plain(entry[key])) for key, text in _BOUNDS.items() if key in entry]
        found += [f"`{value}`" for value in entry.get("enum", ())]
    if "pattern" in schema:
        found.append(_form(schema["pattern"]))
    return ", ".join(found + ["not empty"] * ("minLength" in schema))


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _form(pattern: str) -> str:
    """The words of a choice; other patterns as they are."""
    choice = re.fullmatch(r"\^\(([\w|]+)\)\$", pattern)
    return ", ".join(f"`{word}`" for word in choice[1].split("|")) if choice else f"`{_cell(pattern)}`"


def who(processes: Sequence[str]) -> str:
    """The processes in a few words."""
    left = list(processes)
    named = []
    for word, group in (("all", SERVICES + WORKERS), ("services", SERVICES), ("workers", WORKERS)):
        if set(group) <= set(left):
            named.append(word)
            left = [process for process in left if process not in group]
    return ", ".join(named + left) or "scripts"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _others(template: Path = TEMPLATE) -> Iterator[Line]:
    known = {name.upper() for name in Settings.model_fields}
    lines = template.read_text().splitlines()
    for above, line in pairwise(lines):
        match = re.fullmatch(r"#?([A-Z][A-Z0-9_]*)=(.*)", line)
        if match and match[1] not in known:
            yield Line(match[1], match[2], above.removeprefix("# "))


def _template_default(line: Line) -> str:
    if "PASSWORD" in line.name:
        return "a placeholder; secret"
    if "_PORT@" in line.default:
        return "by `config/ports.sh`"
    return f"`{line.default.replace('@PROJECT_ID@', 'proN')}`" if line.default else "empty"
