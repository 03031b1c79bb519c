"""What went wrong in which step, as a sentence without SQL, paths or internal names."""

from collections.abc import Sequence

import duckdb

from shared.compute.protocol import OUT_OF_MEMORY, ComputeError
from shared.tabular.duck import error_message, file_gone

from ..operations.base import Step
from ..operations.builder import Connection
from ..operations.relation import Relation

MAX_SENTENCE = 300
_HINTS = {
    "conversion_failed": "Filter such values out before, or use try_cast or the step cast, which make them null.",
    "out_of_range": "Cast the column to number before.",
}


def labelled(step: Step, error: ComputeError) -> ComputeError:
    """The error with the step's number and name before its detail."""
    return ComputeError(error.code, f"{step.label}: {error.detail}")


def blamed(
    connection: Connection, error: duckdb.Error, trail: Sequence[tuple[Step, Relation]], last: Step | None = None
) -> ComputeError:
    """The error of the first step whose rows cannot be computed; of `last` if all before it can."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return ComputeError("out_of_memory", OUT_OF_MEMORY)
    for step, table in trail:
        try:
            _compute(connection, table)
        except duckdb.OutOfMemoryException:
            break
        except duckdb.Error as found:
            return labelled(step, explained(found))
    why = explained(error)
    return labelled(last, why) if last else why


def _compute(connection: Connection, table: Relation) -> None:
    columns = ", ".join(column.sql for column in table.columns)
    connection.execute(f"SELECT bit_xor(hash({columns})) FROM {table.view}").fetchall()  # noqa: S608 - ours


def explained(error: duckdb.Error) -> ComputeError:
    """What a user is told of an error that values or patterns caused; others are faults of ours and raised again."""
    if isinstance(error, duckdb.IOException):
        return _io(error)
    code = _code(error)
    if code is None:
        raise error
    sentence = error_message(error).partition("\n")[0].partition(" when casting from source column")[0]
    sentence = sentence.strip().rstrip(".!")[:MAX_SENTENCE] or "A value cannot be computed"
    return ComputeError(code, f"{sentence}. {_HINTS.get(code, '')}".strip())


def _code(error: duckdb.Error) -> str | None:
    """None for what no step of a user should be able to cause."""
    if isinstance(error, duckdb.ConversionException):
        # DuckDB's name for both a text that is no number and a number that is too large.
        return "out_of_range" if "out of range" in error_message(error) else "conversion_failed"
    if isinstance(error, duckdb.OutOfRangeException):
        return "out_of_range"
    # A LIKE pattern that ends in its escape is a syntax error to DuckDB, a wrong regular expression an invalid input.
    return "invalid_step" if isinstance(error, duckdb.InvalidInputException | duckdb.SyntaxException) else None


def _io(error: duckdb.IOException) -> ComputeError:
    message = error_message(error).lower()
    if "too large" in message:
        return ComputeError("query_too_large", "The result is too large to be kept. Keep fewer rows or columns.")
    if "space" in message or "max_temp_directory_size" in message:
        return ComputeError("out_of_memory", OUT_OF_MEMORY)
    return file_gone()
