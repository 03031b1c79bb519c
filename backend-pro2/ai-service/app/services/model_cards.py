"""Model cards: what anybody should know who uses a model, as JSON and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..repositories.model_versions import ModelVersion
from ..repositories.models import Model
from ..schemas.models import CardModel

# Names of columns and what people wrote must not become markup or break a table's row.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def card_of(model: Model, found: ModelVersion) -> CardModel:
    """The card of a version, with what people wrote of its model."""
    told = found.details
    card = told["card"]
    return CardModel.model_validate(
        {
            "model_id": found.model_id,
            "name": model.name,
            "version": found.version,
            "description": model.description,
            "notes": model.notes,
            "tags": model.tags,
            "problem": found.problem,
            "target": found.target,
            "algorithm": found.algorithm,
            "dataset_id": found.dataset_id,
            "dataset_version": found.dataset_version,
            "trained_at": found.created_at,
            "data": card["data"],
            "metrics": found.metrics,
            "baseline": told["baseline"],
            "intervals": card.get("intervals", ""),
            "calibration": card["calibration"],
            "conformal": card.get("conformal"),
            "subgroups": card["subgroups"],
            "limits": card["limits"],
        }
    )


def markdown_of(card: CardModel) -> str:
    """The card as Markdown; everything that people or data supplied is escaped."""
    parts = [_head(card), _metrics(card), _members("Data", card.data)]
    if card.calibration:
        parts.append(_members("Calibration", card.calibration))
    if card.conformal:
        parts.append(_members("Intervals and sets of predictions", card.conformal))
    if card.subgroups:
        parts.append(f"## Subgroups\n\n{_table(card.subgroups)}")
    limits = "\n".join(f"- {_escaped(limit)}" for limit in card.limits)
    return "\n\n".join([*parts, f"## Limits\n\n{limits}"]) + "\n"


def _head(card: CardModel) -> str:
    lines = [f"# {_escaped(card.name)}, version {card.version}", ""]
    lines += [f"{_escaped(text)}\n" for text in (card.description, card.notes) if text]
    facts = {
        "Problem": card.problem,
        "Target": card.target,
        "Algorithm": card.algorithm,
        "Dataset": f"{card.dataset_id}, version {card.dataset_version}",
        "Trained": card.trained_at.isoformat(),
        "Tags": ", ".join(card.tags),
    }
    return "\n".join([*lines, *(f"- {name}: {_escaped(value)}" for name, value in facts.items() if value)])


def _metrics(card: CardModel) -> str:
    rows = [
        {
            "metric": name,
            "value": metric.value,
            "ci_low": metric.ci_low,
            "ci_high": metric.ci_high,
            "baseline": card.baseline[name].value if name in card.baseline else None,
        }
        for name, metric in card.metrics.items()
    ]
    note = f"\n\n{_escaped(card.intervals)}" if card.intervals else ""
    return f"## Metrics\n\n{_table(rows)}{note}"


def _members(title: str, members: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in members.items() if not _is_table(value)}
    parts = [f"## {title}", "\n".join(f"- {_escaped(name)}: {_shown(value)}" for name, value in plain.items())]
    parts += [f"{_escaped(name)}:\n\n{_table(value)}" for name, value in members.items() if _is_table(value)]
    return "\n\n".join(part for part in parts if part)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0]) if rows else []
    return "\n".join(_lines(names, rows))


def _lines(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"| {' | '.join(_escaped(name) for name in names)} |"
    yield f"|{' --- |' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(_shown(row.get(name)) for name in names)} |"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_escaped(name)} {_shown(item)}" for name, item in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value) or "-"
    return _escaped(value)


def _escaped(value: object) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(str(value).split()))
