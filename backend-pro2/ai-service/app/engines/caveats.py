"""What a reader must be warned of whatever the engine: tiny samples, identifiers, leakage, Simpson's reversal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..schemas.auto_parameters import AutoParameters
from ..schemas.columns import NUMERIC, NUMERIC_OR_TEXT
from ..schemas.parameters import CorrelationParameters, Parameters
from ..schemas.regression_parameters import RegressionParameters
from .frames import load_matrix
from .id_columns import id_reason
from .job import Job
from .leakage import target_leaks
from .results import Notice, Outcome
from .sampled import SampledSource
from .simpson import Reversal, find_reversal, strata_candidates
from .source import Source

ROWS_LOOKED_AT = 10_000
TINY = 10
ROWS_A_COEFFICIENT = 5
PAIRS_LOOKED_AT = 10
LEVEL = 0.01
FEW_VALUES = 20
LEAKS_SOUGHT = 100
LEAKS_IN = frozenset({"ols", "wls", "robust", "quantile", "ridge", "lasso", "logistic"})
# Of pairs of numbers, without other columns held constant.
PLAIN = frozenset({"pearson", "spearman", "kendall"})
# Columns that are described, or whose times order the rows, may well be identifiers.
_ROLES = frozenset({"features", "group", "exposure", "strata", "columns"})
_ANY_COLUMN = frozenset({"describe", "auto", "association", "text"})


def caveats(source: Source, parameters: Parameters, outcome: Outcome, job: Job) -> list[Notice]:
    """Warnings that `outcome` does not have yet. On large data they look at a random sample of 10,000 rows."""
    sample = SampledSource(job.data.path, ROWS_LOOKED_AT, job.seed)
    notices = [*_tiny(outcome), *_identifiers(sample, parameters, job.type)]
    if isinstance(parameters, CorrelationParameters) and parameters.method in PLAIN:
        notices += _reversals(sample, _strongest(outcome))
    elif isinstance(parameters, RegressionParameters):
        notices += _leaks(sample, parameters)
        notices += _reversals(sample, _of_target(source, parameters), parameters.features)
    elif isinstance(parameters, AutoParameters):
        notices += _leaks_of_scan(sample, parameters)
    known = {(notice.code, notice.message) for notice in outcome.warnings}
    return [notice for notice in notices if (notice.code, notice.message) not in known]


def _tiny(outcome: Outcome) -> list[Notice]:
    """Of tests, and of models by the number of their coefficients."""
    n = outcome.summary.get("n", outcome.summary.get("n_min"))
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool):
        return []
    coefficients = next((len(table.rows) for table in outcome.tables if table.name == "coefficients"), 0)
    if "df_model" in outcome.summary and n < ROWS_A_COEFFICIENT * coefficients:
        text = f"{n} rows for {coefficients} coefficients are few, below {ROWS_A_COEFFICIENT} each: estimates may"
        return [Notice("tiny_sample", f"{text} change much with a few other rows.")]
    told = [outcome.summary.get(member) for member in ("p_value", "df_model", "n_min")]
    if n >= TINY or not any(_is_there(value) for value in told):
        return []
    text = f"Only {n} rows were used. What so few show may be chance, and what they do not show may well be there."
    return [Notice("tiny_sample", text)]


def _is_there(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _identifiers(sample: SampledSource, parameters: Parameters, kind: str) -> list[Notice]:
    if kind in _ANY_COLUMN:
        return []
    names = {use.name: use.role for use in parameters.uses() if use.role in _ROLES}
    if isinstance(parameters, CorrelationParameters) and parameters.columns is None:
        names = dict.fromkeys(sample.of_types(NUMERIC), "columns")
    notices = []
    for name, role in names.items():
        if sample.types.get(name) not in ("integer", "string"):
            continue
        reason = id_reason(name, sample.column(name), sample.total if sample.is_sampled else None)
        if reason is not None:
            text = f"Column {name!r} ({role}) looks like an identifier of rows: {reason}. What is found with it is an "
            notices.append(Notice("id_column", f"{text}accident of numbering; leave it out."))
    return notices


def _strongest(outcome: Outcome) -> list[tuple[str, str]]:
    """The pairs of columns that a correlation matrix shows most clearly."""
    tables = {table.name: table for table in outcome.tables}
    if not {"coefficients", "p_values"} <= tables.keys():
        return []
    names = [str(row[0]) for row in tables["coefficients"].rows]
    found = []
    for i, j in combinations(range(len(names)), 2):
        r, p_value = tables["coefficients"].rows[i][j + 1], tables["p_values"].rows[i][j + 1]
        if isinstance(r, float) and isinstance(p_value, float) and p_value < LEVEL and not math.isnan(r):
            found.append((-abs(r), names[i], names[j]))
    return [(first, second) for _, first, second in sorted(found)[:PAIRS_LOOKED_AT]]


def _of_target(source: Source, parameters: RegressionParameters) -> list[tuple[str, str]]:
    """The numeric features; a third column that the model has too is not a surprise."""
    if source.types.get(parameters.target) not in NUMERIC or parameters.method not in LEAKS_IN:
        return []
    numeric = [name for name in parameters.features if source.types[name] in NUMERIC]
    return [(name, parameters.target) for name in numeric[:PAIRS_LOOKED_AT]]


def _reversals(sample: SampledSource, pairs: Sequence[tuple[str, str]], known: Sequence[str] = ()) -> list[Notice]:
    if not pairs:
        return []
    names = [*dict.fromkeys(name for pair in pairs for name in pair)]
    values = dict(zip(names, load_matrix(sample, names).T, strict=True))
    strata = strata_candidates(sample, [*names, *known])
    found = [find_reversal(values[one], values[other], (one, other), strata) for one, other in pairs]
    return [reversal.notice() for reversal in found if isinstance(reversal, Reversal)]


def _leaks(sample: SampledSource, parameters: RegressionParameters) -> list[Notice]:
    if parameters.method not in LEAKS_IN:
        return []
    return _leaks_among(sample, parameters.target, parameters.features, classes=parameters.tells_two_apart)


def _leaks_of_scan(sample: SampledSource, parameters: AutoParameters) -> list[Notice]:
    """A target of texts, or of few whole numbers, has classes."""
    target = parameters.target
    if target is None or sample.types[target] not in NUMERIC_OR_TEXT:
        return []
    wanted = parameters.columns or sample.names
    names = [name for name in wanted if name != target and sample.types[name] in NUMERIC_OR_TEXT]
    kind = sample.types[target]
    few = kind == "integer" and len(np.unique(sample.numbers(target))) <= FEW_VALUES
    return _leaks_among(sample, target, names[:LEAKS_SOUGHT], classes=few or kind in ("string", "boolean"))


def _leaks_among(sample: SampledSource, target: str, names: Sequence[str], *, classes: bool) -> list[Notice]:
    columns: Mapping[str, object] = {name: _values(sample, name) for name in names}
    y = sample.texts(target) if classes else load_matrix(sample, [target])[:, 0]
    known = pd.notna(y)
    return target_leaks(pd.DataFrame(columns)[known], y[known], target)


def _values(sample: SampledSource, name: str) -> object:
    return load_matrix(sample, [name])[:, 0] if sample.types[name] in NUMERIC else sample.texts(name)
