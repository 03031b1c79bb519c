"""The Celery worker of the AI service, and its beat: `celery -A ai-service.app.worker worker`."""

from shared.tasks.worker import create_worker

from .services.analysis_runs import PRELOAD, run_analysis, sweep

app = create_worker("ai-service", {"analysis": run_analysis}, PRELOAD, {"scratch": (3600, sweep)})
