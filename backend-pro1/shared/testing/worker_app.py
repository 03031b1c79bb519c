"""A Celery worker for tests: `celery -A shared.testing.worker_app worker`, with the handlers of this package."""

from shared.tasks.worker import create_worker
from shared.testing.handlers import HANDLERS

app = create_worker("test-service", HANDLERS, ("shared.testing.jobs",), slots={"test": 2})
