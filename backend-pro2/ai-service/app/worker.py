"""The Celery worker of the AI service, and its beat: `celery -A ai-service.app.worker worker`."""

from shared.tasks.worker import create_worker

from .services.analysis_runs import PRELOAD, run_analysis, sweep
from .services.job_runs import PRELOAD as JOB_PRELOAD
from .services.job_runs import run_job
from .services.replays import run_replay
from .services.schedule_runs import LOOK_SECONDS, fire_due
from .services.task_retention import RETENTION_SECONDS, remove_old_tasks

app = create_worker(
    "ai-service",
    {"analysis": run_analysis, "replay": run_replay, "job": run_job},
    (*PRELOAD, *JOB_PRELOAD),
    {"scratch": (3600, sweep), "retention": (RETENTION_SECONDS, remove_old_tasks)},
    frequent={"schedules": (LOOK_SECONDS, fire_due)},
)
