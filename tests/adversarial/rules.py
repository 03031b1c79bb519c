"""Who may do what: a line for each operation of the merged document. A new operation needs one; a test says so.

`least` is the least that a caller must be, `key` the scope that an API key must have for it (LOGIN: none will do, OPEN:
any will). Names in braces, in paths and bodies, are attributes of a World.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .world import PNG


class Least(Enum):
    """What a caller must be at least."""

    ANYBODY = "no credentials"
    USER = "any account"
    SELF = "the account that the path names, or that what it names belongs to"
    VIEWER = "a member of the project"
    EDITOR = "an editor of the project"
    OWNER = "an owner of the project"
    ADMIN = "an administrator"


LOGIN, OPEN = "login", "open"
Content = Mapping[str, Any] | bytes | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation's demands, and a request that a caller who meets them can make."""

    least: Least
    key: str
    body: Content = None
    path: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    query: str = ""
    # Administrators may do it too, whose resource it ever is.
    admin: bool = False
    # Whoever may do it uses something up: the resource, or the session.
    spends: bool = False
    # Has to be there before.
    needs: str = ""
    # Whoever may not do it is told so even about what is absent.
    told_first: bool = False


ANYBODY, USER, SELF = Least.ANYBODY, Least.USER, Least.SELF
VIEWER, EDITOR, OWNER, ADMIN = Least.VIEWER, Least.EDITOR, Least.OWNER, Least.ADMIN
NOT_A_TOKEN = "A" * 43
WRONG = {"current_password": "not the present one", "new_password": "seven grey geese over it"}
GUEST = {"user_id": "{guest_id}"}
ORDER = {"project_id": "{project_id}", "dataset_id": "{dataset_id}", "params": {"columns": ["a"]}}
ACTION = {"kind": "analysis", "dataset_id": "{dataset_id}", "type": "describe", "params": {}}
LEARN = {"target": "a", "features": ["b"], "problem": "regression", "algorithm": "linear", "budget_seconds": 5}
TRAINING = {"project_id": "{project_id}", "dataset_id": "{dataset_id}", **LEARN, "name": "{fresh_name}"}
PAIR = "?ids={model_id},{model_id}@latest"
FIRST = {"version": "1"}
NEXT, MOVED = {"alias": "next"}, {"alias": "{model_alias}"}
SCHEDULE = {"project_id": "{project_id}", "name": "{fresh_name}", "cron": "0 0 29 2 *", "action": ACTION}
QUERY = {"project_id": "{project_id}", "sql": "SELECT 1 AS one"}
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n{project_id}\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n1,2\n\r\n--x--\r\n'
)
RULE = {"rule": {"kind": "row_count", "min": 1}, "severity": "warning"}
FORM_KIND = "multipart/form-data; boundary=x"
FILE_FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n1,2\n\r\n--x--\r\n'
VERSION_FORM = (
    b'--x\r\nContent-Disposition: form-data; name="mode"\r\n\r\nappend\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b,same\n1,2,1\n\r\n--x--\r\n'
)
HOOK = {"url": "https://hooks.invalid/a", "events": ["task.failed"]}
PARTS = {"project_id": "{project_id}", "filename": "a.csv", "bytes": 8}
ARTIFACT = {"name": "{artifact}"}
QUERY_TASK = {"task_id": "{query_task_id}"}
OUTPUT = {"output": {"name": "{fresh_name}"}}
STEPS = {"project_id": "{project_id}", "dataset_id": "{dataset_id}", "steps": [{"op": "limit", "n": 2}]}
ONE_STEP = {"project_id": "{project_id}", "dataset_id": "{dataset_id}", "n": 2, **OUTPUT}
PIPELINE = {"name": "{fresh_name}", "steps": [{"op": "limit", "n": 2}]}
NUMBER = {"number": "1"}

RULES: dict[str, Rule] = {
    "api_gateway_health": Rule(ANYBODY, OPEN),
    "api_gateway_health_detailed": Rule(ANYBODY, OPEN),
    "api_gateway_ready": Rule(ANYBODY, OPEN),
    "auth_register": Rule(ANYBODY, OPEN, {"email": "{fresh_email}", "password": "a pass phrase that will do"}),
    "auth_login": Rule(ANYBODY, OPEN, {"email": "nobody@example.org", "password": "wrong"}),
    "auth_refresh": Rule(ANYBODY, OPEN, {"refresh_token": NOT_A_TOKEN}),
    "auth_forgot_password": Rule(ANYBODY, OPEN, {"email": "nobody@example.org"}),
    "auth_reset_password": Rule(ANYBODY, OPEN, {"token": NOT_A_TOKEN, "new_password": "seven grey geese over it"}),
    "auth_verify_email": Rule(ANYBODY, OPEN, {"token": NOT_A_TOKEN}),
    "auth_resend_verification": Rule(ANYBODY, OPEN, {"email": "nobody@example.org"}),
    "auth_me": Rule(USER, OPEN),
    "auth_logout": Rule(USER, LOGIN, spends=True),
    "auth_logout_all": Rule(USER, LOGIN, spends=True),
    "auth_change_password": Rule(USER, LOGIN, WRONG),
    "auth_sessions_list": Rule(USER, LOGIN),
    "auth_sessions_revoke": Rule(SELF, LOGIN, spends=True),
    "auth_api_keys_list": Rule(USER, LOGIN),
    "auth_api_keys_create": Rule(USER, LOGIN, {"name": "another", "scopes": ["tasks:read"]}),
    "auth_api_keys_revoke": Rule(SELF, LOGIN, spends=True),
    "users_list": Rule(ADMIN, "admin", told_first=True),
    "users_read": Rule(SELF, "admin", admin=True),
    "users_update": Rule(SELF, "admin", {"full_name": "Somebody"}, admin=True),
    "users_delete": Rule(SELF, LOGIN, admin=True, spends=True),
    "users_role_set": Rule(ADMIN, "admin", {"role": "user"}, told_first=True),
    "users_me_read": Rule(USER, "users:read"),
    "users_me_update": Rule(USER, "users:write", {"full_name": "Somebody"}),
    "users_me_delete": Rule(USER, LOGIN, spends=True),
    "users_me_profile_read": Rule(USER, "users:read"),
    "users_me_profile_update": Rule(USER, "users:write", {"preferences": {"theme": "dark"}}),
    "users_me_avatar_put": Rule(USER, "users:write", PNG, kind="image/png"),
    "users_me_avatar_read": Rule(USER, "users:read", needs="avatar"),
    "users_me_avatar_delete": Rule(USER, "users:write", needs="avatar", spends=True),
    "users_me_usage": Rule(USER, "users:read"),
    "users_me_export": Rule(USER, "users:read"),
    "api_logs_list": Rule(ADMIN, "admin", told_first=True),
    "projects_list": Rule(USER, "projects:read"),
    "projects_create": Rule(USER, "projects:write", {"name": "Another"}),
    "projects_read": Rule(VIEWER, "projects:read"),
    "projects_update": Rule(EDITOR, "projects:write", {"description": "Changed."}),
    "projects_delete": Rule(OWNER, "projects:write", spends=True),
    "projects_archive": Rule(OWNER, "projects:write", spends=True),
    "projects_restore": Rule(OWNER, "projects:write"),
    "projects_members_list": Rule(VIEWER, "projects:read"),
    "projects_members_add": Rule(OWNER, "projects:write", {"user_id": "{user_id}", "role": "viewer"}),
    "projects_members_update": Rule(OWNER, "projects:write", {"role": "viewer"}, GUEST),
    "projects_members_remove": Rule(OWNER, "projects:write", path=GUEST, spends=True),
    "projects_invitations_list": Rule(OWNER, "projects:read"),
    "projects_invitations_create": Rule(OWNER, "projects:write", {"email": "guest@example.org", "role": "viewer"}),
    "projects_invitations_withdraw": Rule(OWNER, "projects:write", spends=True),
    "projects_invitations_accept": Rule(USER, "projects:write", {"token": NOT_A_TOKEN}),
    "projects_quotas_read": Rule(VIEWER, "projects:read", admin=True),
    "projects_quotas_set": Rule(ADMIN, "admin", {"max_tasks": None}),
    "projects_usage": Rule(VIEWER, "projects:read", admin=True),
    "projects_webhooks_list": Rule(VIEWER, "projects:read"),
    "projects_webhooks_create": Rule(EDITOR, "projects:write", HOOK),
    "projects_webhooks_read": Rule(VIEWER, "projects:read"),
    "projects_webhooks_update": Rule(EDITOR, "projects:write", {"description": "Changed."}),
    "projects_webhooks_delete": Rule(EDITOR, "projects:write", spends=True),
    "projects_webhooks_secret_rotate": Rule(EDITOR, "projects:write", {}),
    "projects_webhooks_test": Rule(EDITOR, "projects:write"),
    "projects_webhooks_deliveries_list": Rule(EDITOR, "projects:read"),
    "projects_webhooks_deliveries_read": Rule(EDITOR, "projects:read"),
    "projects_webhooks_deliveries_replay": Rule(EDITOR, "projects:write"),
    "upload_formats": Rule(USER, "datasets:read"),
    "upload_file": Rule(EDITOR, "datasets:write", FORM, kind=FORM_KIND),
    "upload_inspect": Rule(USER, "datasets:read", FILE_FORM, kind=FORM_KIND),
    # Off unless an operator wants it, so it is asked for what no instance fetches.
    "upload_url": Rule(USER, "datasets:write", {"project_id": "{project_id}", "url": ""}),
    "upload_sessions_create": Rule(EDITOR, "datasets:write", PARTS),
    "upload_presign": Rule(EDITOR, "datasets:write", PARTS),
    "upload_sessions_read": Rule(VIEWER, "datasets:read"),
    "upload_sessions_part_put": Rule(EDITOR, "datasets:write", b"a,b\n1,2\n", NUMBER, kind="application/octet-stream"),
    "upload_sessions_abort": Rule(EDITOR, "datasets:write", spends=True),
    "upload_sessions_complete": Rule(EDITOR, "datasets:write", {}),
    "datasets_versions_create": Rule(EDITOR, "datasets:write", VERSION_FORM, kind=FORM_KIND),
    "datasets_list": Rule(USER, "datasets:read"),
    "datasets_get": Rule(VIEWER, "datasets:read"),
    "datasets_change": Rule(EDITOR, "datasets:write", {"description": "Changed."}),
    "datasets_delete": Rule(EDITOR, "datasets:write", spends=True),
    "datasets_restore": Rule(EDITOR, "datasets:write"),
    "datasets_schema": Rule(VIEWER, "datasets:read"),
    "datasets_describe": Rule(EDITOR, "datasets:write", {"columns": {"a": {"unit": "m"}}}),
    "datasets_rows": Rule(VIEWER, "datasets:read"),
    "datasets_column_values": Rule(VIEWER, "datasets:read", path={"column": "a"}),
    "datasets_lineage": Rule(VIEWER, "datasets:read"),
    "datasets_retention": Rule(VIEWER, "datasets:read"),
    "datasets_retention_set": Rule(EDITOR, "datasets:write", {"keep_versions": 100}),
    "datasets_rollback": Rule(EDITOR, "datasets:write", {"version": 1}),
    "datasets_gc": Rule(OWNER, "datasets:write", {"project_id": "{project_id}", "dry_run": True}),
    "datasets_preview": Rule(VIEWER, "datasets:read"),
    "datasets_profile": Rule(VIEWER, "datasets:read"),
    "datasets_profile_report": Rule(VIEWER, "datasets:read"),
    "datasets_download": Rule(VIEWER, "datasets:read"),
    "datasets_versions": Rule(VIEWER, "datasets:read"),
    "datasets_version": Rule(VIEWER, "datasets:read", path=NUMBER),
    "datasets_diff": Rule(VIEWER, "datasets:read", path={"a": "1", "b": "1"}),
    "datasets_diff_rows": Rule(VIEWER, "datasets:read", path={"a": "1", "b": "1"}),
    "quality_rules_list": Rule(VIEWER, "datasets:read"),
    "quality_rules_create": Rule(EDITOR, "datasets:write", RULE),
    "quality_rules_replace": Rule(EDITOR, "datasets:write", RULE),
    "quality_rules_delete": Rule(EDITOR, "datasets:write", spends=True),
    "quality_suggest": Rule(VIEWER, "datasets:read"),
    "quality_run": Rule(EDITOR, "datasets:write", needs="rule_id"),
    "quality_runs_list": Rule(VIEWER, "datasets:read"),
    "quality_gate_get": Rule(VIEWER, "datasets:read"),
    "quality_gate_set": Rule(EDITOR, "datasets:write", {"enabled": False}),
    "datasets_drift": Rule(VIEWER, "datasets:read", {"reference": 1}),
    "process_query": Rule(VIEWER, "datasets:read", QUERY),
    "process_query_validate": Rule(VIEWER, "datasets:read", QUERY),
    "process_query_estimate": Rule(VIEWER, "datasets:read", QUERY),
    "process_query_read": Rule(VIEWER, "datasets:read", path=QUERY_TASK),
    "process_query_results": Rule(VIEWER, "datasets:read", path=QUERY_TASK),
    "process_query_remove": Rule(EDITOR, "datasets:write", path=QUERY_TASK, spends=True),
    "process_operations": Rule(USER, "datasets:read"),
    "process_preview": Rule(VIEWER, "datasets:read", STEPS),
    "process_run": Rule(EDITOR, "datasets:write", {**STEPS, **OUTPUT}),
    "process_operation": Rule(EDITOR, "datasets:write", ONE_STEP, {"operation": "limit"}),
    "pipelines_list": Rule(USER, "datasets:read"),
    "pipelines_create": Rule(EDITOR, "datasets:write", {"project_id": "{project_id}", **PIPELINE}),
    "pipelines_get": Rule(VIEWER, "datasets:read"),
    "pipelines_replace": Rule(EDITOR, "datasets:write", PIPELINE),
    "pipelines_delete": Rule(EDITOR, "datasets:write", spends=True),
    "pipelines_versions": Rule(VIEWER, "datasets:read"),
    "pipelines_run": Rule(EDITOR, "datasets:write", {"dataset_id": "{dataset_id}", **OUTPUT}),
    "pipelines_runs": Rule(VIEWER, "datasets:read"),
    "analysis_types": Rule(USER, "analysis:read"),
    "analysis_list": Rule(USER, "analysis:read"),
    "analysis_hypotheses": Rule(USER, "analysis:read"),
    "analysis_submit": Rule(EDITOR, "analysis:write", {**ORDER, "type": "describe"}),
    "analysis_submit_type": Rule(EDITOR, "analysis:write", ORDER, {"type": "describe"}),
    "analysis_certify": Rule(EDITOR, "analysis:write", {"project_id": "{project_id}"}),
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
