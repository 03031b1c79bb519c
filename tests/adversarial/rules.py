"""Who may do what: a line for each operation of the merged document. A new operation needs one; a test says so.

`least` is the least that a caller must be, `key` the scope that an API key must have for it (LOGIN: none will do, OPEN:
any will). Names in braces, in paths and bodies, are attributes of a World.
"""

from .ai_rules import AI_RULES
from .rule import LOGIN, OPEN, Content, Least, Rule
from .world import PNG

__all__ = ["LOGIN", "OPEN", "RULES", "Content", "Least", "Rule"]

ANYBODY, USER, SELF = Least.ANYBODY, Least.USER, Least.SELF
VIEWER, EDITOR, OWNER, ADMIN = Least.VIEWER, Least.EDITOR, Least.OWNER, Least.ADMIN
NOT_A_TOKEN = "A" * 43
WRONG = {"current_password": "not the present one", "new_password": "seven grey geese over it"}
GUEST = {"user_id": "{guest_id}"}
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
    "projects_egress_list": Rule(OWNER, "projects:read"),
    "projects_egress_export": Rule(OWNER, "projects:read"),
    "projects_egress_read": Rule(OWNER, "projects:read", absent=True),
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
    **AI_RULES,
}
