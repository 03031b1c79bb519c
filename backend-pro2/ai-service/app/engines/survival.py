"""Times to an event: Kaplan-Meier curves, the log-rank test and Cox's model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from shared.compute import ComputeError

from ..schemas.survival_parameters import SurvivalParameters
from .cox import COEFFICIENT_COLUMNS, CoxModel, fit_cox
from .evidence import Assumption, Effect, Evidence, verdict
from .frames import IndexArray, dropped_notice, refuse_extreme
from .job import Job
from .kaplan_meier import BoolArray, Curve, LogRank, kaplan_meier, log_rank
from .levels import Levels, read_levels
from .results import Notice, Outcome, Table
from .source import FloatArray, Source
from .survival_charts import survival_curves, thin

GROUPS_AT_MOST = 20
ROWS_SHOWN = 2000
EVERYBODY = "all"
SURVIVAL_COLUMNS = ("group", "time", "at_risk", "events", "survival", "std_error", "ci_low", "ci_high")
GROUP_COLUMNS = ("group", "n", "events", "expected", "median", "median_ci_low", "median_ci_high")


@dataclass(frozen=True, slots=True)
class Watched:
    """Complete rows, all of shape (rows,), and the names of the groups."""

    times: FloatArray
    events: BoolArray
    groups: IndexArray
    names: list[str]
    total: int


def survive(source: Source, parameters: SurvivalParameters, job: Job) -> Outcome:
    """Tables `survival`, `groups` and, with features, `coefficients`.

    The summary's test is the log-rank test where groups are compared, else the likelihood-ratio test of the Cox model.

    Raises:
        ComputeError: `too_few_rows`, `invalid_value`, `wrong_groups`, `too_many_levels`, `constant_column`, or the
            faults of `build_design`.
    """
    job.report(0, 3, "Reading columns")
    source.require(parameters.uses())
    event = read_levels(source, parameters.event, 1000)
    occurred = _occurred(event, parameters.occurred)
    watched = _watch(source, parameters, event.codes, occurred)
    job.report(1, 3, "Estimating curves")
    curves = _curves(watched, parameters)
    test = log_rank(watched.times, watched.events, watched.groups, len(curves)) if len(curves) > 1 else None
    job.report(2, 3, "Fitting the Cox model" if parameters.features else "Drawing charts")
    cox = fit_cox(source, parameters, event, occurred, job.seed) if parameters.features else None
    last = {name: float(watched.times[watched.groups == i].max()) for i, name in enumerate(watched.names)}
    note = f"{100 * (1 - parameters.alpha):g} % confidence bands, {parameters.interval}."
    return Outcome(
        _summary(watched, curves, test, cox, parameters),
        _tables(curves, test, cox),
        [survival_curves(curves, last, parameters.time, note)],
        _notices(watched, curves, None if parameters.occurred else event.names[occurred], cox),
    )


def _occurred(event: Levels, level: str | None) -> int:
    """Which level means that the event came; -1 where it never did."""
    if level is None and len(event.names) == 1:
        return 0 if event.names[0] in {"1", "true"} else -1
    return event.position(level)


def _watch(source: Source, parameters: SurvivalParameters, codes: IndexArray, occurred: int) -> Watched:
    times = source.numbers(parameters.time)
    kept = np.isfinite(times) & (codes >= 0)
    groups = np.zeros(source.rows, dtype=np.intp)
    names: tuple[str, ...] = (EVERYBODY,)
    if parameters.group is not None:
        levels = read_levels(source, parameters.group, GROUPS_AT_MOST)
        groups, names = levels.codes, levels.names
        kept &= groups >= 0
    times = times[kept]
    _check(times, source.rows, parameters.time)
    found, positions = np.unique(groups[kept], return_inverse=True)
    if parameters.group is not None and len(found) < 2:
        detail = f"Column {parameters.group!r} (group) has one value only in the rows used"
        raise ComputeError("constant_column", f"{detail}. Leave it out, or choose another.")
    return Watched(times, codes[kept] == occurred, positions, [names[i] for i in found], source.rows)


def _check(times: FloatArray, total: int, name: str) -> None:
    if len(times) == 0:
        raise ComputeError("too_few_rows", f"None of {total} rows has a time, an event and a group.")
    if times.min() < 0:
        detail = f"Column {name!r} (time) has negative values, the least being {times.min():g}; times start from zero"
        raise ComputeError("invalid_value", f"{detail}. Correct them, or choose another column.")
    refuse_extreme(name, times)


def _curves(watched: Watched, parameters: SurvivalParameters) -> dict[str, Curve]:
    members = (watched.groups == i for i in range(len(watched.names)))
    return {
        name: kaplan_meier(watched.times[chosen], watched.events[chosen], parameters.alpha, parameters.interval)
        for name, chosen in zip(watched.names, members, strict=True)
    }


def _summary(
    watched: Watched,
    curves: dict[str, Curve],
    test: LogRank | None,
    cox: CoxModel | None,
    parameters: SurvivalParameters,
) -> dict[str, object]:
    tested = test if test is not None else cox
    evidence = Evidence(
        np.nan if tested is None else tested.statistic,
        np.nan if tested is None else tested.p_value,
        len(watched.times),
        _conclusion(curves, test, cox, parameters),
        None if tested is None else tested.df,
        _effect(test, list(curves), parameters.alpha),
        [
            Assumption("independent_censoring", None, "Whom we lost sight of fares as those whom we still watch."),
            *(cox.assumptions if cox is not None else ()),
        ],
    )
    more: dict[str, object] = {"events": int(watched.events.sum()), "test": None}
    if tested is not None:
        more["test"] = "log_rank" if test is not None else "likelihood_ratio"
    if test is None:
        more.update(zip(("median", "median_ci_low", "median_ci_high"), curves[EVERYBODY].median(), strict=True))
    if cox is not None:
        members = ("n", "events", "log_likelihood", "statistic", "df", "p_value")
        more["cox"] = {member: getattr(cox, member) for member in members}
    return evidence.summary(more)


def _effect(test: LogRank | None, names: list[str], alpha: float) -> Effect | None:
    """The hazard ratio of the first of two groups over the second, by Peto's one step (Yusuf and others, 1985)."""
    if test is None or len(names) != 2 or not test.variance > 0:
        return None
    centre = float(test.observed[0] - test.expected[0]) / test.variance
    half = float(stats.norm.isf(alpha / 2)) / np.sqrt(test.variance)
    ratio, low, high = np.exp([centre, centre - half, centre + half]).tolist()
    return Effect(f"hazard_ratio ({names[0]} / {names[1]})", ratio, low, high)


def _conclusion(
    curves: dict[str, Curve], test: LogRank | None, cox: CoxModel | None, parameters: SurvivalParameters
) -> str:
    if test is not None:
        if np.isnan(test.p_value):
            return "No event came while members of all groups were watched, so the groups cannot be compared."
        over = test.observed / test.expected
        first = list(curves)[int(np.nanargmax(over))]
        found = (
            f"The groups of {parameters.group} differ in their times; the event comes soonest, for its time, in {first}"
        )
        return verdict(
            test.p_value, parameters.alpha, found, f"No difference between groups of {parameters.group} is shown"
        )
    if cox is not None:
        found, missing = (
            "The features together tell how soon the event comes",
            "The features are not shown to tell anything",
        )
        return verdict(cox.p_value, parameters.alpha, found, missing)
    median = curves[EVERYBODY].median()[0]
    if np.isnan(median):
        return "More than half had not had the event when watching ended."
    return f"Half have had the event by {parameters.time} = {median:g}."


def _tables(curves: dict[str, Curve], test: LogRank | None, cox: CoxModel | None) -> list[Table]:
    tables = [
        Table(
            "survival",
            SURVIVAL_COLUMNS,
            [row for name, curve in curves.items() for row in _steps(name, curve, len(curves))],
        ),
        Table("groups", GROUP_COLUMNS, [_group(i, name, curves[name], test) for i, name in enumerate(curves)]),
    ]
    return tables if cox is None else [*tables, Table("coefficients", COEFFICIENT_COLUMNS, cox.rows)]


def _steps(name: str, curve: Curve, curves: int) -> list[list[object]]:
    shown = thin(len(curve.times), ROWS_SHOWN // curves)
    counts = np.column_stack([curve.at_risk, curve.events]).astype(np.int64)[shown].tolist()
    chances = np.column_stack([curve.survival, curve.std_error, curve.low, curve.high])[shown].tolist()
    moments = curve.times[shown].tolist()
    return [[name, moment, *left, *right] for moment, left, right in zip(moments, counts, chances, strict=True)]


def _group(position: int, name: str, curve: Curve, test: LogRank | None) -> list[object]:
    expected = None if test is None else test.expected[position]
    return [name, curve.n, int(curve.events.sum()), expected, *curve.median()]


def _notices(watched: Watched, curves: dict[str, Curve], assumed: str | None, cox: CoxModel | None) -> list[Notice]:
    notices = dropped_notice(watched.total - len(watched.times), watched.total)
    if not watched.events.any():
        notices.append(Notice("no_events", "No row used has the event: the curve stays at 1, and nothing is tested."))
    elif assumed not in {"1", "true", None}:
        text = f"{assumed!r} was taken for the value that means the event; name another by `occurred`."
        notices.append(Notice("event_assumed", text))
    if any(len(curve.times) > ROWS_SHOWN // len(curves) for curve in curves.values()):
        text = f"Table `survival` shows {ROWS_SHOWN} times evenly spread over all; curves and tests use every one."
        notices.append(Notice("table_thinned", text))
    known = {notice.message for notice in notices}
    return notices if cox is None else [*notices, *(notice for notice in cox.notices if notice.message not in known)]
