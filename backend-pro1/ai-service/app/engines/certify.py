"""How many digits our analyses get right, of values that NIST has certified."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import altair as alt

from shared.compute import Report

from .analysis import analyse, libraries
from .charts import drawn, finished
from .reference_sets import LEADING_DIGITS, ReferenceSet, fingerprint, reference_sets, sources
from .results import Chart, Notice, Outcome, Table

DIGITS_AT_MOST = 15.0
COLUMNS = ("dataset", "quantity", "certified", "computed", "digits")
# What the analysis of series asks for; only NumAcc1 is shorter.
SERIES_AT_LEAST = 12


def certify(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Run every reference set through the analyses, as Parquet files; `job["output"]` is where those lie meanwhile.

    Digits are the log relative error, -log10(|computed - certified| / |certified|), of at most 15; the absolute one
    where zero is certified. `min_digits` is the least of all quantities and sets. Sets of many leading digits count as
    decimals; as doubles, of which exact arithmetic gets no more right either, they stand in the table only.
    """
    found, wanted = [], [*reference_sets()]
    with TemporaryDirectory(dir=job["output"]) as folder:
        for done, each in enumerate(wanted):
            report(done, len(wanted), f"Certifying {each.name}")
            found += [*_certified(each, _analysed(each, Path(folder)))]
    return {**_outcome(found).as_json(), "libraries": libraries(), "sha256": fingerprint()}


def _analysed(each: ReferenceSet, folder: Path) -> dict[str, Any]:
    path = folder / "data.parquet"
    sha256 = each.write(path)
    quantities: dict[str, Any] = {}
    for kind, parameters in _orders(each):
        data = {"path": str(path), "sha256": sha256}
        job = {"type": kind, "parameters": parameters, "seed": 0, "data": data, "output": str(folder)}
        answer = analyse(job, lambda _done, _total, _message: None)
        tables = {table["name"]: table for table in answer["tables"]}
        quantities |= _READERS[kind](answer["summary"], tables)
    return quantities


def _orders(each: ReferenceSet) -> Iterator[tuple[str, dict[str, Any]]]:
    if each.kind == "anova":
        yield "anova", {"method": "one_way", "column": "y", "group": "treatment"}
    elif each.kind == "regression":
        features = [name for name in each.columns if name != "y"]
        shape = {"degree": each.degree, "intercept": each.intercept}
        yield "regression", {"method": "ols", "target": "y", "features": features, **shape}
    else:
        yield "describe", {"columns": ["y"]}
        if len(each.columns["y"]) >= SERIES_AT_LEAST:
            yield "timeseries", {"method": "acf", "column": "y", "lags": 1}


def _described(_summary: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    row = _records(tables["columns"])[0]
    return {"mean": row["mean"], "std": row["std"]}


def _series(_summary: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    return {"autocorrelation": _records(tables["acf"])[0]["acf"]}


def _variance(summary: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    between, within = _records(tables["anova"])
    sums = {"sum_sq_between": between["sum_sq"], "sum_sq_within": within["sum_sq"]}
    return {**sums, "f_statistic": summary["statistic"], "r2": summary["effect_size"]["value"]}


def _regression(summary: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: summary[name] for name in ("residual_std_error", "r2", "f_statistic")}
    rows = _records(tables["coefficients"])
    # NIST counts from B0, the intercept; without one from B1.
    first = 0 if rows[0]["term"] == "const" else 1
    for number, row in enumerate(rows, first):
        found |= {f"B{number}": row["estimate"], f"sd(B{number})": row["std_error"]}
    return found


_READERS = {"describe": _described, "timeseries": _series, "anova": _variance, "regression": _regression}


def _records(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def _certified(each: ReferenceSet, computed: Mapping[str, Any]) -> Iterator[list[Any]]:
    for quantity, text in each.certified.items():
        if quantity == "autocorrelation" and len(each.columns["y"]) < SERIES_AT_LEAST:
            continue
        value = computed.get(quantity)
        yield [each.name, quantity, float(text), value, correct_digits(value, text)]


def correct_digits(computed: float | None, certified: str) -> float:
    """Correct digits of a number, 0 to 15; none of what is not there."""
    if computed is None:
        return 0.0
    wanted = Decimal(certified)
    error = abs(Decimal(computed) - wanted)
    if error == 0:
        return DIGITS_AT_MOST
    share = float(error / abs(wanted)) if wanted else float(error)
    return max(0.0, min(DIGITS_AT_MOST, -math.log10(share)))


def _outcome(rows: list[list[Any]]) -> Outcome:
    least: dict[str, float] = {}
    for name, _, _, _, digits in rows:
        least[name] = min(least.get(name, DIGITS_AT_MOST), digits)
    counted = {name: digits for name, digits in least.items() if name not in LEADING_DIGITS}
    worst = min(counted, key=counted.__getitem__)
    held = {name: digits for name, digits in least.items() if name in LEADING_DIGITS}
    summary = {
        "min_digits": counted[worst],
        "min_digits_dataset": worst,
        "datasets": len(least),
        "quantities": len(rows),
        "min_digits_of_doubles": min(held.values()),
        "sources": sources(),
    }
    text = (
        f"Doubles hold too few digits of {', '.join(held)}: exact arithmetic on them would come no nearer. As decimals "
        "the same sets are certified too; `min_digits` counts them in that form."
    )
    return Outcome(summary, [Table("digits", COLUMNS, rows)], [_chart(least)], [Notice("limited_by_doubles", text)])


def _chart(least: Mapping[str, float]) -> Chart:
    rows = [{"dataset": name, "digits": digits} for name, digits in least.items()]
    chart = drawn(rows).mark_bar()
    chart = chart.encode(
        x=alt.X("digits", type="quantitative", title="Correct digits of the worst quantity"),
        y=alt.Y("dataset", type="nominal", sort=[*least], title=None),
    )
    return finished(chart.properties(height=14 * len(rows)), "Correct digits on NIST's reference data sets")
