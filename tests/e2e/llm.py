"""A scripted model where the instance's OPENAI_BASE_URL leads, in a process of its own."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

RECORD = "captured.jsonl"
SERVICES = Path(__file__).parents[2] / "backend-pro1"

Rules = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the model received, and what it sent of its answer."""

    request: bytes
    response: bytes


def address() -> str:
    """Where the instance of ENV_FILE looks for its model."""
    lines = Path(os.environ["ENV_FILE"]).read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("OPENAI_BASE_URL="))


@contextmanager
def scripted(rules: Rules, folder: Path) -> Iterator[None]:
    """A model that answers by the markers in questions; without one it says what it was told last."""
    file = folder / "rules.json"
    file.write_text(json.dumps(rules))
    port = str(urlsplit(address()).port)
    command = [sys.executable, "-m", "shared.testing.llm_rules", port, str(file), str(folder / RECORD)]
    with subprocess.Popen(command, cwd=SERVICES, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == address()
            yield
        finally:
            process.terminate()


def captured(folder: Path) -> list[Exchange]:
    """All that a model of `folder` received, in order, once it has ended."""
    lines = [json.loads(line) for line in (folder / RECORD).read_text().splitlines()]
    return [Exchange(b64decode(line["request"]), b64decode(line["response"])) for line in lines]
