"""Parsing of Python's source where several threads want it."""

import ast
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Within it, no two threads make trees of source at once.

    Python 3.11 counts the depth of all of them together and then raises SystemError (CPython issue 106905). Hypothesis
    does it to describe a strategy, whenever it likes.
    """
    parse, lock = ast.parse, threading.Lock()

    def alone(*arguments: Any, **options: Any) -> Any:
        with lock:
            return parse(*arguments, **options)

    with patch.object(ast, "parse", alone):
        yield
