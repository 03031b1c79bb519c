"""Rows of the database as bodies of responses."""

from ..repositories.datasets import Dataset
from ..repositories.versions import Version
from ..schemas.datasets import DatasetModel, DatasetProblem, VersionModel


def dataset_body(dataset: Dataset) -> DatasetModel:
    """A dataset as JSON has it."""
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
        created_by=version.created_by,
        created_at=version.created_at,
        ready_at=version.ready_at,
    )
