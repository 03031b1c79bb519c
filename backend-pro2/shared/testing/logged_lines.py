"""Log lines for tests: what this process would write, taken before it is written."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from shared.config import Settings
from shared.logging import configure_logging, own_identity
from shared.logs.bounds import as_line
from shared.logs.handler import LineHandler


class Lines(list[bytes]):
    """Lines as they would be written."""

    @property
    def told(self) -> list[dict[str, Any]]:
        """The objects that they hold; each must be one line of JSON."""
        assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in self)
        return [orjson.loads(line) for line in self]

    def one(self, event: str) -> dict[str, Any]:
        """The only line of this event."""
        (line,) = [line for line in self.told if line["event"] == event]
        return line


@contextmanager
def logged_lines(**changes: Any) -> Iterator[Lines]:
    """Everything that is logged while the block runs, by a process that is set up as a service is."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logging(Settings(_env_file=None, project_id="pro7", **changes), "test-service")
    lines = Lines()
    root.handlers[:] = [LineHandler(own_identity(), as_line, lambda line, _: lines.append(line))]
    try:
        yield lines
    finally:
        root.handlers[:] = before
        root.setLevel(level)
