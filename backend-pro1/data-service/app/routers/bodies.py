"""Rows of the database as bodies of responses."""

from datetime import timedelta

from ..repositories.datasets import Dataset
from ..repositories.versions import Version
from ..schemas.datasets import DatasetModel, DatasetProblem, ParentModel, VersionModel


def dataset_body(dataset: Dataset, trash_days: float | None = None) -> DatasetModel:
    """A dataset as JSON has it; `trash_days` tells when one in the trash will be purged."""
    purged = None if trash_days is None or dataset.deleted_at is None else timedelta(days=trash_days)
    problem = DatasetProblem(code=dataset.error_code, detail=dataset.error_detail or "") if dataset.error_code else None
    return DatasetModel(
        id=dataset.id,
        project_id=dataset.project_id,
        name=dataset.name,
        description=dataset.description,
        tags=dataset.tags,
        status=dataset.status,
        current_version=dataset.current_version,
        rows=dataset.row_count,
        columns=dataset.column_count,
        bytes=dataset.raw_bytes,
        task_id=dataset.task_id,
        error=problem,
        created_by=dataset.created_by,
        created_at=dataset.created_at,
        updated_at=dataset.updated_at,
        deleted_at=dataset.deleted_at,
        purge_at=dataset.deleted_at + purged if dataset.deleted_at and purged is not None else None,
    )


def version_body(version: Version) -> VersionModel:
    """A version as JSON has it."""
    return VersionModel(
        dataset_id=version.dataset_id,
        version=version.version,
        status=version.status,
        filename=version.filename,
        bytes=version.raw_bytes,
        sha256=version.raw_sha256,
        rows=version.row_count,
        columns=version.column_count,
        parquet_bytes=version.parquet_bytes,
        parquet_sha256=version.parquet_sha256,
        report=version.ingest_report,
        operation=version.operation,
        parents=[ParentModel.model_validate(parent) for parent in version.parents],
        task_id=version.task_id,
        quality=version.quality,
        blocked=version.blocked,
        created_by=version.created_by,
        created_at=version.created_at,
        ready_at=version.ready_at,
    )
