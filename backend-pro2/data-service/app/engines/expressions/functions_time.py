"""Functions of dates and moments; moments are UTC."""

import re
from collections.abc import Sequence

from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import DATE, DATETIME, INTEGER, STRING

from .failures import refused
from .nodes import NULL, TIMES, Node
from .signatures import Function, Parameter, choice, integer, text, time

DAYS_AND_MORE = ("day", "week", "month", "quarter", "year")
UNITS = ("second", "minute", "hour", *DAYS_AND_MORE)
FORMAT = re.compile(r"(?:[^%]|%-?[YymdHIMSjp]|%[fBbAaz%])*")
_AMOUNT = "CAST({1} AS INTEGER)"


def _format(node: Node, what: str) -> str:
    value = str(node.value)
    if len(value) > 100 or not FORMAT.fullmatch(value):
        known = "%Y %y %m %d %H %I %M %S %f %j %p %B %b %A %a %z"
        raise refused(f"{what} is made of {known} and plain text, not {shown(value)}", node.position)
    return literal(value)


def _kept(arguments: Sequence[Node]) -> str:
    """Dates stay dates under units of days and more; the unit is the literal argument."""
    unit = next(node.value for node in arguments if node.type == STRING)
    kinds = {node.type for node in arguments if node.type in TIMES | {NULL}}
    return DATE if kinds == {DATE} and str(unit).lower() in DAYS_AND_MORE else DATETIME


def _part(name: str, description: str, sql: str = "") -> Function:
    template = sql or f"CAST({name}({{0}}) AS BIGINT)"
    return Function(name, (time("time"),), INTEGER, (template,), description, f"{name}(ordered_at)", least=1)


def _parse(name: str, kind: str, sql_type: str, example: str) -> Function:
    parameters = (text("text"), Parameter("format", frozenset({STRING}), literal=_format))
    sql = f"CAST(try_strptime({{0}}, {{1}}) AS {sql_type})"
    description = f"The {kind} that a text of this format (strptime's) writes; null where it does not fit."
    return Function(name, parameters, kind, (sql,), description, example, least=2)


FUNCTIONS = (
    _part("year", "The year."),
    _part("quarter", "The quarter, 1 to 4."),
    _part("month", "The month, 1 to 12."),
    _part("week", "The week of ISO 8601, 1 to 53."),
    _part("day", "The day of the month, 1 to 31."),
    _part("day_of_year", "The day of the year, 1 to 366.", "CAST(dayofyear({0}) AS BIGINT)"),
    _part("weekday", "The day of the week from 1, Monday, to 7, Sunday.", "CAST(isodow({0}) AS BIGINT)"),
    _part("hour", "The hour, 0 to 23.", "CAST(hour(CAST({0} AS TIMESTAMP)) AS BIGINT)"),
    _part("minute", "The minute, 0 to 59.", "CAST(minute(CAST({0} AS TIMESTAMP)) AS BIGINT)"),
    _part("second", "The whole second, 0 to 59.", "CAST(second(CAST({0} AS TIMESTAMP)) AS BIGINT)"),
    _part("epoch", "The whole seconds since 1970, negative before.", "CAST(floor(epoch({0})) AS BIGINT)"),
    Function(
        "date_trunc",
        (choice("unit", *UNITS), time("time")),
        _kept,
        ("date_trunc('{0}', {1})",),
        f"The start of the {', '.join(UNITS)} that the time lies in; weeks begin on Monday.",
        "date_trunc('month', ordered_at)",
        least=2,
    ),
    Function(
        "date_add",
        (time("time"), integer("number"), choice("unit", *UNITS)),
        _kept,
        ("({0} + " + _AMOUNT + " * INTERVAL 1 {2})",),
        "The time so many units later, or earlier if negative; a day that the month lacks becomes its last.",
        "date_add(ordered_at, 14, 'day')",
        least=3,
    ),
    Function(
        "date_diff",
        (choice("unit", *UNITS), time("start"), time("end")),
        INTEGER,
        ("date_diff('{0}', CAST({1} AS TIMESTAMP), CAST({2} AS TIMESTAMP))",),
        "How many borders of the unit lie between two times: from 31 January to 1 February is one month.",
        "date_diff('day', ordered_at, shipped_at)",
        least=3,
    ),
    _parse("to_date", DATE, "DATE", "to_date(day, '%d.%m.%Y')"),
    _parse("to_datetime", DATETIME, "TIMESTAMP", "to_datetime(moment, '%Y-%m-%d %H:%M')"),
    Function(
        "format_time",
        (time("time"), Parameter("format", frozenset({STRING}), literal=_format)),
        STRING,
        ("strftime({0}, {1})",),
        "The time as text in this format (strftime's).",
        "format_time(ordered_at, '%Y-%m')",
        least=2,
    ),
)
