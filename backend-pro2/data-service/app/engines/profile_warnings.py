"""What a reader of a profile should know before trusting a column."""

from collections.abc import Iterator, Sequence

from .correlations import MAX_COLUMNS, sampling_step
from .profile_shapes import ColumnProfile, Profile, ProfileWarning
from .scalars import Scalars
from .types import NUMERIC

MOSTLY = 0.5
NAMED = 10


def warnings(profile: Profile, basics: Sequence[Scalars]) -> list[ProfileWarning]:
    """Warnings about columns, duplicates and estimates."""
    found = [warning for column in profile["columns"] for warning in _about(column, profile["rows"])]
    found += [warning for basic in basics for warning in _about_range(basic)]
    if profile["duplicates"]:
        found.append(_warning("duplicate_rows", f"{profile['duplicates']} rows are equal to an earlier row."))
    return [*found, *_about_estimates(profile, basics)]


def _warning(code: str, message: str) -> ProfileWarning:
    return ProfileWarning(code=code, message=message)


def _about(column: ColumnProfile, rows: int) -> Iterator[ProfileWarning]:
    name = column["name"]
    if column["count"] == 0:
        yield _warning("empty_column", f"Column '{name}' has no values.")
    elif column["distinct"] == 1:
        yield _warning("constant_column", f"Column '{name}' has one value only.")
    if column["count"] and column["nulls"] > MOSTLY * rows:
        yield _warning("many_nulls", f"Column '{name}' is missing in {column['nulls']} of {rows} rows.")


def _about_range(basic: Scalars) -> Iterator[ProfileWarning]:
    if basic.infinite:
        yield _warning("infinite_values", f"Column '{basic.name}' has {basic.infinite} infinite values, left out here.")
    if basic.type in NUMERIC and basic.low is not None and not basic.measurable:
        yield _warning("huge_values", f"Column '{basic.name}' has numbers too large for mean, quantiles and histogram.")


def _about_estimates(profile: Profile, basics: Sequence[Scalars]) -> Iterator[ProfileWarning]:
    estimated = [column["name"] for column in profile["columns"] if column["approximate"]]
    if estimated:
        names = ", ".join(estimated[:NAMED]) + (", …" if len(estimated) > NAMED else "")
        yield _warning(
            "approximate",
            f"The data is large: members named in `approximate` are estimates (HyperLogLog, t-digest): {names}.",
        )
    if (step := sampling_step(basics, profile["rows"])) > 1:
        yield _warning("approximate_correlations", f"Correlations are computed from every {step}th row.")
    numeric = sum(1 for basic in basics if basic.type in NUMERIC and basic.measurable)
    if numeric > MAX_COLUMNS:
        yield _warning("correlations_cut", f"Correlations cover the first {MAX_COLUMNS} of {numeric} numeric columns.")
