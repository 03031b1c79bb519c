"""A trained model becomes a version: numbered, signed and, if that was asked for and is deserved, the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.config import Settings
from shared.database import Session
from shared.errors import Conflict
from shared.ids import new_id
from shared.object_store import StoredObject
from shared.tasks import Task, TaskFailed

from ..repositories import model_aliases, model_versions, models
from ..repositories.model_aliases import Move
from ..repositories.model_versions import ModelVersion, NewVersion
from ..repositories.models import NamedModel, NewModel
from ..repositories.versions import DatasetVersion
from ..schemas.model_aliases import CHAMPION
from ..schemas.model_comparisons import SMALLER_IS_BETTER
from .model_signatures import ModelSigner
from .trainings import require_same


@dataclass(frozen=True, slots=True)
class Trained:
    """What training has made: the version learnt from, what is told of the model, the summary and the stored file."""

    data: DatasetVersion
    told: dict[str, Any]
    summary: dict[str, Any]
    file: StoredObject
    took_s: float


async def keep_version(session: Session, settings: Settings, task: Task, trained: Trained) -> dict[str, Any]:
    """Add the version in the transaction that ends the task; what the result's summary tells of it.

    Raises:
        TaskFailed: `model_mismatch`, meanwhile a model of this name predicts something else; `too_many_versions`.
    """
    model = await _numbered(session, task, trained)
    new = _version(model, settings, task, trained)
    await model_versions.insert(session, new)
    promotion = await _promote(session, task, new)
    facts = {"model_id": str(model.id), "name": model.name, "version": new.version, "took_s": trained.took_s}
    return facts | {"promotion": promotion}


async def _numbered(session: Session, task: Task, trained: Trained) -> NamedModel:
    problem, target = trained.told["problem"], trained.told["target"]
    asked = task.params
    content = (asked["name"], asked["description"], asked["tags"], problem, target, task.created_by)
    model = await models.next_number(session, NewModel(new_id(), task.project_id, *content))
    try:
        require_same(model, target, problem)
    except Conflict as error:
        raise TaskFailed(error.code, error.detail) from error
    return model


def _version(model: NamedModel, settings: Settings, task: Task, trained: Trained) -> NewVersion:
    told, summary, file = trained.told, trained.summary, trained.file
    return NewVersion(
        model_id=model.id,
        version=model.last_version,
        task_id=task.id,
        dataset_id=trained.data.dataset_id,
        dataset_version=int(trained.data.version or 0),
        dataset_sha256=str(trained.data.parquet_sha256),
        algorithm=told["algorithm"],
        metric=summary["metric"],
        score=summary["score"],
        ci_low=summary.get("ci_low"),
        ci_high=summary.get("ci_high"),
        row_count=told["rows"],
        features=[feature["name"] for feature in told["features"]],
        metrics=told["metrics"],
        details=told,
        key=file.key,
        bytes=file.bytes,
        sha256=file.sha256,
        signature=ModelSigner(settings).sign(task.project_id, model.id, model.last_version, file.sha256),
        created_by=task.created_by,
    )


async def _promote(session: Session, task: Task, new: NewVersion) -> dict[str, Any]:
    """Move the champion's alias as the task asks, noting why; whether it moved, and why or why not."""
    asked = task.params["promote"]
    if asked == "never":
        return {"asked": asked, "moved": False, "reason": "Nobody asked for it."}
    number = await model_aliases.points_to(session, new.model_id, CHAMPION)
    before = None if number is None else await model_versions.of_model(session, new.model_id, number)
    moved, reason = True, "Asked for whatever the score."
    if asked == "better":
        moved, reason = judged(before, new.metric, new.score, new.dataset_sha256)
    if moved:
        move = Move(
            new.model_id, CHAMPION, number, new.version, created_by=task.created_by, reason=reason, task_id=task.id
        )
        await model_aliases.move(session, move)
    return {"asked": asked, "moved": moved, "reason": reason}


def judged(champion: ModelVersion | None, metric: str, score: float | None, data: str) -> tuple[bool, str]:
    """Whether a new version that scores so, on data of this hash, is better; and the figures that say so."""
    if champion is None:
        return True, "There was no champion."
    if champion.metric != metric or champion.score is None or score is None:
        return False, f"The champion is measured by {champion.metric}, this by {metric}; they cannot be compared."
    sign = -1 if metric in SMALLER_IS_BETTER else 1
    kind = "the same data" if champion.dataset_sha256 == data else "other data"
    figures = f"{metric} {score:.6g} against {champion.score:.6g} of version {champion.version}, on {kind}."
    return sign * score > sign * champion.score, figures
