"""Rows equal to an earlier one."""

from collections.abc import Sequence

from .scalars import Scalars
from .shapes import ColumnProfile
from .source import SAMPLE_ROWS, Data


def duplicates(data: Data, columns: Sequence[Scalars], profiles: Sequence[ColumnProfile]) -> int:
    """Found by a 64-bit hash of the row; of large data, in a slice of the hashes and scaled up."""
    if any(profile["distinct"] == data.rows for profile in profiles):
        return 0
    row = ", ".join(column.column for column in columns)
    slices = 1 if data.exact else max(1, data.rows // SAMPLE_ROWS)
    # Grouped, not count(DISTINCT): only a grouping spills to disk.
    found = data.connection.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM (SELECT hash({row}) AS h FROM file) "  # noqa: S608
        f"WHERE h % {slices} = 0 GROUP BY h)"
    ).fetchone()
    return int(found[0]) * slices if found else 0
