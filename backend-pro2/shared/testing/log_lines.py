"""What a module logs while a test runs, however logging has been set up by then."""

from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture


def lines_of(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The events of `module.log` from now on; nothing is printed."""
    capture = LogCapture()
    monkeypatch.setattr(module, "log", structlog.wrap_logger(None, processors=[capture]))
    return capture.entries
