"""The rows of an experiment: metric and covariate by group, and whether the assignment went as intended."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from shared.compute import ComputeError

from ..schemas.ab_test_parameters import GROUPS_AT_MOST, AbTestParameters
from ..schemas.columns import NUMERIC
from .frames import refuse_extreme
from .levels import Levels, read_levels
from .samples import Sample
from .source import FloatArray, Source

LEVELS_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Arm:
    """A group: its values, those of the covariate beside them, and how many rows were assigned to it."""

    name: str
    values: FloatArray
    covariate: FloatArray | None
    assigned: int

    @property
    def sample(self) -> Sample:
        """The values under the group's name."""
        return Sample(self.name, self.values)


@dataclass(frozen=True, slots=True)
class Experiment:
    """The control first, then the variants."""

    arms: list[Arm]
    binary: bool
    dropped: int


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Pearson's chi-squared test of the numbers assigned against those intended."""

    statistic: float
    df: int
    p_value: float
    assigned: dict[str, int]
    expected: dict[str, float]


def read_experiment(source: Source, parameters: AbTestParameters) -> Experiment:
    """Rows of the control and the variants; those without metric or covariate count as assigned only.

    Raises:
        ComputeError: `wrong_groups`, `too_many_levels`, `too_few_rows`, `invalid_value`, `out_of_range`.
    """
    levels = read_levels(source, parameters.group, LEVELS_AT_MOST)
    chosen = _chosen(levels, parameters)
    values, binary = _metric(source, parameters)
    before = None if parameters.covariate is None else _finite(source.numbers(parameters.covariate))
    used = ~np.isnan(values) if before is None else ~np.isnan(values) & ~np.isnan(before)
    arms = []
    for position in chosen:
        assigned = levels.codes == position
        kept = assigned & used
        covariate = None if before is None else before[kept]
        arms.append(Arm(levels.names[position], values[kept], covariate, int(assigned.sum())))
    for arm in arms:
        _check(arm, parameters)
    dropped = sum(arm.assigned - len(arm.values) for arm in arms)
    return Experiment(arms, binary and before is None, dropped)


def _chosen(levels: Levels, parameters: AbTestParameters) -> list[int]:
    control = levels.position(parameters.control_text)
    named = [levels.position(name) for name in parameters.variant_texts]
    variants = named or [position for position in range(len(levels.names)) if position != control]
    if not variants:
        detail = f"Column {parameters.group!r} has the single value {parameters.control_text!r}"
        raise ComputeError("wrong_groups", f"{detail}; an experiment needs a variant too.")
    if len(variants) >= GROUPS_AT_MOST:
        detail = f"Column {parameters.group!r} has {len(levels.names)} different values; at most {GROUPS_AT_MOST}"
        raise ComputeError("too_many_levels", f"{detail} groups are compared. Name those that matter in `variants`.")
    return [control, *variants]


def _metric(source: Source, parameters: AbTestParameters) -> tuple[FloatArray, bool]:
    if source.types[parameters.metric] not in NUMERIC or parameters.success is not None:
        return _hits(source, parameters), True
    values = _finite(source.numbers(parameters.metric))
    there = values[~np.isnan(values)]
    fits = bool(np.isin(there, (0.0, 1.0)).all())
    if parameters.kind == "binary" and not fits:
        detail = f"Column {parameters.metric!r} holds other values than 0 and 1"
        raise ComputeError("invalid_value", f"{detail}. Say in `success` which one counts, or choose continuous.")
    return values, fits and parameters.kind != "continuous"


def _hits(source: Source, parameters: AbTestParameters) -> FloatArray:
    levels = read_levels(source, parameters.metric, LEVELS_AT_MOST)
    if not levels.names:
        return np.full(len(levels.codes), np.nan)
    if len(levels.names) == 1 and parameters.success is None:
        detail = (
            f"Column {parameters.metric!r} has the single value {levels.names[0]!r}, so there is nothing to compare."
        )
        raise ComputeError("constant_column", detail)
    position = levels.position(parameters.success_text)
    return np.where(levels.codes < 0, np.nan, levels.codes == position)


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, np.nan)


def _check(arm: Arm, parameters: AbTestParameters) -> None:
    if len(arm.values) < 2:
        detail = f"Group {arm.name!r} has {len(arm.values)} complete rows of {arm.assigned}; two are needed."
        raise ComputeError("too_few_rows", detail)
    refuse_extreme(parameters.metric, arm.values)
    if arm.covariate is not None:
        refuse_extreme(str(parameters.covariate), arm.covariate)


def without_covariate(arms: list[Arm]) -> tuple[list[Arm], float, float]:
    """CUPED (Deng, Xu, Kohavi and Walker 2013): the metric less theta times the covariate's distance from its mean.

    Theta is the regression within groups. Also theta, and the share of the variance within groups that it takes out.

    Raises:
        ComputeError: `constant_column`.
    """
    covariates = [arm.covariate for arm in arms if arm.covariate is not None]
    grand = math.fsum(math.fsum(part) for part in covariates) / sum(len(part) for part in covariates)
    x = np.concatenate([part - part.mean() for part in covariates])
    y = np.concatenate([arm.values - arm.values.mean() for arm in arms])
    spread = float(x @ x)
    if spread == 0:
        raise ComputeError("constant_column", "The covariate is constant within each group, so it explains nothing.")
    theta = float(x @ y) / spread
    adjusted = [
        Arm(arm.name, arm.values - theta * (part - grand), part, arm.assigned)
        for arm, part in zip(arms, covariates, strict=True)
    ]
    total = float(y @ y)
    return adjusted, theta, theta * float(x @ y) / total if total else math.nan


def sample_ratio(arms: list[Arm], parameters: AbTestParameters) -> SampleRatio:
    """Whether as many rows were assigned to each group as intended.

    Raises:
        ComputeError: `wrong_groups` if the split does not name exactly the groups compared.
    """
    names = [arm.name for arm in arms]
    weights = parameters.split or dict.fromkeys(names, 1.0)
    if set(weights) != set(names):
        detail = f"`split` must have a weight for each of {', '.join(names)}, and for nothing else"
        raise ComputeError("wrong_groups", f"{detail}.")
    assigned = np.array([arm.assigned for arm in arms])
    shares = np.array([weights[name] for name in names])
    expected = assigned.sum() * shares / shares.sum()
    statistic, p_value = stats.chisquare(assigned, expected)
    pairs = (dict(zip(names, counts.tolist(), strict=True)) for counts in (assigned, expected))
    return SampleRatio(float(statistic), len(arms) - 1, float(p_value), *pairs)
