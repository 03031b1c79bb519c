"""The project's scripted model in a process of its own, and what it says of its own time afterwards."""

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .instance import project_python
from .paths import PROJECT, scratch
from .processes import Server

KEY = "sk-scripted-0123456789abcdef"
Rules = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request: when it came, when the first text of the answer was sent, and when the answer had ended.

    By the machine's monotonic clock, which all of its processes share.
    """

    request: str
    began: float
    first_text: float
    ended: float

    @property
    def seconds(self) -> float:
        """The model's own time."""
        return self.ended - self.began


def settings(port: int) -> dict[str, str]:
    """Those of an instance that asks the model at this port."""
    return {"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "scripted", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}"}


def scripted(rules: Rules, port: int) -> Server:
    """The model, for a `with` block; it answers by the markers in what it is told."""
    file = scratch("llm-rules.json")
    file.write_text(json.dumps(rules))
    _record().unlink(missing_ok=True)
    command: list[str | Path] = [project_python(), "-m", "shared.testing.llm_rules", str(port), file, _record()]
    return Server("scripted-llm", command, port, cwd=PROJECT)


def exchanges(marker: str) -> list[Exchange]:
    """The requests that had the marker, in order, once the model has ended."""
    return [one for one in _recorded(_record().read_text().splitlines()) if marker in one.request]


def _recorded(lines: Iterable[str]) -> Iterable[Exchange]:
    for line in lines:
        found = json.loads(line)
        times = {name: float(found[name] or 0) for name in ("began", "first_text", "ended")}
        yield Exchange(b64decode(found["request"]).decode(), **times)


def _record() -> Path:
    return scratch("llm-captured.jsonl")
