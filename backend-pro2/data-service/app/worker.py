"""The Celery worker of the data service: `celery -A data-service.app.worker worker -Q data`."""

from shared.tasks.worker import create_worker

from .services.engine import PRELOAD
from .services.ingests import Ingest
from .services.sweeps import SWEEP_SECONDS, sweep

app = create_worker("data-service", "data", {"ingest": Ingest()}, PRELOAD, {"orphans": (SWEEP_SECONDS, sweep)})
