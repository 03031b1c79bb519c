"""The Celery worker of the data service: `celery -A data-service.app.worker worker -Q data`."""

from shared.tasks import Handler, TaskHandler
from shared.tasks.worker import create_worker

from .services.engine import PRELOAD
from .services.ingests import Ingest
from .services.removals import remove_project
from .services.sweeps import SWEEP_SECONDS, sweep

HANDLERS: dict[str, Handler | TaskHandler] = {"ingest": Ingest(), "project_removal": remove_project}

app = create_worker("data-service", "data", HANDLERS, PRELOAD, {"orphans": (SWEEP_SECONDS, sweep)})
