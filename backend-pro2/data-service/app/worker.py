"""The Celery worker of the data service: `celery -A data-service.app.worker worker`."""

from shared.tasks import Handler, TaskHandler
from shared.tasks.worker import create_worker

from .services.engine import PRELOAD
from .services.garbage import collect_garbage
from .services.ingests import Ingest
from .services.prediction_datasets import begin_prediction_dataset
from .services.process_tasks import Process
from .services.query_tasks import SWEEP_SECONDS as EXPIRY_SECONDS
from .services.query_tasks import remove_expired, run_query
from .services.removals import remove_project
from .services.retention import EXPIRE_SECONDS, expire_versions
from .services.scheduled_pipelines import trigger_pipeline
from .services.sweeps import SWEEP_SECONDS, sweep
from .services.task_retention import RETENTION_SECONDS, remove_old_tasks
from .services.trash import PURGE_SECONDS, purge_trash
from .services.upload_removals import SWEEP_SECONDS as UPLOADS_SECONDS
from .services.upload_removals import remove_over

HANDLERS: dict[str, Handler | TaskHandler] = {
    "ingest": Ingest(),
    "project_removal": remove_project,
    "garbage_collection": collect_garbage,
    "query": run_query,
    "process": Process(),
    "pipeline_trigger": trigger_pipeline,
    "prediction_dataset": begin_prediction_dataset,
}
CHORES = {
    "orphans": (SWEEP_SECONDS, sweep),
    "uploads": (UPLOADS_SECONDS, remove_over),
    "trash": (PURGE_SECONDS, purge_trash),
    "retention": (EXPIRE_SECONDS, expire_versions),
    "query_results": (EXPIRY_SECONDS, remove_expired),
    "task_retention": (RETENTION_SECONDS, remove_old_tasks),
}

app = create_worker("data-service", HANDLERS, PRELOAD, CHORES)
