"""How far the distribution of each column has moved between two versions.

Measures, with p the reference's and q the other's shares over common bins:

* PSI, the population stability index: sum (q - p) ln(q / p); empty bins count as 1e-4. Conventional limits 0.1 and 0.25
  (N. Siddiqi, Credit Risk Scorecards, 2006).
* Jensen-Shannon divergence with logarithms to base 2, between 0 and 1 (J. Lin, IEEE Trans. Inf. Theory 37, 1991).
* Numbers and moments: the two-sample Kolmogorov-Smirnov statistic, the largest distance between the two empirical
  distribution functions; its p-value is asymptotic and assumes independent draws from continuous distributions.
* Categories: Pearson's chi-squared test of homogeneity; the p-value assumes independent draws and expected counts of
  five or so, rare values are pooled.

Bins of numbers are the reference's deciles; bins of categories its most frequent values and one for the rest.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

import duckdb

from shared.compute import Report
from shared.tabular.duck import confine, connect, engine_memory_mb
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import BOOLEAN, JSON, NUMERIC, TEMPORAL, contract_type

BINS = 10
CATEGORIES = 50
FLOOR = 1e-4
MODERATE, MAJOR = 0.1, 0.25
MAX_COLUMNS = 500


class ColumnDrift(TypedDict):
    """One column; measures that do not apply to its type are null."""

    name: str
    type: str
    verdict: str
    psi: float | None
    jensen_shannon: float | None
    ks_statistic: float | None
    chi_square: float | None
    p_value: float | None
    nulls_from: float
    nulls_to: float
    bins: list[dict[str, Any]]


def drift(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Compare the Parquet files `reference` and `other` (answer: schemas.drifts.DriftModel without the versions).

    `columns` names the columns to compare; empty means all that both have with comparable types.
    """
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=Path(job["scratch"])) as connection:
        confine(connection, job["reference"], job["other"])
        before, after = (_types(connection, job[side]) for side in ("reference", "other"))
        common = [name for name in before if name in after and _comparable(before[name], after[name])]
        wanted = [name for name in job["columns"] or common if name in common][:MAX_COLUMNS]
        connection.execute(f"CREATE VIEW before AS SELECT * FROM read_parquet({literal(job['reference'])})")  # noqa: S608
        connection.execute(f"CREATE VIEW after AS SELECT * FROM read_parquet({literal(job['other'])})")  # noqa: S608
        columns = []
        for number, name in enumerate(wanted):
            report(number, len(wanted), f"Comparing {name}"[:200])
            columns.append(_column(connection, name, before[name]))
    report(1, 1, "Compared")
    return {
        "verdict": overall([column["verdict"] for column in columns]),
        "columns": columns,
        "columns_added": [name for name in after if name not in before],
        "columns_removed": [name for name in before if name not in after],
        "columns_not_compared": [name for name in before if name in after and name not in common],
    }


def overall(verdicts: Sequence[str]) -> str:
    """The worst of the columns' verdicts: stable, moderate or major."""
    return next((verdict for verdict in ("major", "moderate") if verdict in verdicts), "stable")


def psi(before: Sequence[int], after: Sequence[int]) -> float:
    """Population stability index of two lists of counts over the same bins."""
    pairs = _shares(before, after)
    return math.fsum((q - p) * math.log(q / p) for p, q in ((max(p, FLOOR), max(q, FLOOR)) for p, q in pairs))


def jensen_shannon(before: Sequence[int], after: Sequence[int]) -> float:
    """Jensen-Shannon divergence, to base 2, of two lists of counts over the same bins."""

    def half(p: float, m: float) -> float:
        return p * math.log2(p / m) if p else 0.0

    pairs = _shares(before, after)
    return math.fsum((half(p, (p + q) / 2) + half(q, (p + q) / 2)) / 2 for p, q in pairs)


def chi_square(before: Sequence[int], after: Sequence[int]) -> tuple[float, float] | None:
    """Statistic and p-value of the test that both lists of counts are drawn alike; None where nothing can differ."""
    from scipy.special import chdtrc

    columns = [(b, a) for b, a in zip(before, after, strict=True) if a + b]
    n_before, n_after = sum(b for b, _ in columns), sum(a for _, a in columns)
    if len(columns) < 2 or not n_before or not n_after:
        return None
    total, statistic = n_before + n_after, 0.0
    for b, a in columns:
        expected_b, expected_a = (b + a) * n_before / total, (b + a) * n_after / total
        statistic += (b - expected_b) ** 2 / expected_b + (a - expected_a) ** 2 / expected_a
    return statistic, float(chdtrc(len(columns) - 1, statistic))


def ks_p_value(statistic: float, n: int, m: int) -> float:
    """Asymptotic p-value of the two-sided two-sample Kolmogorov-Smirnov test."""
    from scipy.special import kolmogorov

    return float(kolmogorov(statistic * math.sqrt(n * m / (n + m))))


def _types(connection: duckdb.DuckDBPyConnection, path: str) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(path)})").fetchall()  # noqa: S608
    return {row[0]: contract_type(row[1]) for row in described}


def _comparable(before: str, after: str) -> bool:
    numbers = before in NUMERIC and after in NUMERIC
    moments = before in TEMPORAL and after in TEMPORAL
    return numbers or moments or (before == after and before != JSON)


def _column(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> ColumnDrift:
    column = identifier(name)
    nulls = [_nulls(connection, column, side) for side in ("before", "after")]
    if kind in NUMERIC | TEMPORAL:
        labels, counts = _ranges(connection, column, kind)
        ks = _kolmogorov_smirnov(connection, _position(column, kind))
        tested, p_value = None, None if ks is None else ks[1]
    else:
        labels, counts = _categories(connection, column, kind)
        ks, tested = None, chi_square([b for b, _ in counts], [a for _, a in counts])
        p_value = None if tested is None else tested[1]
    before, after = [b for b, _ in counts], [a for _, a in counts]
    stability = psi(before, after) if sum(before) and sum(after) else None
    return ColumnDrift(
        name=name,
        type=kind,
        verdict=_verdict(stability, psi(*_presence(nulls))),
        psi=stability,
        jensen_shannon=jensen_shannon(before, after) if sum(before) and sum(after) else None,
        ks_statistic=None if ks is None else ks[0],
        chi_square=None if tested is None else tested[0],
        p_value=p_value,
        nulls_from=_share(*nulls[0]),
        nulls_to=_share(*nulls[1]),
        bins=[{"bin": label, "from": b, "to": a} for label, b, a in zip(labels, before, after, strict=True)],
    )


def _verdict(stability: float | None, presence: float) -> str:
    """By the larger of the index over the values and the one over whether there is a value."""
    largest = max(stability or 0.0, presence)
    if largest >= MAJOR:
        return "major"
    return "moderate" if largest >= MODERATE else "stable"


def _presence(nulls: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    (before_nulls, before_rows), (after_nulls, after_rows) = nulls
    return [before_nulls, before_rows - before_nulls], [after_nulls, after_rows - after_nulls]


def _nulls(connection: duckdb.DuckDBPyConnection, column: str, side: str) -> tuple[int, int]:
    row = connection.execute(f"SELECT count(*) - count({column}), count(*) FROM {side}").fetchone() or (0, 0)  # noqa: S608
    return row[0], row[1]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _shares(before: Sequence[int], after: Sequence[int]) -> list[tuple[float, float]]:
    n, m = sum(before), sum(after)
    if not n or not m:
        return []
    return [(b / n, a / m) for b, a in zip(before, after, strict=True)]


def _position(column: str, kind: str) -> str:
    """SQL for finite values on a line of doubles: numbers as they are, moments in seconds."""
    if kind in TEMPORAL:
        return f"CASE WHEN isfinite({column}) THEN epoch({column}) END"
    return f"CASE WHEN isfinite(CAST({column} AS DOUBLE)) THEN CAST({column} AS DOUBLE) END"


def _ranges(connection: duckdb.DuckDBPyConnection, column: str, kind: str) -> tuple[list[str], list[tuple[int, int]]]:
    """Counts between the deciles of the reference; ties of deciles make fewer bins."""
    value = _position(column, kind)
    points = [step / BINS for step in range(1, BINS)]
    row = connection.execute(f"SELECT approx_quantile({value}, {points}) FROM before").fetchone()  # noqa: S608
    edges = sorted(set(row[0])) if row and row[0] else []
    found = [_bin_counts(connection, value, edges, side) for side in ("before", "after")]
    bounds = ["", *(f"{edge:.6g}" for edge in edges), ""]
    labels = [f"{low or '-∞'} to {high or '∞'}" for low, high in pairwise(bounds)]
    return labels, [(found[0].get(index, 0), found[1].get(index, 0)) for index in range(len(edges) + 1)]


def _bin_counts(connection: duckdb.DuckDBPyConnection, value: str, edges: Sequence[float], side: str) -> dict[int, int]:
    place = " + ".join(f"CAST(v > {edge!r} AS INTEGER)" for edge in edges) or "0"
    rows = connection.execute(
        f"SELECT {place}, count(*) FROM (SELECT {value} AS v FROM {side}) WHERE v IS NOT NULL GROUP BY 1"  # noqa: S608
    ).fetchall()
    return dict(rows)


def _categories(
    connection: duckdb.DuckDBPyConnection, column: str, kind: str
) -> tuple[list[str], list[tuple[int, int]]]:
    text = f"CAST({column} AS VARCHAR)"
    counts = "SELECT {0} AS v, count(*) AS n FROM {1} WHERE {2} IS NOT NULL GROUP BY 1"
    before, after = (counts.format(text, side, column) for side in ("before", "after"))
    limit = 2 if kind == BOOLEAN else CATEGORIES
    rows = connection.execute(
        f"""
        WITH b AS ({before}), a AS ({after}),
             top AS (SELECT v, n FROM b ORDER BY n DESC, v LIMIT {limit})
        SELECT left(top.v, 200), top.n, coalesce(a.n, 0) FROM top LEFT JOIN a ON a.v = top.v ORDER BY top.n DESC, top.v
        """  # noqa: S608 - quoted identifiers
    ).fetchall()
    totals = connection.execute(f"SELECT (SELECT count({column}) FROM before), (SELECT count({column}) FROM after)")  # noqa: S608
    n, m = totals.fetchone() or (0, 0)
    rest = (n - sum(row[1] for row in rows), m - sum(row[2] for row in rows))
    labels, found = [row[0] for row in rows], [(row[1], row[2]) for row in rows]
    return (labels, found) if rest == (0, 0) else ([*labels, "other values"], [*found, rest])


def _kolmogorov_smirnov(connection: duckdb.DuckDBPyConnection, value: str) -> tuple[float, float] | None:
    row = connection.execute(
        f"""
        WITH v AS (SELECT {value} AS x, 1 AS b, 0 AS a FROM before UNION ALL SELECT {value}, 0, 1 FROM after),
             g AS (SELECT x, sum(b) AS b, sum(a) AS a FROM v WHERE x IS NOT NULL GROUP BY x),
             t AS (SELECT sum(b)::BIGINT AS n, sum(a)::BIGINT AS m FROM g),
             c AS (SELECT sum(b) OVER w AS cb, sum(a) OVER w AS ca FROM g WINDOW w AS (ORDER BY x))
        SELECT max(abs(cb / n - ca / m)), any_value(n), any_value(m) FROM c, t WHERE n > 0 AND m > 0
        """  # noqa: S608 - quoted identifiers
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return float(row[0]), ks_p_value(float(row[0]), int(row[1]), int(row[2]))
