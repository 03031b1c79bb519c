"""Models side by side: the same metrics of each, and whether they may be compared at all."""

from collections.abc import Iterable, Sequence

from ..repositories.model_versions import ModelVersion
from ..schemas.model_comparisons import SMALLER_IS_BETTER, ComparedMetric, ComparedModel, ComparisonModel
from ..schemas.models import MetricModel


def compare_models(found: Sequence[ModelVersion]) -> ComparisonModel:
    """All metrics that any of them has, those of the first model first."""
    same_problem = _is_one((one.problem, one.target) for one in found)
    same_data = _is_one(one.dataset_sha256 for one in found)
    names = dict.fromkeys(name for one in found for name in one.metrics)
    metrics = [_metric(name, found, may_rank=same_problem) for name in names]
    return ComparisonModel(
        models=[ComparedModel.model_validate(one) for one in found],
        same_problem=same_problem,
        same_data=same_data,
        same_features=_is_one(frozenset(one.features) for one in found),
        metrics=metrics,
        notes=_notes(metrics, same_problem=same_problem, same_data=same_data),
    )


def _is_one(values: Iterable[object]) -> bool:
    return len(set(values)) == 1


def _metric(name: str, found: Sequence[ModelVersion], *, may_rank: bool) -> ComparedMetric:
    values = [MetricModel.model_validate(one.metrics[name]) if name in one.metrics else None for one in found]
    sign = -1 if name in SMALLER_IS_BETTER else 1
    known = [place for place, value in enumerate(values) if value is not None and value.value is not None]
    best = None
    if may_rank and len(known) >= 2:
        best = max(known, key=lambda place: sign * _value(values[place]))
    others = [values[place] for place in known if place != best]
    return ComparedMetric(
        name=name,
        better="smaller" if sign < 0 else "larger",
        values=values,
        best=best,
        is_clear=best is not None and all(_apart(values[best], other) for other in others),
    )


def _value(metric: MetricModel | None) -> float:
    return 0.0 if metric is None or metric.value is None else metric.value


def _apart(one: MetricModel | None, other: MetricModel | None) -> bool:
    """Whether both have intervals, and these do not overlap."""
    ends = [end for metric in (one, other) if metric for end in (metric.ci_low, metric.ci_high) if end is not None]
    return len(ends) == 4 and (ends[0] > ends[3] or ends[2] > ends[1])


def _notes(metrics: Sequence[ComparedMetric], *, same_problem: bool, same_data: bool) -> list[str]:
    notes = []
    if not same_problem:
        notes.append("They answer different questions, so no best one is named.")
    if not same_data:
        notes.append("They have learnt from different data, so their metrics were not measured on the same rows.")
    unclear = [metric.name for metric in metrics if metric.best is not None and not metric.is_clear]
    if unclear:
        notes.append(f"The intervals of {', '.join(unclear)} overlap or are not known: the order may be chance.")
    return notes
