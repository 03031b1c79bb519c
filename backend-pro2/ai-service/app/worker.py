"""The Celery worker of the AI service, and its beat: `celery -A ai-service.app.worker worker`."""

from shared.tasks.worker import create_worker

from .services.analysis_runs import PRELOAD, run_analysis, sweep
from .services.ask_execution import PRELOAD as ASK_PRELOAD
from .services.ask_runs import run_ask
from .services.certifications import PRELOAD as CERTIFICATION_PRELOAD
from .services.certifications import run_certification
from .services.description_runs import run_description
from .services.explanation_runs import run_explanation
from .services.insight_runs import run_insights
from .services.job_runs import PRELOAD as JOB_PRELOAD
from .services.job_runs import run_job
from .services.llm_ledger import EGRESS_SECONDS, LOST_SECONDS, forget_old_calls, settle_lost_calls
from .services.model_runs import PRELOAD as MODEL_PRELOAD
from .services.model_runs import run_evaluation
from .services.model_signature_upkeep import RESIGN_SECONDS, sign_anew
from .services.prediction_runs import run_prediction
from .services.replays import run_replay
from .services.schedule_runs import LOOK_SECONDS, fire_due
from .services.task_retention import RETENTION_SECONDS, remove_old_tasks
from .services.train_runs import PRELOAD as TRAIN_PRELOAD
from .services.train_runs import run_training

app = create_worker(
    "ai-service",
    {
        "analysis": run_analysis,
        "replay": run_replay,
        "certify": run_certification,
        "job": run_job,
        "train": run_training,
        "prediction": run_prediction,
        "evaluation": run_evaluation,
        "monitoring": run_evaluation,
        "ask": run_ask,
        "insights": run_insights,
        "explain": run_explanation,
        "describe": run_description,
    },
    (*PRELOAD, *CERTIFICATION_PRELOAD, *JOB_PRELOAD, *TRAIN_PRELOAD, *MODEL_PRELOAD, *ASK_PRELOAD),
    {
        "scratch": (3600, sweep),
        "retention": (RETENTION_SECONDS, remove_old_tasks),
        "llm_lost": (LOST_SECONDS, settle_lost_calls),
        "llm_egress": (EGRESS_SECONDS, forget_old_calls),
        "model_signatures": (RESIGN_SECONDS, sign_anew),
    },
    frequent={"schedules": (LOOK_SECONDS, fire_due)},
)
