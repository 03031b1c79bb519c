"""DuckDB as every engine uses it: bounded, offline, identifiers and literals quoted in one place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import duckdb

from shared.compute.protocol import OUT_OF_MEMORY, ComputeError
from shared.tabular.quoting import literal

SPILL_PER_ENGINE = "64GB"


def connect(*, memory_mb: int, threads: int, scratch: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory database that may use `memory_mb` MiB and spill into `scratch`; without one it never spills."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MiB",
        "threads": threads,
        # For remote files only; starting them takes a third of the time that a database takes to open.
        "async_threads": 0,
        "temp_directory": str(scratch or ""),
        "max_temp_directory_size": SPILL_PER_ENGINE if scratch else "0KiB",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'; SET errors_as_json = true; SET enable_progress_bar = false")
    return connection


def file_gone(what: str = "A file of the dataset") -> ComputeError:
    """The error for a local copy that the cache has dropped; whoever asked makes another and asks again."""
    return ComputeError("file_gone", f"{what} is not on this machine any more; try again.")


@contextmanager
def memory_told() -> Iterator[None]:
    """Within it, DuckDB's want of memory is the error that a client understands.

    Raises:
        ComputeError: `out_of_memory`.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ComputeError("out_of_memory", OUT_OF_MEMORY) from error


@contextmanager
def torn_letters_mended() -> Iterator[None]:
    """Within it, an error whose words DuckDB cuts inside of a letter is DuckDB's all the same, and none of decoding.

    It quotes single bytes of a wrong format of dates or numbers.

    Raises:
        duckdb.InvalidInputException: with a sign of replacement for what is left of the letter.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise duckdb.InvalidInputException(error.object.decode(errors="replace")) from error


def confine(connection: duckdb.DuckDBPyConnection, *paths: str | Path) -> None:
    """From now on the connection reaches these files, and its own spilled ones, and nothing else, for good."""
    connection.execute(f"SET allowed_paths = [{', '.join(map(literal, paths))}]")
    connection.execute(
        "SET enable_external_access = false; SET python_enable_replacements = false; SET lock_configuration = true"
    )


def engine_memory_mb(limit_mb: int) -> int:
    """What DuckDB may use of a child's `limit_mb`; the rest is for Python and what DuckDB does not count."""
    return max(64, min(512, limit_mb // 2))


class Failure(TypedDict, total=False):
    """What DuckDB says about an error, in parts."""

    exception_type: str
    exception_message: str
    position: str
    type: str
    name: str


def failure(error: duckdb.Error) -> Failure:
    """The parts of a DuckDB error."""
    text = str(error)
    start = text.find("{")
    if start < 0:
        return Failure(exception_message=text)
    try:
        # What follows the document, and the document itself if it is broken, may hold a stack.
        parts: Failure = json.JSONDecoder().raw_decode(text, start)[0]
    except ValueError:
        return Failure(exception_message=text[:start])
    return parts


def error_message(error: duckdb.Error) -> str:
    """The message of a DuckDB error."""
    return failure(error).get("exception_message", "")
