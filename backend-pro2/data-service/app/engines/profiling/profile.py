"""Statistics of a Parquet file: exact up to EXACT_ROWS rows, beyond that estimates where said so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from shared.compute import Report
from shared.tabular.types import ColumnSchema
from shared.tabular.values import json_value

from . import associations, relations, warnings
from .duplicates import duplicates
from .frequencies import Frequencies, frequencies
from .moments import Moments, moments
from .personal import findings
from .scalars import Scalars, scalars
from .shapes import ColumnProfile, Correlations, Matrix, Profile, ProfileWarning, TextProfile, TimeProfile
from .source import Data, Run, open_file
from .spread import Spread, spread
from .texts import texts
from .times import times

CORRELATED_CELLS = 100_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One column with what is worth saying about it."""

    basic: Scalars
    profile: ColumnProfile
    notes: list[ProfileWarning]


@dataclass(frozen=True, slots=True)
class Crossed:
    """What columns have to do with each other; `approximate` names what comes from a sample of rows."""

    correlations: Correlations
    approximate: list[str]
    notes: list[ProfileWarning]


def profile_file(
    connection: duckdb.DuckDBPyConnection, path: Path, schema: Sequence[ColumnSchema], report: Report
) -> Profile:
    """The profile of a Parquet file with these columns."""
    data = open_file(connection, path, schema)
    measured: list[Measured] = []
    for run in data.runs():
        report(60 + 30 * len(measured) // len(schema), 100, f"Profiling {data.rows} rows")
        measured += _measure(run)
    report(90, 100, "Relating columns")
    profiles = [column.profile for column in measured]
    basics = [column.basic for column in measured]
    crossed = _cross(data, basics, profiles)
    profile = Profile(
        rows=data.rows,
        columns=profiles,
        correlations=crossed.correlations,
        duplicates=duplicates(data, basics, profiles),
        approximate=crossed.approximate if data.exact else [*crossed.approximate, "duplicates"],
        warnings=[],
    )
    notes = [note for column in measured for note in column.notes] + crossed.notes
    profile["warnings"] = warnings.bounded([*notes, *_about(profile)])
    return profile


def _about(profile: Profile) -> Iterator[ProfileWarning]:
    if profile["duplicates"]:
        about = "About " if "duplicates" in profile["approximate"] else ""
        yield warnings.warning("duplicate_rows", f"{about}{profile['duplicates']} rows are equal to an earlier row.")
    yield from warnings.about_estimates(profile)


def _measure(run: Run) -> list[Measured]:
    """Profiles of the columns of a run."""
    basics = scalars(run)
    shapes = moments(run, basics)
    counted = frequencies(run, basics)
    spreads = spread(run, basics)
    written, timed = texts(run, basics), times(run, basics, counted)
    columns = [
        _column(
            basic,
            counted[basic.name],
            spreads[basic.name],
            shapes[basic.name],
            text=written.get(basic.name),
            time=timed.get(basic.name),
        )
        for basic in basics
    ]
    if not run.all_few:
        for column in columns:
            column["approximate"] += ["text.patterns"] if column["text"] else []
    looked, variants = findings(run, basics), warnings.variants(run, columns, basics)
    return [
        Measured(
            basic,
            column,
            [*warnings.about(basic, column), *looked.get(basic.name, ()), *variants.get(basic.name, ())],
        )
        for basic, column in zip(basics, columns, strict=True)
    ]


def _column(
    basic: Scalars,
    counted: Frequencies,
    spread: Spread,
    shape: Moments,
    *,
    text: TextProfile | None,
    time: TimeProfile | None,
) -> ColumnProfile:
    return ColumnProfile(
        name=basic.name,
        type=basic.type,
        count=basic.count,
        nulls=basic.rows - basic.count,
        distinct=counted.distinct,
        min=json_value(basic.low),
        max=json_value(basic.high),
        mean=shape.mean,
        std=shape.std,
        skewness=shape.skewness,
        kurtosis=shape.kurtosis,
        zeros=basic.zeros,
        negatives=basic.negatives,
        quantiles=spread.quantiles,
        top=counted.top,
        histogram=spread.histogram,
        text=text,
        time=time,
        approximate=[*counted.approximate, *spread.approximate],
    )


def _cross(data: Data, basics: Sequence[Scalars], profiles: Sequence[ColumnProfile]) -> Crossed:
    """Correlations and what they give away, of bounded numbers of columns."""
    numeric = associations.numeric(basics, profiles)
    numbers = numeric[: associations.MAX_COLUMNS]
    categories = associations.categories(basics, profiles)
    drawn = [*[number.basic.name for number in numbers], *[column.name for column in categories]]
    wanted = {*drawn, *[column["name"] for column in relations.candidates(profiles)]}
    step = data.draw([column for column in data.columns if column["name"] in wanted]) if wanted else 1
    few = data.rows * len(numbers) * (len(numbers) - 1) // 2 <= CORRELATED_CELLS
    pearson = associations.pearson(data.connection, numbers, "file" if few and step > 1 else "crossed")
    spearman, ranked = associations.spearman(data.connection, numbers, data.rows // step)
    approximate = [] if few or step == 1 else ["correlations.matrix"]
    approximate += ["correlations.spearman"] if len(numbers) > 1 and (step > 1 or not ranked) else []
    approximate += ["correlations.cramers_v"] if len(categories) > 1 and step > 1 else []
    found = Correlations(**pearson, spearman=spearman, cramers_v=_cramers_v(data, categories))
    notes = [*_cuts(len(numeric), approximate), *relations.leaks(data.connection, profiles, pearson, data.rows)]
    return Crossed(found, approximate, notes)


def _cramers_v(data: Data, categories: Sequence[Scalars]) -> Matrix:
    return associations.cramers_v(data.connection, categories)


def _cuts(numeric: int, approximate: Sequence[str]) -> Iterator[ProfileWarning]:
    if approximate:
        yield warnings.warning("approximate_correlations", "Correlations are computed from a sample of the rows.")
    if numeric > associations.MAX_COLUMNS:
        message = f"Correlations cover the first {associations.MAX_COLUMNS} of {numeric} numeric columns."
        yield warnings.warning("correlations_cut", message)
