"""Uploads, and the datasets they become, as bodies of responses."""

from typing import Any

from fastapi import Response

from shared.links import public_path
from shared.tasks.answers import accepted

from ..repositories.uploads import Part
from ..schemas.datasets import DatasetModel
from ..schemas.upload_sessions import PartModel, PartUrl, PresignedModel, UploadModel
from ..services.submissions import Submission
from ..services.upload_states import UploadState
from .bodies import dataset_body

FINISHED: dict[int | str, dict[str, Any]] = {
    200: {"model": DatasetModel, "description": "`wait` was given, and the file has been read."}
}


def accepted_dataset(prefix: str, submission: Submission) -> Response:
    """A dataset whose task is under way, or has ended already."""
    place = public_path(prefix, f"/manage/datasets/{submission.dataset.id}")
    return accepted(dataset_body(submission.dataset), place, is_finished=submission.is_finished)


def part_body(part: Part) -> PartModel:
    """A part as JSON has it."""
    return PartModel(number=part.number, bytes=part.bytes, sha256=part.sha256)


def upload_body(state: UploadState) -> UploadModel:
    """An upload as JSON has it."""
    return UploadModel.model_validate(_members(state))


def presigned_body(state: UploadState) -> PresignedModel:
    """The same with the URLs of its parts."""
    urls = [
        PartUrl(number=number, bytes=state.upload.bytes_of(number), url=url)
        for number, url in (state.urls or {}).items()
    ]
    return PresignedModel.model_validate({**_members(state), "urls": urls})


def _members(state: UploadState) -> dict[str, object]:
    upload = state.upload
    return {
        "id": upload.id,
        "kind": upload.kind,
        "status": state.status,
        "project_id": upload.project_id,
        "dataset_id": upload.dataset_id or upload.fields.get("dataset_id"),
        "filename": upload.filename,
        "bytes": upload.bytes,
        "sha256": upload.sha256,
        "part_size": upload.part_size,
        "parts_total": upload.parts_total,
        "parts": [part_body(part) for part in state.parts],
        "missing": state.missing,
        "created_at": upload.created_at,
        "updated_at": upload.updated_at,
        "expires_at": upload.expires_at,
    }
