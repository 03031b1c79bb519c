"""The association of an exposure and an outcome within strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..schemas.strata_parameters import StratifiedParameters
from . import charts
from .evidence import Assumption, Effect, Evidence, verdict
from .job import Job
from .mantel_haenszel import Cells, ChiSquare, Interval, association, common_odds_ratio, homogeneity
from .results import Chart, Notice, Outcome, Table
from .source import Source
from .strata_counts import Tables, count_tables

CHARTED_AT_MOST = 40
# Mantel and Fleiss (1980): below this the chi-square approximation of the test is poor.
ROOM_AT_LEAST = 5
COLUMNS = (
    "stratum", "n", "exposed_event", "exposed_no_event", "unexposed_event", "unexposed_no_event", "odds_ratio",
    "ci_low", "ci_high",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Findings:
    """What the tables say: the odds ratio within strata and without them, and two tests."""

    common: Interval
    crude: Interval
    test: ChiSquare
    equal: ChiSquare
    informative: Cells

    @property
    def reverses(self) -> bool:
        """Whether strata turn the direction around, and the one without them is more than noise."""
        low, high = self.crude.low, self.crude.high
        return bool((low > 1 and self.common.value < 1) or (high < 1 and self.common.value > 1))


def stratify(source: Source, parameters: StratifiedParameters, job: Job) -> Outcome:
    """Mantel-Haenszel odds ratio, Cochran-Mantel-Haenszel test, Breslow-Day-Tarone test; table `strata`.

    Raises:
        ComputeError: `wrong_groups`, `constant_column`, `too_many_levels`, `too_few_rows`,
            `invalid_value`, or the faults of `Source.require`.
    """
    job.report(0, 2, "Counting")
    tables = count_tables(source, parameters)
    job.report(1, 2, "Testing")
    findings = _find(tables.cells, parameters)
    rows = _rows(tables, parameters.alpha)
    return Outcome(
        _summary(tables, findings, parameters),
        [Table("strata", COLUMNS, rows)],
        [_chart(rows, findings.common, parameters)],
        [*tables.notices, *_notices(tables, findings, parameters)],
    )


def _find(cells: Cells, parameters: StratifiedParameters) -> Findings:
    informative = cells.informative()
    common = common_odds_ratio(informative, parameters.alpha)
    return Findings(
        common,
        common_odds_ratio(cells.pooled(), parameters.alpha),
        association(informative, correction=parameters.correction),
        homogeneity(informative, common.value),
        informative,
    )


def _summary(tables: Tables, findings: Findings, parameters: StratifiedParameters) -> dict[str, object]:
    common, crude, test, equal = findings.common, findings.crude, findings.test, findings.equal
    evidence = Evidence(
        test.statistic,
        test.p_value,
        round(tables.n),
        _conclusion(tables, findings, parameters),
        test.df,
        Effect("odds_ratio", common.value, common.low, common.high),
        _assumptions(findings, parameters.alpha),
    )
    more = {
        "odds_ratio": common.value,
        "ci_low": common.low,
        "ci_high": common.high,
        "crude_odds_ratio": crude.value,
        "crude_ci_low": crude.low,
        "crude_ci_high": crude.high,
        "homogeneity": {"statistic": equal.statistic, "df": equal.df, "p_value": equal.p_value},
        "strata": len(tables.strata),
        "informative_strata": len(findings.informative.n),
        "exposed": tables.exposed,
        "event": tables.event,
        "simpson_reversal": findings.reverses,
    }
    return evidence.summary(more)


def _conclusion(tables: Tables, findings: Findings, parameters: StratifiedParameters) -> str:
    if np.isnan(findings.test.p_value):
        return "No stratum has both exposures and both outcomes, so the data say nothing of their association."
    event, exposed = f"{parameters.outcome} = {tables.event}", f"{parameters.exposure} = {tables.exposed}"
    size = "" if not np.isfinite(findings.common.value) else f" {findings.common.value:.3g} times"
    found = f"Within strata the odds of {event} are{size or ' different, and without bound,'} those of the others "
    found += f"where {exposed}; that is more than chance explains"
    missing = f"Within strata no association of {exposed} with {event} is shown"
    missing += f"; the odds ratio is {findings.common.value:.3g}" if size else ""
    return verdict(findings.test.p_value, parameters.alpha, found, missing)


def _assumptions(findings: Findings, alpha: float) -> list[Assumption]:
    equal, room = findings.equal, _room(findings.informative)
    same = None if np.isnan(equal.p_value) else equal.p_value >= alpha
    shown = "cannot be tested here" if same is None else f"Breslow-Day-Tarone p = {equal.p_value:.3g}"
    return [
        Assumption("independent_cases", None, "Each case is counted once, and none tells of another."),
        Assumption("equal_odds_ratios", same, f"One odds ratio holds in all strata: {shown}."),
        Assumption(
            "enough_cases",
            room >= ROOM_AT_LEAST,
            f"Mantel-Fleiss criterion {room:.3g}, at least {ROOM_AT_LEAST} wanted.",
        ),
    ]


def _room(cells: Cells) -> float:
    """How far the sum of `a` could be from what is expected, on the nearer side."""
    exposed, events = cells.a + cells.b, cells.a + cells.c
    expected = float((exposed * events / cells.n).sum())
    least = float(np.maximum(0, exposed + events - cells.n).sum())
    most = float(np.minimum(exposed, events).sum())
    return min(expected - least, most - expected)


def _rows(tables: Tables, alpha: float) -> list[list[object]]:
    """One row a stratum, its odds ratio with Woolf's interval where no cell is empty."""
    rows: list[list[object]] = []
    counts = np.column_stack([tables.cells.a, tables.cells.b, tables.cells.c, tables.cells.d])
    for name, (a, b, c, d) in zip(tables.strata, counts, strict=True):
        ratio = common_odds_ratio(Cells(*(np.array([cell]) for cell in (a, b, c, d))), alpha)
        cells = [int(cell) if cell == round(cell) else float(cell) for cell in (a + b + c + d, a, b, c, d)]
        rows.append([name, *cells, ratio.value, ratio.low, ratio.high])
    return rows


def _chart(rows: Sequence[Sequence[object]], common: Interval, parameters: StratifiedParameters) -> Chart:
    listed = [(row[0], *row[-3:]) for row in rows[:CHARTED_AT_MOST]]
    every = [*listed, ("all strata", common.value, common.low, common.high)]
    defined = [(str(name), *np.log(np.array(values, dtype=np.float64)).tolist()) for name, *values in every]
    drawn = [
        {"term": name, "estimate": value, "low": low, "high": high}
        for name, value, low, high in defined
        if np.isfinite([value, low, high]).all()
    ]
    note = f"Natural logarithm; {100 * (1 - parameters.alpha):g} % confidence intervals; defined ones only."
    return charts.intervals(drawn, f"Log odds ratio of {parameters.outcome} by {parameters.exposure}", note)


def _notices(tables: Tables, findings: Findings, parameters: StratifiedParameters) -> list[Notice]:
    common, crude, notices = findings.common, findings.crude, []
    if findings.reverses:
        text = (
            f"Without strata the odds ratio is {crude.value:.3g}, within them {common.value:.3g}: the direction turns "
        )
        notices.append(Notice("simpson_reversal", f"{text}around. Do not quote the first without the strata."))
    if findings.equal.p_value < parameters.alpha:
        text = "The odds ratio differs between strata more than chance explains, so one for all may mislead"
        notices.append(Notice("unequal_odds_ratios", f"{text}; see table `strata`."))
    left = len(tables.strata) - len(findings.informative.n)
    if left:
        text = f"{left} of {len(tables.strata)} strata have one exposure or one outcome only, and so say nothing."
        notices.append(Notice("uninformative_strata", text))
    if not 0 < common.value < np.inf:
        text = "Too many cells are empty for an odds ratio with an interval."
        notices.append(Notice("undefined_odds_ratio", text))
    return notices
