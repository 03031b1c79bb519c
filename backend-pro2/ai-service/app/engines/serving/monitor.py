"""Whether data still look like those that a model learnt from, and whether it still predicts as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa

from ..charts import drawn, finished
from ..results import Chart, Notice, Outcome, Table
from ..source import FloatArray
from ..training.features import Feature, numbers_of, numeric_names, texts_of
from ..training.served import Served
from .drift import LARGE_PSI, MODERATE_PSI, STABLE, Drift, chi_square, kolmogorov_smirnov, psi, q_values, verdict, worst
from .evaluate import ROWS_AT_MOST, realised_error
from .sample import some_rows

PREDICTION, TARGET = "(prediction)", "(target)"
DRAWN_AT_MOST = 40
HEAD = ["column", "test", "statistic", "p_value", "q_value", "psi", "missing", "missing_trained", "rows", "verdict"]


def monitor(model: Served, path: Path, seed: int) -> Outcome:
    """`verdict` is the gravest of the features and of the predictions: stable, moderate or large.

    Numbers are compared in the bins of the training profile by Kolmogorov and Smirnov, categories by χ², and missing
    values by χ² too; q-values are adjusted over all columns. Rows are assumed independent. With a known target `error`
    says how the model's own metric compares with that of the training.

    Raises:
        ComputeError: `too_few_rows`; a feature is absent or does not fit.
    """
    target = model.model["target"]
    table, total = some_rows(path, [*(feature.name for feature in model.features), target], ROWS_AT_MOST, seed)
    notices = (
        [] if len(table) == total else [Notice("rows_sampled", f"A random sample of {len(table)} of {total} rows.")]
    )
    rows = _judged(_compared(model, table))
    realised, more = realised_error(model, table, seed) if target in table.column_names else (None, [])
    drifted = [row["column"] for row in rows if row["verdict"] != STABLE]
    summary: dict[str, object] = {
        "verdict": worst([row["verdict"] for row in rows if row["column"] != TARGET]),
        "drifted": drifted,
        "columns": len(rows),
        "rows": total,
        "error": None if realised is None else {key: value for key, value in realised.items() if key != "metrics"},
    }
    outcome = Outcome(summary, charts=[_chart(rows)], warnings=[*notices, *more])
    outcome.tables = [Table("drift", HEAD, [[row[name] for name in HEAD] for row in rows])]
    return outcome


def _compared(model: Served, table: pa.Table) -> list[tuple[Drift, float, float]]:
    """Each column with the shares of missing values now and then."""
    frame, profile, rows = model.frame_of_table(table), model.model["profile"], model.model["rows"]
    found = [
        _drift(feature.name, _values(frame, feature), profile["features"][feature.name], rows)
        for feature in model.features
    ]
    if model.classifies:
        names = np.array([str(name) for name in model.model["classes"]], dtype=object)
        predicted: Any = names[model.decided(model.probabilities(frame))]
    else:
        predicted = model.numbers(frame)
    found.append(_drift(PREDICTION, predicted, profile["prediction"], rows))
    if model.model["target"] in table.column_names:
        column = table.column(model.model["target"])
        values = texts_of(column) if model.classifies else numbers_of(column)
        if pd.notna(values).any():
            found.append(_drift(TARGET, values, profile["target"], rows))
    return found


def _values(frame: pd.DataFrame, feature: Feature) -> Any:
    """What the profile is of: numbers, levels, days, or the lengths of texts."""
    if feature.kind == "text":
        lengths = frame[feature.name].str.len().to_numpy(dtype=np.float64)
        return np.where(lengths == 0, np.nan, lengths)
    return frame[numeric_names(feature)[0] if feature.kind == "date" else feature.name].to_numpy()


def _drift(name: str, values: Any, profile: Mapping[str, Any], rows: int) -> tuple[Drift, float, float]:
    missing = np.asarray(pd.isna(values))
    now = _counts(values[~missing], profile)
    known = rows * (1 - profile["missing"])
    then = known * np.array([*profile["shares"], *([profile["other"]] if "levels" in profile else [])])
    gone = (rows - known, float(missing.sum()))
    distance = psi([*then, gone[0]], [*now, gone[1]])
    if now.sum() == 0 or known < 1:
        statistic, p_value, test = 0.0, 1.0, "none"
    elif profile["kind"] == "numeric":
        statistic, p_value = kolmogorov_smirnov(then, now)
        test = "kolmogorov_smirnov"
    else:
        (statistic, p_value), test = chi_square(then, now), "chi_square"
    # Two questions of one column: its values, and whether there are any.
    p_value = min(1.0, 2 * min(p_value, chi_square([known, gone[0]], [now.sum(), gone[1]])[1]))
    return Drift(name, test, distance, statistic, p_value, len(values)), float(missing.mean()), profile["missing"]


def _counts(known: Any, profile: Mapping[str, Any]) -> FloatArray:
    if profile["kind"] == "numeric":
        edges = np.asarray(profile["edges"])
        places = np.searchsorted(edges, known.astype(np.float64), side="right")
        return np.bincount(places, minlength=len(edges) + 1).astype(np.float64)
    places = pd.Index(profile["levels"]).get_indexer(pd.Index(known))
    levels = len(profile["levels"])
    return np.bincount(np.where(places < 0, levels, places), minlength=levels + 1).astype(np.float64)


def _judged(found: Sequence[tuple[Drift, float, float]]) -> list[dict[str, Any]]:
    adjusted = q_values([drift.p_value for drift, _, _ in found])
    rows = [
        {
            "column": drift.name,
            "test": drift.test,
            "statistic": drift.statistic,
            "p_value": drift.p_value,
            "q_value": float(q),
            "psi": drift.psi,
            "missing": now,
            "missing_trained": then,
            "rows": drift.rows,
            "verdict": verdict(drift.psi, float(q)),
        }
        for (drift, now, then), q in zip(found, adjusted, strict=True)
    ]
    return sorted(rows, key=lambda row: -row["psi"])


def _chart(rows: Sequence[Mapping[str, Any]]) -> Chart:
    shown = [{name: row[name] for name in ("column", "psi", "verdict")} for row in rows[:DRAWN_AT_MOST]]
    bars = drawn(shown).mark_bar()
    bars = bars.encode(
        x=alt.X(
            "psi",
            type="quantitative",
            title=f"Population stability index ({MODERATE_PSI:g} moderate, {LARGE_PSI:g} large)",
        ),
        y=alt.Y("column", type="nominal", sort=[row["column"] for row in shown], title="Column"),
        color=alt.Color("verdict", type="nominal", title="Verdict"),
    )
    return finished(bars, "Drift against the training data")
