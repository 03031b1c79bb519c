"""Tasks of kind `analysis`, as the analysis routes list them."""

from uuid import UUID

from shared.database import Session
from shared.tasks import Task

from ..schemas.analyses import AnalysisFilter

KIND = "analysis"
REPLAY = "replay"
JOB = "job"
CERTIFICATION = "certify"
TRAIN = "train"
PREDICTION = "prediction"
EVALUATION = "evaluation"
MONITORING = "monitoring"
ASK = "ask"
INSIGHTS = "insights"
EXPLAIN = "explain"
DESCRIBE = "describe"
# All of them leave a result document.
KINDS = (
    *(KIND, REPLAY, JOB, CERTIFICATION, TRAIN, PREDICTION, EVALUATION, MONITORING),
    *(ASK, INSIGHTS, EXPLAIN, DESCRIBE),
)

_PAGE = """
SELECT t.id, t.kind, t.queue, t.status, t.priority, t.project_id, t.dataset_id, t.version, t.params, t.attempts,
       t.max_attempts, t.claims, t.waiting_for, t.not_before, t.deadline, t.worker, t.lease_until, t.cancel_requested,
       t.progress_done, t.progress_total, t.progress_message, t.error_code, t.error_detail, t.request_id, t.schedule_id,
       t.created_by, t.created_at, t.started_at, t.finished_at
FROM analysis_tasks t
JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $1
WHERE t.kind = 'analysis'
  AND ($2::uuid IS NULL OR t.project_id = $2)
  AND ($3::uuid IS NULL OR t.dataset_id = $3)
  AND ($4::text IS NULL OR t.params ->> 'type' = $4)
  AND ($5::text IS NULL OR t.status = $5)
  AND ($6::uuid IS NULL OR t.id < $6)
ORDER BY t.id DESC
LIMIT $7
"""


async def page(
    session: Session, user_id: UUID, wanted: AnalysisFilter, *, before: UUID | None, limit: int
) -> list[Task]:
    """The user's analyses, newest first, older than `before`."""
    chosen = (wanted.project_id, wanted.dataset_id, wanted.type, wanted.status)
    return await session.fetch_all(Task, _PAGE, user_id, *chosen, before, limit)
