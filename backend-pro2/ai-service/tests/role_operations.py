"""Who may do what: a line for each operation of the AI service. A new operation needs one; a test says so.

Capital names in paths and bodies stand for what a World makes.
"""

from dataclasses import dataclass
from typing import Any

ANYBODY, READ, CHANGE, OWN = "anybody", "read", "change", "own"
ORDER = {"project_id": "PROJECT", "dataset_id": "DATASET", "type": "describe", "params": {}}
ACTION = {"kind": "analysis", "dataset_id": "DATASET", "type": "describe", "params": {}}
SCHEDULE = {"project_id": "PROJECT", "name": "FRESH", "cron": "0 6 * * *", "action": ACTION}
JOB = {"project_id": "PROJECT", "dataset_id": "DATASET", "job": "partitioned-profile"}
TRAINING = {"project_id": "PROJECT", "dataset_id": "DATASET", "target": "x", "name": "FRESH"}
QUESTION = {"project_id": "PROJECT", "dataset_ids": ["DATASET"], "question": "How many?"}
ABOUT = {"project_id": "PROJECT", "dataset_id": "DATASET"}
RESULT = {"project_id": "PROJECT", "task_id": "TASK"}
TERM = {"project_id": "PROJECT", "name": "FRESH", "definition": "What it means."}
VERIFIED = {"project_id": "PROJECT", "question": "FRESH", "sql": "SELECT 1 AS one", "dataset_ids": ["DATASET"]}
SHORT = {name: value for name, value in ORDER.items() if name != "type"}


@dataclass(frozen=True, slots=True)
class Operation:
    """A request of one operation. `ok` is what a member gets who may do it; `task` says which state it needs."""

    kind: str
    method: str
    path: str
    ok: int
    body: dict[str, Any] | None = None
    task: str = "queued"


OPERATIONS = {
    "analysis_types": Operation(ANYBODY, "GET", "/analysis/types", 200),
    "analysis_submit": Operation(CHANGE, "POST", "/analysis", 202, ORDER),
    "analysis_submit_type": Operation(CHANGE, "POST", "/analysis/describe", 202, SHORT),
    "analysis_certify": Operation(CHANGE, "POST", "/analysis/certify", 202, {"project_id": "PROJECT"}),
    "analysis_list": Operation(ANYBODY, "GET", "/analysis", 200),
    "analysis_hypotheses": Operation(ANYBODY, "GET", "/analysis/hypotheses", 200),
    "analysis_llm_policy_read": Operation(READ, "GET", "/analysis/llm/policy?project_id=PROJECT", 200),
    "analysis_llm_policy_set": Operation(
        OWN, "PUT", "/analysis/llm/policy?project_id=PROJECT", 200, {"level": "schema"}
    ),
    "analysis_read": Operation(READ, "GET", "/analysis/TASK", 200),
    "analysis_delete": Operation(CHANGE, "DELETE", "/analysis/TASK", 204, task="failed"),
    "analysis_result": Operation(READ, "GET", "/analysis/TASK/result", 409),
    "analysis_artifact": Operation(READ, "GET", "/analysis/TASK/artifacts/x", 409),
    "analysis_chart": Operation(READ, "GET", "/analysis/TASK/charts/0", 409),
    "analysis_report": Operation(READ, "GET", "/analysis/TASK/report", 409),
    "analysis_cancel": Operation(CHANGE, "POST", "/analysis/TASK/cancel", 200),
    "analysis_retry": Operation(CHANGE, "POST", "/analysis/TASK/retry", 202, task="failed"),
    "analysis_replay": Operation(CHANGE, "POST", "/analysis/TASK/replay", 409),
    "analysis_events": Operation(READ, "GET", "/analysis/TASK/events", 200, task="failed"),
    # Without an LLM nobody is asked who they are to the project; with one, test_ask_streaming.py and
    # test_insight_orders.py tell.
    "analysis_ask": Operation(ANYBODY, "POST", "/analysis/ask", 503, QUESTION),
    "analysis_insights": Operation(ANYBODY, "POST", "/analysis/insights", 503, ABOUT),
    "analysis_explain": Operation(ANYBODY, "POST", "/analysis/explain", 503, RESULT),
    "analysis_describe_columns": Operation(ANYBODY, "POST", "/analysis/describe-columns", 503, ABOUT),
    "analysis_ask_stream": Operation(ANYBODY, "POST", "/analysis/ask/stream", 503, QUESTION),
    "analysis_ask_follow": Operation(READ, "GET", "/analysis/ask/TURN/stream", 200),
    "analysis_ask_suggestions": Operation(READ, "GET", "/analysis/ask/suggestions?project_id=PROJECT", 200),
    "analysis_ask_feedback": Operation(CHANGE, "POST", "/analysis/ask/TURN/feedback", 200, {"rating": "up"}),
    "conversations_list": Operation(ANYBODY, "GET", "/analysis/conversations", 200),
    "conversations_read": Operation(READ, "GET", "/analysis/conversations/CONVERSATION", 200),
    "conversations_change": Operation(CHANGE, "PATCH", "/analysis/conversations/CONVERSATION", 200, {"title": "FRESH"}),
    "conversations_delete": Operation(CHANGE, "DELETE", "/analysis/conversations/CONVERSATION", 204),
    "verified_queries_list": Operation(ANYBODY, "GET", "/analysis/verified-queries", 200),
    "verified_queries_create": Operation(CHANGE, "POST", "/analysis/verified-queries", 201, VERIFIED),
    "verified_queries_read": Operation(READ, "GET", "/analysis/verified-queries/QUERY", 200),
    "verified_queries_delete": Operation(CHANGE, "DELETE", "/analysis/verified-queries/QUERY", 204),
    "glossary_list": Operation(ANYBODY, "GET", "/analysis/glossary", 200),
    "glossary_create": Operation(CHANGE, "POST", "/analysis/glossary", 201, TERM),
    "glossary_read": Operation(READ, "GET", "/analysis/glossary/TERM", 200),
    "glossary_change": Operation(CHANGE, "PATCH", "/analysis/glossary/TERM", 200, {"name": "FRESH"}),
    "glossary_delete": Operation(CHANGE, "DELETE", "/analysis/glossary/TERM", 204),
    "models_algorithms": Operation(ANYBODY, "GET", "/models/algorithms", 200),
    "models_train": Operation(CHANGE, "POST", "/models/train", 202, TRAINING),
    "models_list": Operation(ANYBODY, "GET", "/models", 200),
    "models_compare": Operation(READ, "GET", "/models/compare?ids=MODEL@1,MODEL@2", 200),
    "models_read": Operation(READ, "GET", "/models/MODEL", 200),
    "models_change": Operation(CHANGE, "PATCH", "/models/MODEL", 200, {"notes": "FRESH"}),
    "models_delete": Operation(CHANGE, "DELETE", "/models/MODEL?force=true", 204),
    "models_versions": Operation(READ, "GET", "/models/MODEL/versions", 200),
    "models_version": Operation(READ, "GET", "/models/MODEL/versions/1", 200),
    "models_version_delete": Operation(CHANGE, "DELETE", "/models/MODEL/versions/2", 204),
    "models_card": Operation(READ, "GET", "/models/MODEL/card", 200),
    "models_leaderboard": Operation(READ, "GET", "/models/MODEL/leaderboard", 200),
    "models_importance": Operation(READ, "GET", "/models/MODEL/importance", 200),
    "models_export": Operation(READ, "GET", "/models/MODEL/export", 200),
    "models_aliases": Operation(READ, "GET", "/models/MODEL/aliases", 200),
    "models_alias_put": Operation(CHANGE, "PUT", "/models/MODEL/aliases/next", 200, {"version": 2}),
    "models_alias_delete": Operation(CHANGE, "DELETE", "/models/MODEL/aliases/champion", 204),
    "models_alias_history": Operation(READ, "GET", "/models/MODEL/aliases/champion/history", 200),
    "models_predict": Operation(READ, "POST", "/models/MODEL/predict", 409, {"rows": [{}]}),
    "models_explain": Operation(READ, "POST", "/models/MODEL/explain", 409, {"rows": [{}]}),
    "models_what_if": Operation(READ, "POST", "/models/MODEL/what-if", 409, {"row": {}, "changes": [{}]}),
    "models_predict_batch": Operation(CHANGE, "POST", "/models/MODEL/predict/batch", 202, {"dataset_id": "DATASET"}),
    "models_evaluate": Operation(CHANGE, "POST", "/models/MODEL/evaluate", 202, {"dataset_id": "DATASET"}),
    "models_monitor": Operation(CHANGE, "POST", "/models/MODEL/monitor", 202, {"dataset_id": "DATASET"}),
    "models_evaluations": Operation(READ, "GET", "/models/MODEL/evaluations", 200),
    "schedules_list": Operation(ANYBODY, "GET", "/tasks/schedules", 200),
    "schedules_create": Operation(CHANGE, "POST", "/tasks/schedules", 201, SCHEDULE),
    "schedules_read": Operation(READ, "GET", "/tasks/schedules/SCHEDULE", 200),
    "schedules_change": Operation(CHANGE, "PATCH", "/tasks/schedules/SCHEDULE", 200, {"name": "FRESH"}),
    "schedules_delete": Operation(CHANGE, "DELETE", "/tasks/schedules/SCHEDULE", 204),
    "schedules_runs": Operation(READ, "GET", "/tasks/schedules/SCHEDULE/runs", 200),
    "schedules_run": Operation(CHANGE, "POST", "/tasks/schedules/SCHEDULE/run", 202),
    "tasks_list": Operation(ANYBODY, "GET", "/tasks", 200),
    "tasks_queues": Operation(ANYBODY, "GET", "/tasks/queues", 200),
    "tasks_cluster": Operation(ANYBODY, "GET", "/tasks/cluster", 503),
    "tasks_jobs": Operation(ANYBODY, "GET", "/tasks/jobs", 200),
    "tasks_submit": Operation(CHANGE, "POST", "/tasks", 202, JOB),
    "tasks_workers": Operation(ANYBODY, "GET", "/tasks/workers", 200),
    "tasks_stats": Operation(ANYBODY, "GET", "/tasks/stats", 200),
    "tasks_dead_letter": Operation(ANYBODY, "GET", "/tasks/dead-letter", 200),
    "tasks_read": Operation(READ, "GET", "/tasks/TASK", 200),
    "tasks_cancel": Operation(CHANGE, "POST", "/tasks/TASK/cancel", 200),
    "tasks_retry": Operation(CHANGE, "POST", "/tasks/TASK/retry", 202, task="failed"),
    "tasks_logs": Operation(READ, "GET", "/tasks/TASK/logs", 200),
    "tasks_attempts": Operation(READ, "GET", "/tasks/TASK/attempts", 200),
    "tasks_events": Operation(READ, "GET", "/tasks/TASK/events", 200, task="failed"),
    "tasks_result": Operation(READ, "GET", "/tasks/TASK/result", 409),
}
