"""What a reader of a profile should know before trusting a column; never with a value of it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.tabular.types import BOOLEAN, INTEGER, NUMERIC, STRING

from .scalars import Scalars
from .shapes import ColumnProfile, Profile, ProfileWarning
from .source import Run, batches

MOSTLY = 0.5
NAMED = 10
OF_ONE_KIND = 50
FEWEST_ROWS = 20
SKEWED = 10
IMBALANCED = 0.95
FEW_VALUES = 50
MANY_VALUES = 100
COMPARED_VALUES = 1000
COLUMNS_AT_ONCE = 50


def warning(code: str, message: str) -> ProfileWarning:
    """One warning."""
    return ProfileWarning(code=code, message=message)


def about(basic: Scalars, column: ColumnProfile) -> Iterator[ProfileWarning]:
    """What one column's figures give away."""
    yield from _about_presence(column, basic.rows)
    yield from _about_range(basic)
    if basic.rows >= FEWEST_ROWS:
        yield from _about_values(column)
    if (text := column["text"]) and text["whitespace"]:
        yield warning("whitespace", f"Column '{basic.name}' has {text['whitespace']} values with a space at an end.")


def _about_presence(column: ColumnProfile, rows: int) -> Iterator[ProfileWarning]:
    name = column["name"]
    if column["count"] == 0:
        yield warning("empty_column", f"Column '{name}' has no values.")
    elif column["distinct"] == 1:
        yield warning("constant_column", f"Column '{name}' has one value only.")
    if column["count"] and column["nulls"] > MOSTLY * rows:
        yield warning("many_nulls", f"Column '{name}' is missing in {column['nulls']} of {rows} rows.")


def _about_range(basic: Scalars) -> Iterator[ProfileWarning]:
    if basic.infinite:
        yield warning("infinite_values", f"Column '{basic.name}' has {basic.infinite} infinite values, left out here.")
    if basic.nan:
        yield warning("nan_values", f"Column '{basic.name}' has {basic.nan} values that are no number, left out here.")
    if basic.type in NUMERIC and basic.low is not None and not basic.measurable:
        yield warning("huge_values", f"Column '{basic.name}' has numbers too large for mean, quantiles and histogram.")


def _about_values(column: ColumnProfile) -> Iterator[ProfileWarning]:
    name, distinct, count = column["name"], column["distinct"], column["count"]
    if column["type"] in {INTEGER, STRING} and count > 1 and distinct == count:
        yield warning("unique_column", f"Column '{name}' has a different value in each row, as an id has.")
    elif column["type"] == STRING and distinct > MANY_VALUES and distinct > MOSTLY * count:
        yield warning("high_cardinality", f"Column '{name}' has {distinct} different values among {count}.")
    if column["skewness"] is not None and abs(column["skewness"]) > SKEWED:
        yield warning("skewed", f"Column '{name}' is skewed ({column['skewness']:.1f}): a few values lie far out.")
    if column["type"] in {BOOLEAN, STRING} and 2 <= distinct <= FEW_VALUES and column["top"]:
        share = column["top"][0]["count"] / count
        if share >= IMBALANCED:
            yield warning("imbalanced", f"Column '{name}' has one value in {share:.1%} of the rows that have any.")


def variants(run: Run, columns: Sequence[ColumnProfile], basics: Sequence[Scalars]) -> dict[str, list[ProfileWarning]]:
    """By name, columns of texts with values that differ in case or outer spaces only."""
    chosen = [
        basic
        for basic, column in zip(basics, columns, strict=True)
        if basic.type == STRING and 2 <= column["distinct"] <= COMPARED_VALUES
    ]
    found: dict[str, list[ProfileWarning]] = {}
    for batch in batches(chosen, COLUMNS_AT_ONCE):
        values = ", ".join(basic.column for basic in batch)
        cells = f"SELECT DISTINCT unnest([{values}]) AS value, unnest(range({len(batch)})) AS place FROM sample"  # noqa: S608
        rows = run.connection.execute(
            f"SELECT place, count(*) - count(DISTINCT lower(trim(value))) FROM ({cells}) "  # noqa: S608
            f"WHERE value IS NOT NULL GROUP BY place"
        ).fetchall()
        for place, number in rows:
            if number:
                name = batch[place].name
                message = f"Column '{name}' has {number} values that differ from another in case or spaces only."
                found[name] = [warning("case_variants", message)]
    return found


def about_estimates(profile: Profile) -> Iterator[ProfileWarning]:
    """Which figures are estimates, and how they are made."""
    estimated = [column["name"] for column in profile["columns"] if column["approximate"]]
    if estimated:
        names = ", ".join(estimated[:NAMED]) + (", …" if len(estimated) > NAMED else "")
        message = f"The data is large: members named in `approximate` are estimates from samples: {names}."
        yield warning("approximate", message)


def bounded(found: Sequence[ProfileWarning]) -> list[ProfileWarning]:
    """At most OF_ONE_KIND warnings of each code, and a last one that tells how many more there are."""
    seen: Counter[str] = Counter()
    kept = []
    for each in found:
        seen[each["code"]] += 1
        if seen[each["code"]] <= OF_ONE_KIND:
            kept.append(each)
    more = {code: number - OF_ONE_KIND for code, number in seen.items() if number > OF_ONE_KIND}
    return kept + [warning(code, f"There are {number} more warnings of this kind.") for code, number in more.items()]
