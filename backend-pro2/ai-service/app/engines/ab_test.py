"""Experiments: every variant against the control, and whether the experiment itself is sound."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..schemas.ab_test_parameters import AbTestParameters
from . import charts
from .ab_comparisons import (
    Contrast,
    always_valid,
    contrast_means,
    contrast_rates,
    holm,
    power_at,
    smallest_difference,
)
from .checks import INDEPENDENT
from .evidence import Assumption, Effect, Evidence, verdict
from .experiment import Arm, Experiment, SampleRatio, read_experiment, sample_ratio, without_covariate
from .job import Job
from .results import Chart, Notice, Outcome, Table
from .source import Source

# Below it the split is taken as broken: the level that keeps false alarms rare where it is looked at daily.
RATIO_LEVEL = 0.001
BALANCE_LEVEL = 0.001
EXPECTED_AT_LEAST = 5
ROWS_AT_LEAST = 30
GROUP_COLUMNS = ("group", "assigned", "n", "missing", "mean", "std")
COLUMNS = (
    "variant", "n", "control", "value", "difference", "ci_low", "ci_high", "lift", "lift_low", "lift_high",
    "simultaneous_low", "simultaneous_high", "simultaneous_lift_low", "simultaneous_lift_high",
    "statistic", "df", "p_value", "adjusted_p_value", "always_valid_low", "always_valid_high", "always_valid_p_value",
    "smallest_difference", "power",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cuped:
    """What the covariate did: the slope taken out, and the share of variance that went with it."""

    covariate: str
    theta: float
    variance_reduction: float


def run_experiment(source: Source, parameters: AbTestParameters, job: Job) -> Outcome:
    """Tables `comparisons` (one row a variant) and `groups`; the summary's test is that of the smallest p-value.

    `lift` is relative to the control. `smallest_difference` is what these rows would find with a power of 80 %, and
    `power` that at `target_lift`: power at the effect found would only repeat the p-value. `ci_low` and `ci_high` are
    for one comparison each. The `simultaneous` limits hold for all variants at once with a probability of 1 - alpha or
    more (Bonferroni: each of level 1 - alpha / variants). Where those of means leave out zero, the p-value adjusted by
    Holm, which is never larger than Bonferroni's, is below alpha. The summary has these limits and that p-value.

    Raises:
        ComputeError: what `read_experiment` and `sample_ratio` raise, or `constant_column`.
    """
    source.require(parameters.uses())
    job.report(0, 1, "Reading columns")
    experiment = read_experiment(source, parameters)
    ratio = sample_ratio(experiment.arms, parameters)
    arms, cuped = experiment.arms, None
    if parameters.covariate is not None:
        arms, theta, share = without_covariate(arms)
        cuped = Cuped(parameters.covariate, theta, share)
    contrast = contrast_rates if experiment.binary else contrast_means
    contrasts = [contrast(arms[0], arm, parameters.alpha) for arm in arms[1:]]
    together = [contrast(arms[0], arm, parameters.alpha / len(contrasts)) for arm in arms[1:]]
    adjusted = holm([found.p_value for found in contrasts])
    first = min(range(len(contrasts)), key=lambda i: (contrasts[i].p_value, i))
    evidence = _evidence(experiment, together[first], adjusted[first], ratio, parameters)
    more = {
        "metric": parameters.metric,
        "kind": "binary" if experiment.binary else "continuous",
        "control": arms[0].name,
        "variant": contrasts[first].name,
        "lift": {"value": contrasts[first].lift, **_ends(together[first])},
        "lift_method": "katz" if experiment.binary else "fieller",
        "sample_ratio": asdict(ratio),
        "cuped": None if cuped is None else asdict(cuped),
        "alpha": parameters.alpha,
        "dropped_rows": experiment.dropped,
    }
    rows = [_row(*found, parameters) for found in zip(contrasts, together, adjusted, strict=True)]
    tables = [Table("comparisons", COLUMNS, rows), Table("groups", GROUP_COLUMNS, [*map(_described, arms)])]
    notices = _notices(experiment, together, ratio)
    return Outcome(evidence.summary(more), tables, [_chart(together, parameters)], notices)


def _ends(found: Contrast) -> dict[str, float]:
    return {"ci_low": found.lift_limits[0], "ci_high": found.lift_limits[1]}


def _row(found: Contrast, together: Contrast, adjusted: float, parameters: AbTestParameters) -> list[object]:
    valid: tuple[float | None, ...] = (None, None, None)
    if parameters.tau is not None:
        (low, high), p_value = always_valid(found, parameters.tau, parameters.alpha)
        valid = (low, high, p_value)
    power = None
    if parameters.target_lift is not None:
        power = power_at(found, parameters.target_lift * found.control, parameters.alpha)
    numbers = (found.n, found.control, found.value, found.difference, *found.limits, found.lift, *found.lift_limits)
    tested = (*together.limits, *together.lift_limits, found.statistic, found.df, found.p_value, adjusted)
    return [found.name, *numbers, *tested, *valid, smallest_difference(found, parameters.alpha), power]


def _described(arm: Arm) -> list[object]:
    n = len(arm.values)
    return [arm.name, arm.assigned, n, arm.assigned - n, arm.values.mean(), arm.values.std(ddof=1)]


def _evidence(
    experiment: Experiment, found: Contrast, adjusted: float, ratio: SampleRatio, parameters: AbTestParameters
) -> Evidence:
    control = experiment.arms[0]
    what = "rate" if experiment.binary else "mean"
    name = f"the {what} of {parameters.metric!r}"
    change = "higher" if found.difference > 0 else "lower"
    numbers = f"{name} in {found.name!r} ({found.value:.4g}) is {change} than in {control.name!r} ({found.control:.4g})"
    lift = f", a lift of {100 * found.lift:+.2f} %" if found.lift == found.lift else ""
    said = verdict(adjusted, parameters.alpha, f"T{numbers[1:]}{lift}", f"It is not shown that {numbers}{lift}")
    if ratio.p_value < RATIO_LEVEL:
        said = f"The assignment is broken, so nothing can be concluded. {said}"
    effect = Effect("difference", found.difference, *found.limits)
    n = sum(len(arm.values) for arm in experiment.arms)
    checks = _assumptions(experiment, ratio, parameters)
    return Evidence(found.statistic, adjusted, n, said, found.df, effect, checks)


def _assumptions(experiment: Experiment, ratio: SampleRatio, parameters: AbTestParameters) -> list[Assumption]:
    detail = f"Chi-squared test of the numbers assigned: p = {ratio.p_value:.3g}."
    listed = [Assumption("sample_ratio", ratio.p_value >= RATIO_LEVEL, detail), INDEPENDENT]
    if experiment.binary:
        least = min(min(arm.values.sum(), len(arm.values) - arm.values.sum()) for arm in experiment.arms)
        text = f"The smallest count of either value is {int(least)}; 5 are asked for the normal approximation."
        return [*listed, Assumption("counts", least >= EXPECTED_AT_LEAST, text)]
    least = min(len(arm.values) for arm in experiment.arms)
    text = f"The smallest group has {least} rows; means of {ROWS_AT_LEAST} are near enough to normal for most metrics."
    listed.append(Assumption("large_groups", least >= ROWS_AT_LEAST, text))
    if parameters.covariate is not None:
        listed.append(_balance(experiment, parameters))
    return listed


def _balance(experiment: Experiment, parameters: AbTestParameters) -> Assumption:
    before = [Arm(arm.name, arm.covariate, None, 0) for arm in experiment.arms if arm.covariate is not None]
    tested = [contrast_means(before[0], arm, parameters.alpha).p_value for arm in before[1:]]
    least = min(holm(tested))
    detail = f"The covariate must not depend on the group: smallest adjusted p of a difference {least:.3g}."
    return Assumption("covariate_before", least >= BALANCE_LEVEL, detail)


def _chart(contrasts: list[Contrast], parameters: AbTestParameters) -> Chart:
    rows = [
        {"term": found.name, "estimate": found.difference, "low": found.limits[0], "high": found.limits[1]}
        for found in contrasts
    ]
    which = f"{'Intervals' if len(contrasts) == 1 else 'Simultaneous intervals'} of level {1 - parameters.alpha:g}"
    note = f"{which}, in the unit of the metric."
    axis = f"Difference of {parameters.metric}"
    return charts.intervals(rows, f"{axis} from {parameters.control_text}", note, axis)


def _notices(experiment: Experiment, contrasts: list[Contrast], ratio: SampleRatio) -> list[Notice]:
    found = []
    if ratio.p_value < RATIO_LEVEL:
        text = "The groups have other sizes than intended, beyond chance. Find the cause before believing any number."
        found.append(Notice("sample_ratio_mismatch", text))
    if experiment.dropped:
        text = f"{experiment.dropped} rows of the groups lack the metric or the covariate, and were left out."
        found.append(Notice("rows_dropped", text))
    if any(contrast.lift_limits[0] != contrast.lift_limits[0] for contrast in contrasts):
        text = "A lift has no interval, since the control, or the count of a variant, cannot be told from zero."
        found.append(Notice("lift_undefined", text))
    if len(contrasts) > 1:
        text = "Simultaneous limits (Bonferroni) and adjusted p-values (Holm) hold for all variants at once"
        found.append(Notice("several_variants", f"{text}; the others, also those valid at any time, for one each."))
    return found
