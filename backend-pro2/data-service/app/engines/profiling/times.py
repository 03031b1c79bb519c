"""Steps and gaps of dates and moments."""

from collections.abc import Sequence

from shared.tabular.types import TEMPORAL

from .frequencies import Frequencies
from .scalars import Scalars
from .shapes import Gap, TimeProfile
from .source import EXACT_ROWS, Run
from .spread import place, shown

GAPS = 5
LONG = 3
MICROSECONDS = 1e6


def times(run: Run, columns: Sequence[Scalars], counted: dict[str, Frequencies]) -> dict[str, TimeProfile]:
    """By name, of dates and moments; steps are null where there are too many distinct moments to sort."""
    return {
        column.name: _time(run, column, sortable=counted[column.name].distinct <= EXACT_ROWS)
        for column in columns
        if column.type in TEMPORAL and column.measurable
    }


def _time(run: Run, column: Scalars, *, sortable: bool) -> TimeProfile:
    found = TimeProfile(range_seconds=place(column.high) - place(column.low), median_step=None, regular=None, gaps=[])
    if not sortable or column.low == column.high:
        return found
    usual, same, gaps = run.connection.execute(_steps(column)).fetchone() or (None, None, None)
    found["median_step"] = usual / MICROSECONDS if usual is not None else None
    found["regular"] = same
    found["gaps"] = [_gap(column, gap["moment"], gap["moment"] + gap["step"]) for gap in gaps or ()]
    return found


def _steps(column: Scalars) -> str:
    """SQL for the median step, whether all are equal, and the longest ones that are LONG times the median."""
    return f"""
        WITH moments AS (SELECT DISTINCT epoch_us(CAST({column.finite} AS TIMESTAMP)) AS moment FROM data),
        steps AS MATERIALIZED (
            SELECT moment, lead(moment) OVER (ORDER BY moment) - moment AS step FROM moments WHERE moment IS NOT NULL
        ),
        usual AS (SELECT median(step) AS usual, min(step) = max(step) AND count(step) > 1 AS same FROM steps),
        gaps AS (
            SELECT moment, step FROM steps, usual WHERE step > {LONG} * usual ORDER BY step DESC, moment LIMIT {GAPS}
        )
        SELECT usual, same, (SELECT list({{'moment': moment, 'step': step}} ORDER BY step DESC, moment) FROM gaps)
        FROM usual
    """  # noqa: S608 - a quoted identifier


def _gap(column: Scalars, start: int, end: int) -> Gap:
    return Gap({"from": shown(column, start / MICROSECONDS), "to": shown(column, end / MICROSECONDS)})
