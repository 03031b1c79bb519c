"""Planning of a sample: size, power or smallest effect, whichever is not given."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import altair as alt
import numpy as np

from shared.compute import ComputeError

from ..schemas.power_parameters import MEANS, PowerParameters
from .charts import drawn, finished
from .evidence import Assumption, Effect
from .job import Job
from .power_functions import Design, distance, power_of, rows_needed, shifted, smallest_effect
from .power_observed import Observed, observe
from .results import Chart, Notice, Outcome, Table
from .source import Source

NAMES = {
    "one_sample_t": "cohens_d",
    "two_sample_t": "cohens_d",
    "paired_t": "cohens_d_z",
    "two_proportions": "cohens_h",
    "anova": "cohens_f",
    "chi_square": "cohens_w",
    "correlation": "correlation",
}
# As a chart says them: the test, and the measure of its effect.
SAID = {
    "one_sample_t": ("the one-sample t test", "Cohen's d"),
    "two_sample_t": ("the two-sample t test", "Cohen's d"),
    "paired_t": ("the paired t test", "Cohen's d of pairs"),
    "two_proportions": ("the test of two proportions", "Cohen's h"),
    "anova": ("the analysis of variance", "Cohen's f"),
    "chi_square": ("the chi-squared test", "Cohen's w"),
    "correlation": ("the test of a correlation", "Correlation"),
}
CURVE_COLUMNS = ("effect", "n", "power")
CURVE_POINTS = 40
# Of the effect asked for: what a plan would be worth if it were smaller, or larger.
CURVE_EFFECTS = (0.75, 1.0, 1.25)
EXPECTED_AT_LEAST = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """A design with its size, effect and power; `exact` is the size before it was rounded up."""

    design: Design
    solved: str
    n: int
    effect: float
    power: float
    exact: float | None = None

    @property
    def second(self) -> int | None:
        """Rows of the second group where its size differs from the first by a ratio."""
        return round(self.n * self.design.ratio) if self.design.method in ("two_sample_t", "two_proportions") else None


def plan_sample(source: Source, parameters: PowerParameters, job: Job) -> Outcome:
    """Table `curve`; summary `n`, `n_total`, `power`, `effect_size`, and `difference` where its unit is known.

    Raises:
        ComputeError: `too_few_rows` for an `n` below what the test needs, `unreachable_power`, or what `observe` and
            `Source.require` raise.
    """
    source.require(parameters.uses())
    job.report(0, 1, "Planning")
    seen = None if parameters.column is None else observe(source, parameters)
    sd = seen.sd if seen is not None else parameters.sd
    plan = _solved(_design(parameters, seen), _effect(parameters, seen, sd), parameters)
    unit = _in_unit(plan, sd)
    summary = {
        **_sizes(plan),
        "power_asked": parameters.power,
        "effect_size": asdict(Effect(NAMES[parameters.method], plan.effect)),
        "difference": unit,
        "sd": sd,
        "baseline": plan.design.baseline,
        "alpha": parameters.alpha,
        "alternative": parameters.alternative,
        "assumptions": [asdict(assumption) for assumption in _assumptions(plan)],
        "conclusion": _conclusion(plan, unit),
    }
    curve = _curve(plan)
    table = Table("curve", CURVE_COLUMNS, [[row[name] for name in CURVE_COLUMNS] for row in curve])
    return Outcome(summary, [table], [_chart(plan, curve)], _notices(parameters, seen))


def _design(parameters: PowerParameters, seen: Observed | None) -> Design:
    p = parameters
    design = Design(p.method, p.alpha, p.alternative, p.ratio, p.k, p.df, p.baseline)
    if seen is not None and p.effect == "observed":
        return replace(design, k=seen.k, df=seen.df, baseline=seen.baseline)
    return design


def _effect(parameters: PowerParameters, seen: Observed | None, sd: float | None) -> float | None:
    if parameters.effect == "observed":
        return None if seen is None else seen.effect
    if parameters.difference is None:
        return parameters.effect
    if parameters.method in MEANS:
        return parameters.difference / (sd or math.nan)
    baseline = parameters.baseline or 0.0
    return distance(baseline, baseline + parameters.difference)


def _solved(design: Design, effect: float | None, parameters: PowerParameters) -> Plan:
    asked = parameters.power or 0.0
    if parameters.n is None:
        exact = rows_needed(design, effect or 0.0, asked)
        n = math.ceil(exact - 1e-9)
        rounded = _whole(design, n)
        return Plan(rounded, "n", n, effect or 0.0, power_of(rounded, n, effect or 0.0), exact)
    if parameters.n < design.least:
        detail = f"A test with n = {parameters.n} cannot be done"
        raise ComputeError("too_few_rows", f"{detail}; with these parameters it needs {design.least}.")
    design = _whole(design, parameters.n)
    if effect is None:
        return Plan(design, "effect", parameters.n, smallest_effect(design, parameters.n, asked), asked)
    return Plan(design, "power", parameters.n, effect, power_of(design, parameters.n, effect))


def _whole(design: Design, n: int) -> Design:
    """The design with a second group of whole rows."""
    return replace(design, ratio=math.ceil(n * design.ratio - 1e-9) / n)


def _in_unit(plan: Plan, sd: float | None) -> float | None:
    if sd is not None:
        return plan.effect * sd
    baseline = plan.design.baseline
    return None if baseline is None else shifted(baseline, plan.effect) - baseline


def _sizes(plan: Plan) -> dict[str, object]:
    return {
        "method": plan.design.method,
        "solved_for": plan.solved,
        "n": plan.n,
        "n_exact": plan.exact,
        "n_second": plan.second,
        "n_total": round(plan.design.total(plan.n)),
        "power": plan.power,
    }


def _assumptions(plan: Plan) -> list[Assumption]:
    method = plan.design.method
    listed = [Assumption("independence", None, "Rows, or pairs, are taken to be independent of each other.")]
    if method in MEANS | {"anova"}:
        listed.append(Assumption("normality", None, "Values, or differences, are taken to be normal."))
    if method in ("two_sample_t", "anova"):
        listed.append(Assumption("equal_variances", None, "All groups are taken to have one variance."))
    if method == "correlation":
        listed.append(Assumption("normality", None, "Both variables are taken to be normal together."))
    if method == "two_proportions" and plan.design.baseline is not None:
        shares = plan.design.baseline, shifted(plan.design.baseline, plan.effect)
        sizes = plan.n, plan.second or plan.n
        least = min(size * min(share, 1 - share) for size, share in zip(sizes, shares, strict=True))
        detail = f"The smallest expected count is {least:.3g}; the approximation asks for 5."
        listed.append(Assumption("expected_counts", least >= EXPECTED_AT_LEAST, detail))
    return listed


def _conclusion(plan: Plan, unit: float | None) -> str:
    size = f"{NAMES[plan.design.method].replace('_', ' ')} {plan.effect:.4g}"
    size += f" (a difference of {unit:.4g})" if unit is not None else ""
    level = f"at the {plan.design.alternative} level {plan.design.alpha:g}"
    if plan.solved == "n":
        return f"{_rows(plan)} are needed to find {size} with a power of {100 * plan.power:.1f} % {level}."
    if plan.solved == "power":
        return f"With {_rows(plan)}, {size} is found with a power of {100 * plan.power:.1f} % {level}."
    return f"With {_rows(plan)}, the smallest effect found with a power of {100 * plan.power:.1f} % {level} is {size}."


def _rows(plan: Plan) -> str:
    total = f"{round(plan.design.total(plan.n)):,} rows in all"
    match plan.design.method:
        case "two_sample_t" | "two_proportions":
            return f"{plan.n:,} and {plan.second:,} rows in two groups ({total})"
        case "anova":
            return f"{plan.n:,} rows in each of {plan.design.k} groups ({total})"
        case "paired_t":
            return f"{plan.n:,} pairs"
        case _:
            return f"{plan.n:,} rows"


def _curve(plan: Plan) -> list[dict[str, float]]:
    least, most = plan.design.least, max(2 * plan.n, plan.design.least + 10)
    sizes = np.unique(np.linspace(least, most, CURVE_POINTS).round().astype(np.int64)).tolist()
    return [
        {"effect": size, "n": n, "power": power_of(plan.design, n, size)}
        for size in (factor * plan.effect for factor in CURVE_EFFECTS)
        if plan.design.method != "correlation" or abs(size) < 1
        for n in sizes
    ]


def _chart(plan: Plan, curve: list[dict[str, float]]) -> Chart:
    rows = [{**row, "effect": f"{row['effect']:.3g}"} for row in curve]
    order = list(dict.fromkeys(str(row["effect"]) for row in rows))
    y = alt.Y("power", type="quantitative", title="Power", scale=alt.Scale(domain=[0, 1]))
    x = alt.X("n", type="quantitative", title=_axis(plan.design))
    test, effect = SAID[plan.design.method]
    color = alt.Color("effect", type="nominal", title=effect, sort=order)
    lines = drawn(rows).mark_line().encode(x=x, y=y, color=color)
    here = drawn([{"n": plan.n, "power": plan.power}])
    marks = [
        here.mark_rule(strokeDash=[4, 4], color="gray").encode(x=x),
        here.mark_rule(strokeDash=[4, 4], color="gray").encode(y=y),
        here.mark_point(filled=True, size=70, color="black").encode(x=x, y=y),
    ]
    side = "" if plan.design.method in ("anova", "chi_square") else f", {plan.design.alternative}"
    note = f"At level {plan.design.alpha:g}{side}; the dot is the plan."
    return finished(alt.layer(*marks[:2], lines, marks[2]), f"Power of {test} over the sample's size", note)


def _axis(design: Design) -> str:
    match design.method:
        case "two_sample_t" | "two_proportions":
            return "Rows of the first group"
        case "anova":
            return "Rows of each group"
        case "paired_t":
            return "Pairs"
        case _:
            return "Rows"


def _notices(parameters: PowerParameters, seen: Observed | None) -> list[Notice]:
    notices = []
    if seen is not None and seen.dropped:
        notices.append(Notice("missing_values", f"{seen.dropped} rows with a missing value were left out."))
    if parameters.effect == "observed":
        text = "The effect is an estimate from these very rows, so it is uncertain, and often too large where it was "
        text += "chosen for being significant; power at it repeats the p-value. Plan with the smallest that matters."
        notices.append(Notice("observed_effect", text))
    return notices
