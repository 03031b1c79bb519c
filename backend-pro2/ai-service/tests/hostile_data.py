"""Data that analyses must survive, and an order of each type and method; the columns have the same names throughout."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

NUMBERS = ("x", "y", "z")
ROWS = 24
START = np.datetime64("2020-01-01", "us")

TESTS: Mapping[str, dict[str, Any]] = {
    "one_sample_t": {"column": "x", "mu": 0},
    "two_sample_t": {"column": "x", "group": "g"},
    "proportion": {"column": "event", "group": "g"},
    "welch_t": {"column": "x", "group": "g"},
    "paired_t": {"column": "x", "column2": "y"},
    "mann_whitney": {"column": "x", "group": "g"},
    "wilcoxon": {"column": "x", "column2": "y"},
    "ks": {"column": "x", "group": "g"},
    "chi_square": {"column": "g", "column2": "event"},
    "fisher": {"column": "g", "column2": "event"},
    "shapiro": {"column": "x"},
    "levene": {"column": "x", "group": "g"},
}
ORDERS: list[tuple[str, dict[str, Any]]] = [
    ("describe", {}),
    *(("correlation", {"method": method}) for method in ("pearson", "spearman", "kendall", "cramers_v")),
    ("correlation", {"method": "partial", "columns": ["x", "y"], "controls": ["z"]}),
    *(("hypothesis-test", {"method": method, **more}) for method, more in TESTS.items()),
    *(("anova", {"method": method, "column": "x", "group": "g"}) for method in ("one_way", "kruskal")),
    ("anova", {"method": "two_way", "column": "x", "group": ["g", "event"]}),
    *(("regression", {"method": m, "target": "y", "features": ["x", "z", "g"]}) for m in ("ols", "robust", "quantile")),
    *(("regression", {"method": m, "target": "y", "features": ["x", "z"]}) for m in ("ridge", "lasso", "poisson")),
    ("regression", {"method": "wls", "target": "y", "features": ["x"], "weights": "z"}),
    ("regression", {"method": "logistic", "target": "event", "features": ["x", "z"]}),
    ("regression", {"method": "glm", "family": "gamma", "target": "y", "features": ["x"]}),
    ("power", {"method": "two_sample_t", "power": 0.8, "effect": "observed", "column": "x", "group": "g"}),
    ("power", {"method": "correlation", "power": 0.8, "effect": "observed", "column": "x", "column2": "y"}),
    ("ab-test", {"metric": "x", "group": "g", "control": "a", "tau": 0.1, "target_lift": 0.1}),
    ("ab-test", {"metric": "y", "group": "g", "control": "a", "covariate": "x"}),
    ("stratified", {"exposure": "g", "outcome": "event", "strata": ["s"]}),
    *(("timeseries", {"column": "x", "time": "at", "method": m}) for m in ("stationarity", "acf", "decomposition")),
    *(
        ("forecast", {"column": "x", "time": "at", "horizon": 3, "season": 4, "method": method})
        for method in ("seasonal_naive", "ets", "ets_multiplicative", "arima", "boosting")
    ),
    ("changepoint", {"column": "x", "time": "at"}),
    *(("anomaly", {"columns": ["x", "y"], "method": m}) for m in ("lof", "robust_z")),
    ("anomaly", {"columns": ["x", "y"], "method": "isolation_forest", "trees": 10}),
    ("anomaly", {"columns": ["x"], "method": "seasonal", "time": "at", "period": 4}),
    *(("cluster", {"columns": [*NUMBERS], "method": m, "k": 2}) for m in ("kmeans", "gmm", "hierarchical")),
    *(("cluster", {"columns": [*NUMBERS], "method": m}) for m in ("dbscan", "hdbscan")),
    ("reduce", {"columns": [*NUMBERS], "method": "pca", "n": 2}),
    ("reduce", {"columns": [*NUMBERS], "method": "tsne", "n": 2}),
    ("association", {"columns": ["g", "s"]}),
    ("survival", {"time": "x", "event": "event", "group": "g", "features": ["y"]}),
    *(("text", {"column": "t", "method": m}) for m in ("keywords", "duplicates", "sentiment")),
    ("text", {"column": "t", "method": "topics", "k": 2}),
    ("text", {"column": "t", "method": "similarity", "query": "a red house"}),
    ("auto", {}),
]  # fmt: skip

Columns = dict[str, Any]


def usual(rows: int = ROWS) -> Columns:
    """Nothing wrong with these."""
    random = np.random.default_rng(1)
    n = np.arange(rows)
    x = np.round(5 + n / 10 + np.sin(n * np.pi / 2) + random.normal(scale=0.3, size=rows), 3)
    return {
        "x": x,
        "y": np.round(x * 2 + random.normal(size=rows), 3) + 20,
        "z": np.round(random.uniform(1, 9, size=rows), 3),
        "g": np.where(n % 2 == 0, "a", "b").tolist(),
        "s": [f"s{number}" for number in random.integers(0, 3, rows)],
        "event": random.integers(0, 2, rows),
        "at": START + np.array(30 * n, dtype="timedelta64[D]"),
        "t": [f"a {'red' if number % 3 else 'green'} house number {number} is good" for number in n],
    }


def _each(change: Callable[[Any], Any], *names: str) -> Columns:
    columns = usual()
    return columns | {name: change(columns[name]) for name in names}


def _with(column: Any, **cells: Any) -> Any:
    changed = np.array(column, dtype=np.float64)
    for place, value in cells.items():
        changed[int(place[1:])] = value
    return changed


def _texts(column: Any) -> list[str]:
    return [f"n{value}" for value in column]


def changed(columns: Columns) -> set[str]:
    """The names of those that are not as usual."""
    plain = pa.table(usual())
    return {name for name in plain.column_names if not pa.table(columns).column(name).equals(plain.column(name))}


DATA: dict[str, Columns] = {
    "usual": usual(),
    "infinities": _each(lambda c: _with(c, r2=np.inf, r5=-np.inf, r7=np.nan), *NUMBERS),
    "only_infinities": _each(lambda c: np.where(np.arange(len(c)) % 2, np.inf, -np.inf), *NUMBERS),
    "texts_for_numbers": _each(_texts, *NUMBERS, "event"),
    "numbers_for_texts": _each(lambda c: np.arange(len(c)) % 2, "g", "s", "t", "at"),
    "no_rows": {name: pa.array(column).slice(0, 0) for name, column in usual().items()},
    "one_row": usual(1),
    "two_rows": usual(2),
    "three_rows": usual(3),
    "all_missing": _each(lambda c: pa.nulls(len(c), pa.float64()), *NUMBERS, "event"),
    "texts_missing": _each(lambda c: pa.nulls(len(c), pa.string()), "g", "s", "t"),
    "constant": _each(lambda c: np.full(len(c), 7.0), *NUMBERS),
    "constant_groups": _each(lambda c: ["a"] * len(c), "g", "s", "t") | {"event": np.zeros(ROWS, dtype=int)},
    "a_group_for_each_row": _each(lambda c: [f"a{i}" if i else "a" for i in range(len(c))], "g", "s"),
    "copies": {**usual(), **{name: usual()["x"] for name in ("y", "z")}},
    "half_missing": _each(lambda c: [None if i % 2 else float(v) for i, v in enumerate(c)], *NUMBERS),
    "huge": _each(lambda c: np.array(c) * 1e300, *NUMBERS),
    "tiny": _each(lambda c: np.array(c) * 1e-300, *NUMBERS),
    "far_from_zero": _each(lambda c: np.array(c) + 1e15, *NUMBERS),
    "negative": _each(lambda c: -np.abs(np.array(c)), *NUMBERS),
    "largest_integers": _each(lambda c: np.array([2**63 - 1, -(2**63)] * (len(c) // 2)), *NUMBERS),
    "one_time": _each(lambda c: [c[0]] * len(c), "at"),
    "no_times": _each(lambda c: pa.nulls(len(c), pa.timestamp("us")), "at"),
    "far_times": _each(lambda c: np.tile(np.array(["0001-01-01", "9999-12-31"], "datetime64[us]"), len(c) // 2), "at"),
    "strange_texts": _each(lambda c: ["", " ", "\u202e\u0000'\";--", "\U0001f600" * 50] * (len(c) // 4), "g", "s", "t"),
    "separated": {**usual(), "event": (np.arange(ROWS) >= ROWS / 2).astype(int), "x": np.arange(ROWS) - ROWS / 2 + 0.5},
}  # fmt: skip
