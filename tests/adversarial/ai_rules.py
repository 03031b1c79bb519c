"""The rules of the AI service's operations; see rules.py."""

from .rule import Least, Rule

USER, SELF, VIEWER, EDITOR, OWNER = Least.USER, Least.SELF, Least.VIEWER, Least.EDITOR, Least.OWNER
ORDER = {"project_id": "{project_id}", "dataset_id": "{dataset_id}", "params": {"columns": ["a"]}}
ACTION = {"kind": "analysis", "dataset_id": "{dataset_id}", "type": "describe", "params": {}}
LEARN = {"target": "a", "features": ["b"], "problem": "regression", "algorithm": "linear", "budget_seconds": 5}
TRAINING = {"project_id": "{project_id}", "dataset_id": "{dataset_id}", **LEARN, "name": "{fresh_name}"}
PAIR = "?ids={model_id},{model_id}@latest"
FIRST = {"version": "1"}
NEXT, MOVED = {"alias": "next"}, {"alias": "{model_alias}"}
SCHEDULE = {"project_id": "{project_id}", "name": "{fresh_name}", "cron": "0 0 29 2 *", "action": ACTION}
ARTIFACT = {"name": "{artifact}"}
ASKED = {"task_id": "{question_task_id}"}
QUESTION = {"project_id": "{project_id}", "dataset_ids": ["{dataset_id}"], "question": "How many rows?"}
ABOUT = {"project_id": "{project_id}", "dataset_id": "{dataset_id}"}
RESULT = {"project_id": "{project_id}", "task_id": "{task_id}"}
TERM = {"project_id": "{project_id}", "name": "{fresh_name}", "definition": "What it means."}
VERIFIED = {
    "project_id": "{project_id}",
    "question": "{fresh_name}",
    "sql": "SELECT count(*) FROM secret",
    "dataset_ids": ["{dataset_id}"],
}

AI_RULES: dict[str, Rule] = {
    "analysis_types": Rule(USER, "analysis:read"),
    "analysis_list": Rule(USER, "analysis:read"),
    "analysis_hypotheses": Rule(USER, "analysis:read"),
    "analysis_submit": Rule(EDITOR, "analysis:write", {**ORDER, "type": "describe"}),
    "analysis_submit_type": Rule(EDITOR, "analysis:write", ORDER, {"type": "describe"}),
    "analysis_certify": Rule(EDITOR, "analysis:write", {"project_id": "{project_id}"}),
    "analysis_llm_policy_read": Rule(VIEWER, "analysis:read", query="?project_id={project_id}"),
    "analysis_llm_policy_set": Rule(OWNER, "analysis:write", {"level": "schema"}, query="?project_id={project_id}"),
    "analysis_read": Rule(VIEWER, "analysis:read"),
    "analysis_delete": Rule(EDITOR, "analysis:write", spends=True),
    "analysis_result": Rule(VIEWER, "analysis:read"),
    "analysis_artifact": Rule(VIEWER, "analysis:read", path=ARTIFACT),
    "analysis_chart": Rule(VIEWER, "analysis:read", path={"number": "0"}),
    "analysis_report": Rule(VIEWER, "analysis:read"),
    "analysis_cancel": Rule(EDITOR, "analysis:write"),
    "analysis_retry": Rule(EDITOR, "analysis:write", path={"task_id": "{failed_task_id}"}),
    "analysis_replay": Rule(EDITOR, "analysis:write"),
    "analysis_events": Rule(VIEWER, "analysis:read"),
    "analysis_ask": Rule(EDITOR, "analysis:write", QUESTION),
    "analysis_insights": Rule(EDITOR, "analysis:write", ABOUT),
    "analysis_explain": Rule(EDITOR, "analysis:write", RESULT),
    "analysis_describe_columns": Rule(EDITOR, "analysis:write", ABOUT),
    "analysis_ask_stream": Rule(EDITOR, "analysis:write", QUESTION),
    "analysis_ask_follow": Rule(VIEWER, "analysis:read", path=ASKED),
    "analysis_ask_suggestions": Rule(VIEWER, "analysis:read", query="?project_id={project_id}"),
    "analysis_ask_feedback": Rule(SELF, "analysis:write", {"rating": "up"}, ASKED),
    "conversations_list": Rule(USER, "analysis:read"),
    "conversations_read": Rule(SELF, "analysis:read"),
    "conversations_change": Rule(SELF, "analysis:write", {"title": "Changed."}),
    "conversations_delete": Rule(SELF, "analysis:write", spends=True),
    "verified_queries_list": Rule(USER, "analysis:read"),
    "verified_queries_create": Rule(EDITOR, "analysis:write", VERIFIED),
    "verified_queries_read": Rule(VIEWER, "analysis:read"),
    "verified_queries_delete": Rule(EDITOR, "analysis:write", spends=True),
    "glossary_list": Rule(USER, "analysis:read"),
    "glossary_create": Rule(EDITOR, "analysis:write", TERM),
    "glossary_read": Rule(VIEWER, "analysis:read"),
    "glossary_change": Rule(EDITOR, "analysis:write", {"definition": "Changed."}),
    "glossary_delete": Rule(EDITOR, "analysis:write", spends=True),
    "models_algorithms": Rule(USER, "models:read"),
    "models_train": Rule(EDITOR, "models:write", TRAINING),
    "models_list": Rule(USER, "models:read"),
    "models_compare": Rule(VIEWER, "models:read", query=PAIR),
    "models_read": Rule(VIEWER, "models:read"),
    "models_change": Rule(EDITOR, "models:write", {"notes": "Changed."}),
    "models_delete": Rule(EDITOR, "models:write", spends=True),
    "models_versions": Rule(VIEWER, "models:read"),
    "models_version": Rule(VIEWER, "models:read", path=FIRST),
    "models_version_delete": Rule(EDITOR, "models:write", path=FIRST, spends=True),
    "models_card": Rule(VIEWER, "models:read"),
    "models_leaderboard": Rule(VIEWER, "models:read"),
    "models_importance": Rule(VIEWER, "models:read"),
    "models_export": Rule(VIEWER, "models:read"),
    "models_aliases": Rule(VIEWER, "models:read"),
    "models_alias_put": Rule(EDITOR, "models:write", {"version": 1}, NEXT),
    "models_alias_delete": Rule(EDITOR, "models:write", path=MOVED, spends=True),
    "models_alias_history": Rule(VIEWER, "models:read", path=MOVED),
    "models_predict": Rule(VIEWER, "models:read", {"rows": [{}]}),
    "models_explain": Rule(VIEWER, "models:read", {"rows": [{}]}),
    "models_what_if": Rule(VIEWER, "models:read", {"row": {}, "changes": [{}]}),
    "models_predict_batch": Rule(EDITOR, "models:write", {"dataset_id": "{dataset_id}"}),
    "models_evaluate": Rule(EDITOR, "models:write", {"dataset_id": "{dataset_id}"}),
    "models_monitor": Rule(EDITOR, "models:write", {"dataset_id": "{dataset_id}"}),
    "models_evaluations": Rule(VIEWER, "models:read"),
    "schedules_list": Rule(USER, "tasks:read"),
    "schedules_create": Rule(EDITOR, "tasks:write", SCHEDULE),
    "schedules_read": Rule(VIEWER, "tasks:read"),
    "schedules_change": Rule(EDITOR, "tasks:write", {"catch_up": "none"}),
    "schedules_delete": Rule(EDITOR, "tasks:write", spends=True),
    "schedules_runs": Rule(VIEWER, "tasks:read"),
    "schedules_run": Rule(EDITOR, "tasks:write"),
    "tasks_list": Rule(USER, "tasks:read"),
    "tasks_queues": Rule(USER, "tasks:read"),
    "tasks_workers": Rule(USER, "tasks:read"),
    "tasks_stats": Rule(USER, "tasks:read"),
    "tasks_dead_letter": Rule(USER, "tasks:read"),
    "tasks_cluster": Rule(USER, "tasks:read"),
    "tasks_jobs": Rule(USER, "tasks:read"),
    "tasks_submit": Rule(EDITOR, "tasks:write", {**ORDER, "job": "partitioned-profile"}),
    "tasks_read": Rule(VIEWER, "tasks:read"),
    "tasks_cancel": Rule(EDITOR, "tasks:write"),
    "tasks_retry": Rule(EDITOR, "tasks:write", path={"task_id": "{failed_task_id}"}),
    "tasks_logs": Rule(VIEWER, "tasks:read"),
    "tasks_attempts": Rule(VIEWER, "tasks:read"),
    "tasks_events": Rule(VIEWER, "tasks:read"),
    "tasks_result": Rule(VIEWER, "tasks:read"),
}
