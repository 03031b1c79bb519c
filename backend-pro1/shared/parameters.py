"""What routes are given as objects of a class, whose `__init__` names and bounds the parameters."""

import inspect
from typing import Any

from fastapi import Depends


def made(kind: type) -> Any:
    """A dependency that makes one of this class.

    FastAPI calls what is not `async` in a thread, classes too, and the way there and back costs as much as a statement.
    """

    async def make(**parameters: Any) -> object:
        return kind(**parameters)

    # What FastAPI reads the parameters from.
    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]
    return Depends(make)
