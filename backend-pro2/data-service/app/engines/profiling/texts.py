"""Lengths and forms of texts."""

from collections.abc import Sequence

from shared.tabular.types import STRING

from .frequencies import most_frequent
from .scalars import Scalars
from .shapes import TOP, Pattern, TextProfile
from .source import Run, batches

COLUMNS_AT_ONCE = 20
LOOKED_AT = 60


def texts(run: Run, columns: Sequence[Scalars]) -> dict[str, TextProfile]:
    """By name, of the columns of texts; forms are counted in `few` and scaled up where that is a sample."""
    chosen = [column for column in columns if column.type == STRING and column.count]
    found: dict[str, TextProfile] = {}
    for batch in batches(chosen, COLUMNS_AT_ONCE):
        counts = ", ".join(f"count({column.column})" for column in batch)
        seen = run.connection.execute(f"SELECT {counts} FROM few").fetchone() or ()  # noqa: S608 - quoted identifiers
        forms = most_frequent(run, [_form(column) for column in batch], "few", TOP)
        for column, looked_at, (_, top) in zip(batch, seen, forms, strict=True):
            patterns = [Pattern(pattern=str(form), count=_scaled(n, column.count, looked_at)) for form, n in top]
            found[column.name] = _text(column, patterns)
    return found


def _scaled(count: int, present: int, seen: int) -> int:
    return round(count * present / seen)


def _text(column: Scalars, patterns: list[Pattern]) -> TextProfile:
    shortest, longest, total = column.lengths or (0, 0, 0)
    return TextProfile(
        min_length=shortest,
        mean_length=total / column.count,
        max_length=longest,
        empty=column.empty,
        whitespace=column.padded,
        patterns=patterns,
    )


def _form(column: Scalars) -> str:
    start = f"left({column.column}, {LOOKED_AT})"
    for letters, sign in ((r"\p{Nd}+", "9"), (r"\p{Lu}+", "A"), (r"[^\P{L}A]+", "a"), (r"\s+", " ")):
        start = f"regexp_replace({start}, '{letters}', '{sign}', 'g')"
    return start
